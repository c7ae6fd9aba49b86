"""The memory of a training step before it runs: traced at two depths and carried on, exactly, to the model's own.

The peak of a step is the highest of a few moments: the end of forward, the loss, the first layer that backward reaches,
and so on. Each of them is linear in the number of layers; their maximum is not. So every moment is carried on by itself
and the highest is taken last.
"""

from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedConfig

from finetune_lab.config import Method
from finetune_lab.device import Device
from finetune_lab.events import MEMORY_COMPONENTS
from finetune_lab.memory.closed_form import count, held_bytes
from finetune_lab.memory.meta_model import MetaModel, build_on_meta, depth_of, depths_to_trace
from finetune_lab.memory.tracing import Shape, Traced, trace

Moment = tuple[
    str, str
]  # phase, and the part of the model: the first, an inner or the last layer, or what lies outside


@dataclass(frozen=True)
class Prediction:
    """Bytes by component: each one's own largest in a step, and the split at the moment of the peak."""

    components: dict[str, int]
    at_peak: dict[str, int]
    peak: int
    moment: Moment
    highest: dict[Moment, int]  # bytes at the highest point of each moment; the largest is the peak
    closed_form: dict[str, int]  # what is held, by arithmetic alone
    trained: int  # weights that move
    adapter_tensors: int  # in the adapter's file; 0 for a full tune


def predict_components(config: PreTrainedConfig, method: Method, device: Device, shape: Shape) -> Prediction:
    """What a step of this shape will hold on `device`, from the second step on.

    Raises:
        ConfigError: no adapter can be attached to the modules that `method` names.
    """
    full = depth_of(config)
    traced = [trace(build_on_meta(config, method, device, depth), shape, device) for depth in depths_to_trace(config)]
    depths = [step.built.depth for step in traced]

    def carried(values: list[dict[Any, tuple[int, ...]]]) -> dict[Any, tuple[int, ...]]:
        return {name: _carried(depths, [value[name] for value in values], full) for name in values[0]}

    highest = carried([moments(step) for step in traced])
    moment = max(highest, key=lambda name: sum(highest[name]))
    at_peak = dict(zip(MEMORY_COMPONENTS, highest[moment], strict=True))
    fixed = _alone(carried([_tuples(step.fixed) for step in traced]))
    counts = [count(step.built.model) for step in traced]
    sizes = carried([{"trained": (c.trained,), "tensors": (c.trained_tensors if c.adapter else 0,)} for c in counts])
    held = carried([_tuples(held_bytes(c, method, device.dtype.itemsize)) for c in counts])
    tops = carried([largest(step) for step in traced])
    most = {name: max(top[at] for top in tops.values()) for at, name in enumerate(MEMORY_COMPONENTS)}
    components = {**most, **fixed, "other": at_peak["other"]}
    return Prediction(
        components={name: components[name] for name in MEMORY_COMPONENTS},
        at_peak=at_peak,
        peak=sum(highest[moment]),
        moment=moment,
        highest={name: sum(split) for name, split in highest.items()},
        closed_form=_alone(held),
        trained=sizes["trained"][0],
        adapter_tensors=sizes["tensors"][0],
    )


def moments(traced: Traced) -> dict[Moment, tuple[int, ...]]:
    """The split of the highest point in each phase and part of the model."""
    return {moment: max(splits, key=sum) for moment, splits in _by_moment(traced).items()}


def largest(traced: Traced) -> dict[Moment, tuple[int, ...]]:
    """Each component's own largest value in each phase and part of the model."""
    return {moment: tuple(map(max, zip(*splits, strict=True))) for moment, splits in _by_moment(traced).items()}


def _by_moment(traced: Traced) -> dict[Moment, list[tuple[int, ...]]]:
    found: dict[Moment, list[tuple[int, ...]]] = {}
    for moment, point in zip(moments_of(traced), traced.curve.points, strict=True):
        found.setdefault(moment, []).append(point.split)
    return found


def moments_of(traced: Traced) -> tuple[Moment, ...]:
    """The moment that each point of the curve belongs to."""
    found: list[Moment] = []
    phase, reached = "", False
    for point in traced.curve.points:
        if point.phase != phase:
            phase, reached = point.phase, False
        reached = reached or traced.built.layer_of(point.module) is not None
        part = _part(traced.built, point.module) or f"{'after' if reached else 'before'} the layers"
        found.append((phase, part))
    return tuple(found)


def _part(built: MetaModel, module: str) -> str:
    """The layer's place among the layers; outside of them the module's own name, since each has its own slope."""
    layer = built.layer_of(module)
    if layer is None:
        return module
    return "the first layer" if layer == 0 else "the last layer" if layer == built.depth - 1 else "an inner layer"


def _carried(depths: list[int], values: list[tuple[int, ...]], full: int) -> tuple[int, ...]:
    if depths[0] == full:
        return values[0]
    repetitions = (full - depths[0]) // (depths[1] - depths[0])
    return tuple(low + (high - low) * repetitions for low, high in zip(*values, strict=True))


def _tuples(values: dict[str, int]) -> dict[str, tuple[int, ...]]:
    return {name: (value,) for name, value in values.items()}


def _alone(values: dict[str, tuple[int, ...]]) -> dict[str, int]:
    return {name: value[0] for name, value in values.items()}
