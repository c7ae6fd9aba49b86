"""Many points as a few that look the same: a chart 400 points wide shows no more."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from finetune_lab.events import Stepped

MOST = 500  # points of a line
TINY = 1e-9  # of a fit over a single point
Floats = NDArray[np.float64]


def chosen(count: int) -> NDArray[np.int64]:
    """At most `MOST` numbers below `count`, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST)).round().astype(np.int64))


def highest_of_each(steps: Sequence[Stepped]) -> list[Stepped]:
    """At most `MOST` steps: of each group of neighbours the one that held most memory, and the last."""
    if len(steps) <= MOST:
        return list(steps)
    groups = np.array_split(np.arange(len(steps)), MOST - 1)
    kept = [max((steps[at] for at in group), key=lambda step: sum(step.memory.values())) for group in groups]
    return kept if kept[-1] is steps[-1] else [*kept, steps[-1]]


def smooth(values: Floats, width: float) -> Floats:
    """Local linear fit with Gaussian weights of this width in points; the charts of finished runs do the same.

    A width taken from the whole run's steps, not from those done so far, leaves what is drawn already as it is.
    """
    reach = min(math.ceil(3 * width), max(len(values) - 1, 1))
    x = np.arange(-reach, reach + 1)
    weight = np.exp(-((x / width) ** 2) / 2)

    def windowed(over: Floats, power: int) -> Floats:
        return np.convolve(over, (weight * x**power)[::-1])[reach : reach + len(over)]

    w, wx, wxx = (windowed(np.ones_like(values), power) for power in range(3))
    wy, wxy = (windowed(values, power) for power in range(2))
    free = w * wxx - wx * wx
    return np.where(free > TINY, (wxx * wy - wx * wxy) / np.where(free > TINY, free, 1.0), wy / w)
