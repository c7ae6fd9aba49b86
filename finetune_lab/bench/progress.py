"""What a run has come to: events folded as they come, small however long it is, read by any thread."""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from finetune_lab.bench.snapshot import Snapshot
from finetune_lab.events import Event, Started, Stepped

MOST_STEPS = 4000  # kept at the most; the file has them all
RECENT = 20  # steps that the present speed is taken from


class Progress:
    """A snapshot in the making. One thread adds, any thread looks."""

    def __init__(self, **fields: Any) -> None:
        self._lock = threading.Lock()
        self._fields = Snapshot(**fields)
        self._history = History()
        self._version = 0

    def change(self, **fields: Any) -> None:
        """Set fields of the snapshot."""
        with self._lock:
            self._fields = replace(self._fields, **fields)
            self._version += 1

    def begin(self, **fields: Any) -> None:
        """The same, for a run without any event yet."""
        with self._lock:
            self._history = History()
            self._fields = replace(self._fields, **fields)
            self._version += 1

    def add(self, events: Iterable[Event]) -> None:
        """Take events in."""
        with self._lock:
            for event in events:
                self._history.add(event)
            self._version += 1

    def snapshot(self) -> Snapshot:
        """The state now; the same object until something changes."""
        with self._lock:
            if self._fields.version != self._version:
                self._fields = replace(self._fields, version=self._version, **self._history.fields())
            return self._fields


class History:
    """The events of one run and the sums that a snapshot needs of them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._max_steps = self._step = 0
        self._seconds = 0.0
        self._recent: deque[Stepped] = deque(maxlen=RECENT)
        self._stride = 1

    def add(self, event: Event) -> None:
        """Take one more event in; where steps are too many, every second one is dropped."""
        self._step = event.step
        if isinstance(event, Started):
            self._max_steps = event.max_steps
        if isinstance(event, Stepped):
            self._seconds += event.seconds
            self._recent.append(event)
            if self.events and not self._kept(self.events[-1]):
                self.events.pop()  # it was there as the last one only
        self.events.append(event)
        if len(self.events) > MOST_STEPS:
            self._stride *= 2
            self.events = [event for event in self.events if self._kept(event)]

    def _kept(self, event: Event) -> bool:
        return not isinstance(event, Stepped) or event.step % self._stride == 0

    def fields(self) -> dict[str, Any]:
        """What the events say, as fields of a snapshot."""
        seconds, tokens = sum(step.seconds for step in self._recent), sum(step.tokens for step in self._recent)
        left = seconds / len(self._recent) * max(0, self._max_steps - self._step) if self._recent else None
        return {
            "events": tuple(self.events),
            "step": self._step,
            "max_steps": self._max_steps,
            "seconds": self._seconds,
            "tokens_per_second": tokens / seconds if seconds else None,
            "seconds_left": left,
        }
