"""From the traced moments of a step, at two depths, to its components and its peak at the model's own depth.

The same arithmetic as memory/prediction.py, over arrays, so that it can start from steps that were combined.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finetune_lab.config import Method
from finetune_lab.device import Device
from finetune_lab.events import MEMORY_COMPONENTS
from finetune_lab.memory.closed_form import count, held_bytes
from finetune_lab.memory.prediction import Moment, Prediction, moments_of
from finetune_lab.memory.tracing import Traced

Numbers = NDArray[np.float64]
OTHER = MEMORY_COMPONENTS.index("other")


@dataclass(frozen=True)
class Step:
    """One traced step in numbers."""

    depth: int
    moments: tuple[Moment, ...]  # of each point
    points: Numbers  # (points, components), bytes
    values: dict[str, int]  # what is held, bytes by component; `closed` of them by arithmetic; counts of weights

    def same(self, other: "Step") -> bool:
        """Whether all numbers agree."""
        return (
            self.moments == other.moments and np.array_equal(self.points, other.points) and self.values == other.values
        )


@dataclass(frozen=True)
class Assembled:
    """A prediction with the model's number of weights."""

    prediction: Prediction
    total_parameters: int


def step_of(traced: Traced, method: Method, device: Device) -> Step:
    """The numbers of a traced step; its model is not kept."""
    counts = count(traced.built.model)
    held = held_bytes(counts, method, device.dtype.itemsize)
    values = {f"fixed {name}": size for name, size in traced.fixed.items()}
    values |= {f"closed {name}": size for name, size in held.items()}
    values |= {
        "trained": counts.trained,
        "tensors": counts.trained_tensors if counts.adapter else 0,
        "total": counts.plain + counts.adapter + sum(out * inner for out, inner in counts.quantized),
    }
    points = traced.curve.points
    return Step(
        traced.built.depth, moments_of(traced), np.array([point.split for point in points], dtype=np.float64), values
    )


def assembled(steps: list[Step], full: int) -> Assembled:
    """The prediction at the depth `full`, from one step at that depth or from two shallower ones."""
    low, high = steps[0], steps[-1]
    times = (full - low.depth) // (high.depth - low.depth) if len(steps) > 1 else 0
    rows = [_by_moment(step) for step in steps]
    tops, mosts = {}, {}
    for moment in rows[0]:
        highest = [found[moment][found[moment].sum(axis=1).argmax()] for found in rows]
        most = [found[moment].max(axis=0) for found in rows]
        tops[moment] = highest[0] + (highest[-1] - highest[0]) * times
        mosts[moment] = most[0] + (most[-1] - most[0]) * times
    values = {name: value + (high.values[name] - value) * times for name, value in low.values.items()}
    moment = max(tops, key=lambda name: float(tops[name].sum()))
    at_peak = [int(size) for size in tops[moment]]
    components = dict(zip(MEMORY_COMPONENTS, (int(size) for size in np.max(list(mosts.values()), axis=0)), strict=True))
    prediction = Prediction(
        components={**components, **_named(values, "fixed "), "other": at_peak[OTHER]},
        at_peak=dict(zip(MEMORY_COMPONENTS, at_peak, strict=True)),
        peak=sum(at_peak),
        moment=moment,
        highest={name: int(split.sum()) for name, split in tops.items()},
        closed_form=_named(values, "closed "),
        trained=values["trained"],
        adapter_tensors=values["tensors"],
    )
    return Assembled(prediction, values["total"])


def _by_moment(step: Step) -> dict[Moment, Numbers]:
    names = dict.fromkeys(step.moments)
    return {name: step.points[[at for at, moment in enumerate(step.moments) if moment == name]] for name in names}


def _named(values: dict[str, int], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
