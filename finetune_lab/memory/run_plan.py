"""The plan of a run whose batches are known, and how it compares with what was then measured."""

from collections.abc import Iterable, Mapping

from transformers import PreTrainedConfig

from finetune_lab.batches import Batch
from finetune_lab.config import Method, TuneConfig
from finetune_lab.device import Device
from finetune_lab.events import MEMORY_COMPONENTS
from finetune_lab.memory.planning import Plan, plan_of
from finetune_lab.memory.tracing import Shape
from finetune_lab.tables import readable


def plan_of_run(
    config: PreTrainedConfig, method: Method, device: Device, asked: TuneConfig, batches: Iterable[Batch]
) -> Plan:
    """The plan for the run's largest batch: by tokens or by labelled tokens, whichever needs more.

    Args:
        config: of the base.
        method: how it is tuned.
        device: where.
        asked: accumulation, checkpointing and the base's name are taken from it.
        batches: all that the run will see, or an epoch of them.
    """
    sizes = {(batch.input_ids.shape[0], batch.input_ids.shape[1], len(batch.targets)) for batch in batches}
    candidates = {max(sizes, key=lambda size: (size[0] * size[1], size[2])), max(sizes, key=lambda size: size[2])}
    shapes = [
        Shape(rows, width, labelled, asked.gradient_accumulation_steps, asked.gradient_checkpointing)
        for rows, width, labelled in sorted(candidates)
    ]
    plans = [plan_of(asked.model, config, method, device, shape) for shape in shapes]
    return max(plans, key=lambda made: made.peak)


def errors(predicted: Mapping[str, int], measured: Mapping[str, int]) -> dict[str, float | None]:
    """Predicted over measured, less one, for each component and the peak; None where nothing was measured."""
    return {
        name: predicted.get(name, 0) / measured[name] - 1 if measured.get(name) else None
        for name in (*MEMORY_COMPONENTS, "peak")
    }


def error_rows(predicted: Mapping[str, int], measured: Mapping[str, int]) -> list[dict[str, str]]:
    """Predicted, measured and the error, one row a component, its cells ready to read."""
    found = errors(predicted, measured)
    return [
        {
            "memory": name,
            "predicted": readable(predicted.get(name, 0)),
            "measured": readable(measured[name]) if name in measured else "-",
            "error": "-" if error is None else f"{100 * error:+.1f} %",
        }
        for name, error in found.items()
    ]
