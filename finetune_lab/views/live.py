"""`lab.tune` and `lab.compare`: the same calls as in the core, with a display that moves while they run.

    tuning --events--> Live --at most twice a second--> one display of the cell, replaced in place: no widgets

Nobody watches a script or a notebook that a program runs: there nothing is shown, and nothing of this is loaded.
"""

import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from finetune_lab.bench.progress import Progress
from finetune_lab.bench.snapshot import Snapshot
from finetune_lab.config import Method
from finetune_lab.events import Ended, Event, Started
from finetune_lab.tuning import comparison, run
from finetune_lab.tuning.comparison import Comparison
from finetune_lab.tuning.record import what_was_asked
from finetune_lab.tuning.run import Run
from finetune_lab.tuning.run_folder import RunFolder
from finetune_lab.views.bench.audience import watched

SECONDS_BETWEEN = 0.5


@wraps(run.tune)
def tune(*args: Any, on_event: Callable[[Event], None] | None = None, **rest: Any) -> Run:
    """`tuning.run.tune`, shown while it runs."""
    with Live() as live:

        def hear(event: Event) -> None:
            live.hear(event)
            if on_event is not None:
                on_event(event)

        return run.tune(*args, on_event=hear, **rest)


@wraps(comparison.compare)
def compare(*args: Any, on_event: Callable[[Method, Event], None] | None = None, **rest: Any) -> Comparison:
    """`tuning.comparison.compare`, shown while it runs."""
    with Live() as live:

        def hear(method: Method, event: Event) -> None:
            live.hear(event)
            if on_event is not None:
                on_event(method, event)

        return comparison.compare(*args, on_event=hear, **rest)


class Live:
    """One display of the cell: a line for each run that is over, and the run in progress below."""

    def __init__(self) -> None:
        self._over: list[Snapshot] = []
        self._progress = Progress(state="starting")
        self._at = 0.0
        self._handle: Any = None  # of the display; None where nobody watches

    def __enter__(self) -> Self:
        if watched():
            from IPython.display import display

            self._handle = display(self._drawn(), raw=True, display_id=True)  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """What came out stays, as in the saved notebook; and which run broke off, without an event that says so."""
        broken = error is not None and self._progress.snapshot().events
        why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        self._progress.change(state="failed" if broken else "idle", error=why if broken else None)
        self._show()

    def hear(self, event: Event) -> None:
        """Take an event in, and show it if the last picture is old enough; a beginning and an end always."""
        if self._handle is None:
            return
        if isinstance(event, Started):
            method, _ = what_was_asked(RunFolder(Path(event.run_dir)).description())
            self._progress = Progress(state="running", method=method)
        self._progress.add([event])
        if isinstance(event, Ended):
            self._over.append(self._progress.snapshot())
            self._progress = Progress(state="starting")
        if isinstance(event, Started | Ended) or time.monotonic() - self._at >= SECONDS_BETWEEN:
            self._show()

    def _show(self) -> None:
        if self._handle is not None:
            self._handle.update(self._drawn(), raw=True)
            self._at = time.monotonic()

    def _drawn(self) -> dict[str, str]:
        from finetune_lab.views.live_drawing import drawn

        return drawn(self._over, self._progress.snapshot())
