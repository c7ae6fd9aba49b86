"""The memory of a training step before it runs: traced at two depths and carried on, exactly, to the model's own.

The peak of a step is the highest of a few moments: the end of forward, the loss, the first layer that backward reaches,
and so on. Each of them is linear in the number of layers; their maximum is not. So every moment is carried on by itself
and the highest is taken last.
"""

from dataclasses import dataclass

from transformers import PretrainedConfig

from finetune_lab.config import Method
from finetune_lab.device import Device
from finetune_lab.events import MEMORY_COMPONENTS
from finetune_lab.memory.meta_model import build_on_meta, depth_of, depths_to_trace
from finetune_lab.memory.tracing import Shape, Traced, trace

Moment = tuple[str, str]  # phase, and which part of the model: before the layers, the first, an inner or the last one, after


@dataclass(frozen=True)
class Prediction:
    """Bytes by component: each one's own largest in a step, and the split at the moment of the peak."""

    components: dict[str, int]
    at_peak: dict[str, int]
    peak: int
    moment: Moment


def predict_components(config: PretrainedConfig, method: Method, device: Device, shape: Shape) -> Prediction:
    """What a step of this shape will hold on `device`."""
    full = depth_of(config)
    traced = [trace(build_on_meta(config, method, device, depth), shape, device) for depth in depths_to_trace(config)]
    found = [(step.built.depth, moments(step)) for step in traced]
    carried = {moment: _carried([(depth, at[moment]) for depth, at in found], full) for moment in found[0][1]}
    moment = max(carried, key=lambda name: sum(carried[name]))
    fixed = {
        name: _carried([(step.built.depth, (step.fixed[name],)) for step in traced], full)[0]
        for name in traced[0].fixed
    }
    largest = {name: max(split[at] for split in carried.values()) for at, name in enumerate(MEMORY_COMPONENTS)}
    at_peak = dict(zip(MEMORY_COMPONENTS, carried[moment], strict=True))
    components = {**largest, **fixed, "other": at_peak["other"]}
    return Prediction({name: components[name] for name in MEMORY_COMPONENTS}, at_peak, sum(carried[moment]), moment)


def moments(traced: Traced) -> dict[Moment, tuple[int, ...]]:
    """The split of the highest point in each phase and part of the model."""
    highest: dict[Moment, tuple[int, ...]] = {}
    for point in traced.curve.points:
        layer = traced.built.layer_of(point.module)
        moment = (point.phase, _part(layer, traced.built.depth))
        if moment not in highest or point.total > sum(highest[moment]):
            highest[moment] = point.split
    return highest


def _part(layer: int | None, depth: int) -> str:
    if layer is None:
        return "outside the layers"
    return "the first layer" if layer == 0 else "the last layer" if layer == depth - 1 else "an inner layer"


def _carried(found: list[tuple[int, tuple[int, ...]]], full: int) -> tuple[int, ...]:
    (depth, low), (next_depth, high) = found[0], found[-1]
    if depth == full or next_depth == depth:
        return low
    steps = (full - depth) // (next_depth - depth)
    return tuple(a + (b - a) * steps for a, b in zip(low, high, strict=True))
