"""The runs that a class handed in, as far as they hold figures to draw; all of it is the students' word."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from finetune_lab.classroom.gradebook import Row

METHODS = ("full", "lora", "qlora")
LARGEST = 1e15  # of any figure: more is no measurement


@dataclass(frozen=True)
class RunPoint:
    """One run: its peak in MiB, the seconds of its steps, and its evaluation loss in nats a token."""

    student: str
    method: str
    rank: int | None
    peak: float | None
    seconds: float | None
    loss: float | None


def run_points(rows: Sequence[Row]) -> list[RunPoint]:
    """Every run whose method is known and whose evaluation loss is a number, student by student."""
    found = [_point(row.student, summary) for row in rows if row.handed for summary in row.handed.submission.summaries]
    return [one for one in found if one.method in METHODS and one.loss is not None]


def _point(student: str, summary: dict[str, Any]) -> RunPoint:
    memory = summary.get("memory")
    measured = memory.get("measured") if isinstance(memory, dict) else None
    peak = _figure(measured.get("peak")) if isinstance(measured, dict) else None
    rank, method = summary.get("rank"), summary.get("method")
    return RunPoint(
        student,
        method if isinstance(method, str) else "",
        rank if isinstance(rank, int) and not isinstance(rank, bool) and 0 < rank < 10_000 else None,
        peak / 2**20 if peak is not None else None,
        _figure(summary.get("seconds")),
        _figure(summary.get("eval_loss_after")),
    )


def _figure(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= LARGEST and math.isfinite(value) else None
