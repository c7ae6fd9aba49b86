"""A run as one line of a chart: its losses, or what it held at each step. No matplotlib."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finetune_lab.events import MEMORY_COMPONENTS, Ended, Evaluated, Event, Started, Stepped
from finetune_lab.views.bench.thinning import Floats, smooth

SMOOTHED_SHARE = 0.04  # of the run's steps
HELD = [name for name in MEMORY_COMPONENTS if name != "other"]  # of a step; `other` is part of a measured peak only
MIB = 2**20


@dataclass(frozen=True)
class Trace:
    """One run's values by step."""

    name: str
    method: str
    max_steps: int
    steps: Floats
    values: Floats  # nats a completion token, or MiB
    thick: Floats  # the same, smoothed
    marks: tuple[tuple[int, float], ...] = ()  # evaluations: step and loss
    failed: int | None = None  # the step at which it diverged
    last: str = ""  # what stands beside its end
    shade: int = 0  # tells runs of one method apart; 0 is the darkest

    @property
    def height(self) -> float:
        """Of its end."""
        if self.marks and (not len(self.steps) or self.marks[-1][0] >= self.steps[-1]):
            return self.marks[-1][1]
        return float(self.thick[-1]) if len(self.thick) else 0.0


def loss_trace(name: str, method: str, events: Sequence[Event], shade: int = 0) -> Trace:
    """The losses among these events, in nats; those that are not finite have no place in a chart."""
    stepped = [event for event in events if isinstance(event, Stepped) and math.isfinite(event.loss)]
    marks = [(e.step, e.eval_loss) for e in events if isinstance(e, Evaluated) and math.isfinite(e.eval_loss)]
    steps, losses = numbers([event.step for event in stepped]), numbers([event.loss for event in stepped])
    whole = steps_of(events)
    points = len(steps) / float(steps[-1]) if len(steps) else 1.0  # a step, where they are thinned
    thick = smooth(losses, max(1.0, SMOOTHED_SHARE * whole * points)) if len(steps) else losses
    ended = events[-1] if events and isinstance(events[-1], Ended) else None
    failed = ended.step if ended is not None and ended.status == "diverged" else None
    judged = marks and (not stepped or marks[-1][0] >= stepped[-1].step)
    last = f"evaluation {marks[-1][1]:.2f}" if judged else f"training {thick[-1]:.2f}" if len(thick) else ""
    return Trace(name, method, whole, steps, losses, thick, tuple(marks), failed,
                 f"diverged at step {failed}" if failed else last, shade)  # fmt: skip


def memory_trace(name: str, method: str, events: Sequence[Event], shade: int = 0) -> Trace:
    """What was held at each step's peak, in MiB."""
    steps = [event for event in events if isinstance(event, Stepped) and event.memory]
    sizes = numbers([held(step) / MIB for step in steps])
    last = f"peak {max(map(held, steps)) / MIB:,.0f} MiB" if steps else ""
    return Trace(
        name, method, steps_of(events), numbers([step.step for step in steps]), sizes, sizes, last=last, shade=shade
    )


def held(step: Stepped) -> int:
    """Bytes at the step's peak: measured, or else the sum of its components."""
    return step.memory.get("peak") or sum(step.memory.get(name, 0) for name in HELD)


def steps_of(events: Sequence[Event]) -> int:
    """How many steps the run is to have."""
    return next((event.max_steps for event in events if isinstance(event, Started)), 1)


def numbers(values: Sequence[float]) -> Floats:
    """Numbers as an array."""
    return np.array(values, dtype=np.float64)


def losses_said(traces: Sequence[Trace]) -> str:
    """A chart of losses in words, from the same numbers."""
    sentences = []
    for one in traces:
        parts = []
        if len(one.steps):
            first, end = (
                f"{one.values[0]:.2f} at step {one.steps[0]:.0f}",
                f"{one.thick[-1]:.2f} at {one.steps[-1]:.0f}",
            )
            parts.append(f"training loss from {first} to {end}")
        if one.marks:
            parts.append("evaluation loss " + ", ".join(f"{loss:.2f} at step {step}" for step, loss in one.marks))
        if one.failed is not None:
            parts.append(f"diverged at step {one.failed}")
        sentences.append(f"{one.name}: {'; '.join(parts) or 'no step yet'}.")
    return " ".join(["Loss by optimizer step, in nats a completion token.", *(sentences or ["Nothing has run yet."])])


def memory_said(traces: Sequence[Trace]) -> str:
    """A chart of what runs held, in words."""
    sentences = [f"{one.name}: {one.last}." for one in traces if one.last]
    return " ".join(["Memory held at each step's peak.", *(sentences or ["Nothing has run yet."])])
