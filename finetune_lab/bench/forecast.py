"""Before the run: what it will need and take, on this machine, fast enough to follow a slider.

Nothing is raised: what can't be is a fault, on one line, and the other figures stand empty.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from transformers import PreTrainedConfig

from finetune_lab.bench.assembly import Assembled
from finetune_lab.bench.interpolation import predict_memory
from finetune_lab.bench.rank_limit import limit_of
from finetune_lab.bench.run_shapes import RunShapes, shapes_of
from finetune_lab.bench.timing import Duration, duration
from finetune_lab.config import LoRA, Method, TuneConfig
from finetune_lab.device import Device, detect_device
from finetune_lab.errors import ConfigError, LabError, ModelError
from finetune_lab.memory.known_models import find_config
from finetune_lab.memory.planning import Plan
from finetune_lab.memory.targets import Verdict
from finetune_lab.memory.tracing import Shape
from finetune_lab.models import context_of
from finetune_lab.tables import readable
from finetune_lab.tuning.out_of_memory import first_line

HIGH_SCALE = 8.0  # alpha / r from which on the default rate, found at 2, is likely to be too high
HIGH_RATE = 5.0  # times the method's default, from which on a run is likely to diverge


@dataclass(frozen=True)
class Forecast:
    """What a run will need and take. Where there are `faults`, it can't be started and has no figures."""

    method: Method
    config: TuneConfig
    plan: Plan | None = None
    total_parameters: int = 0
    rank_limit: int | None = None  # of the model's smallest target layer; None for a full tune
    duration: Duration | None = None
    warnings: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def components(self) -> dict[str, int]:
        """Predicted bytes by component and their `peak`."""
        return self.plan.components if self.plan else {}

    @property
    def peak(self) -> int:
        return self.plan.peak if self.plan else 0

    @property
    def verdict(self) -> Verdict | None:
        """`fit` is `fits`, `tight` or `does not fit`; as text it says by how much."""
        return self.plan.verdict if self.plan else None

    @property
    def explanations(self) -> dict[str, str]:
        """A sentence for each component."""
        return self.plan.explanations if self.plan else {}

    @property
    def trainable_parameters(self) -> int:
        return self.plan.prediction.trained if self.plan else 0

    @property
    def share(self) -> float:
        """Of all weights, those that train."""
        return self.trainable_parameters / self.total_parameters if self.total_parameters else 0.0

    @property
    def artifact_bytes(self) -> int:
        """About what the run leaves on disk."""
        return self.plan.artifact_bytes if self.plan else 0

    def __str__(self) -> str:
        if self.plan is None:
            return "can't be run: " + " ".join(self.faults)
        trained = f"{self.trainable_parameters:,} of {self.total_parameters:,} weights train ({100 * self.share:.2f} %)"
        disk = f"{readable(self.artifact_bytes)} on disk"
        lines = [self.plan.summary, f"{trained}; {disk}", str(self.duration), *self.warnings]
        return "\n".join(lines)


def forecast(method: Method, config: TuneConfig, runs: Path | None = None) -> Forecast:
    """Predict a run on this machine.

    Args:
        method: how.
        config: everything else.
        runs: a folder of earlier runs, from which the time is taken where one is alike.
    """
    try:
        return _made(method, config, runs)
    except LabError as error:
        return Forecast(method, config, faults=(str(error),))


def warm_up(method: Method, config: TuneConfig) -> None:
    """Trace what every other rank follows from, so that a rank slider's first move is as quick as its tenth.

    It takes a second or two; a panel calls it in a thread of its own when method, bits or batch have changed.
    """
    if isinstance(method, LoRA):
        for times in (1, 2, 4):  # two to draw the line through, one to check it
            forecast(replace(method, r=max(2, method.r) * times), config)


def _made(method: Method, config: TuneConfig, runs: Path | None) -> Forecast:
    device, base = detect_device(), find_config(config.model)
    context = context_of(base)
    if context is not None and config.max_length > context:
        what = f"max_length {config.max_length} is more than the {context} tokens that {config.model} can read."
        raise ConfigError(what, f"Use max_length={context} or less.")
    shapes = shapes_of(config)
    found = {shape: _predicted(base, method, device, shape) for shape in shapes.largest}
    shape = max(found, key=lambda item: found[item].prediction.peak)
    plan = Plan(config.model, method, shape, device, found[shape].prediction, base)
    limit = limit_of(base, method.target_modules) if isinstance(method, LoRA) else None
    return Forecast(
        method=method,
        config=config,
        plan=plan,
        total_parameters=found[shape].total_parameters,
        rank_limit=limit,
        duration=duration(plan, config, shapes, found[shape].total_parameters, runs),
        warnings=tuple(_warnings(method, config, shapes, limit)),
    )


def _predicted(base: PreTrainedConfig, method: Method, device: Device, shape: Shape) -> Assembled:
    try:
        return predict_memory(base, method, device, shape)
    except LabError:
        raise
    except Exception as error:
        what = f"A step of this model can't be traced: {type(error).__name__}: {first_line(error)}."
        raise ModelError(what, "Do the sizes in its configuration agree?") from error


def _warnings(method: Method, config: TuneConfig, shapes: RunShapes, limit: int | None) -> Iterator[str]:
    """What can be run but is likely not what was meant."""
    if isinstance(method, LoRA):
        if limit is not None and method.r > limit:
            yield f"rank {method.r} is more than {limit}, an adapted layer's smallest side: the rest only adds weights"
        if method.scaling > HIGH_SCALE:
            yield f"the update is multiplied by {method.scaling:.3g}: the default learning rate may be too high then"
    rate, usual = config.learning_rate, method.default_learning_rate
    if rate is not None and rate > HIGH_RATE * usual:
        yield f"a learning rate of {rate:g} is {rate / usual:.0f} times the default of {method.name}: it may diverge"
    if shapes.cut:
        yield f"{shapes.cut} of {shapes.examples} prompts lose their start to fit {config.max_length} tokens"
    if not shapes.known:
        yield f"{config.model} is not on this machine: every row is taken to be {config.max_length} tokens long"
