"""The curve of memory within one step: forward climbs, backward falls, the optimizer moves. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from finetune_lab.events import MEMORY_COMPONENTS


class Point(NamedTuple):
    """One moment of a step: bytes by component in the order of `MEMORY_COMPONENTS`."""

    phase: str  # "forward", "backward" or "update"
    module: str  # name of the module at work, "" outside of all
    split: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.split)


@dataclass(frozen=True)
class StepCurve:
    """A step's moments in order; the highest is the step's peak."""

    points: tuple[Point, ...]

    @property
    def highest(self) -> Point:
        return max(self.points, key=lambda point: point.total)

    @property
    def peak(self) -> int:
        return self.highest.total

    def at_peak(self) -> dict[str, int]:
        """Bytes by component at the moment of the peak; they sum to it."""
        return dict(zip(MEMORY_COMPONENTS, self.highest.split, strict=True))

    def largest(self) -> dict[str, int]:
        """Each component's own largest value in the step; their moments differ, so they sum to more than the peak."""
        columns = zip(*(point.split for point in self.points), strict=True)
        return dict(zip(MEMORY_COMPONENTS, map(max, columns), strict=True))

    def thinned(self, most: int = 400) -> "StepCurve":
        """At most about `most` points: the highest of each stretch, so that the peak stays."""
        stretch = -(-len(self.points) // most)
        starts = range(0, len(self.points), max(1, stretch))
        kept = [max(self.points[at : at + stretch], key=lambda point: point.total) for at in starts]
        return StepCurve(tuple(kept))

    def to_dict(self) -> dict[str, Any]:
        """As it stands in a file: `{"components": [...], "points": [[phase, module, bytes, ...], ...]}`."""
        rows = [[point.phase, point.module, *point.split] for point in self.points]
        return {"components": list(MEMORY_COMPONENTS), "points": rows}


def curve_from_dict(saved: dict[str, Any]) -> StepCurve:
    """The curve that `StepCurve.to_dict` wrote."""
    rows: Sequence[Sequence[Any]] = saved["points"]
    return StepCurve(tuple(Point(row[0], row[1], tuple(row[2:])) for row in rows))
