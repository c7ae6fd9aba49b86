"""Ask a tune for one event after the other: in turn with forecasts, with a pause in between, to its end or a stop."""

import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from finetune_lab.bench.turns import trainer_turn
from finetune_lab.events import Evaluated, Event, Saved, Started
from finetune_lab.tuning.run_folder import RunFolder

SECONDS_BETWEEN_LOOKS = 0.05  # while paused


def step_through(
    tune: Generator[Event, None, None],
    stop: threading.Event,
    pause: threading.Event,
    hear: Callable[[bool], None],
) -> Iterator[Event]:
    """The events of `lab.train` until it ends or `stop` is set.

    Args:
        tune: what `lab.train(..., stop=stop)` returned.
        stop: looked at between two events.
        pause: no event is asked for while it is set.
        hear: told when a pause begins (True) and ends (False).
    """
    last: Event | None = None
    folder: Path | None = None
    try:
        while not (stop.is_set() and idle_after(last)):
            with trainer_turn():
                event = next(tune, None)
            if event is None:
                return
            if isinstance(event, Started):
                folder = Path(event.run_dir)
            last = event
            yield event
            hold(stop, pause, hear)
        yield from left(tune, folder)
    finally:
        with trainer_turn():
            tune.close()


def idle_after(last: Event | None) -> bool:
    """Whether a tune that is asked for its next event would begin a step, where it should stop instead.

    After a step it looks at `stop` itself; after the last one it only has the result to judge and to save.
    """
    return last is None or isinstance(last, Started | Saved) or (isinstance(last, Evaluated) and last.step == 0)


def hold(stop: threading.Event, pause: threading.Event, hear: Callable[[bool], None]) -> None:
    """Wait while a pause is asked for, unless the end is."""
    if not pause.is_set() or stop.is_set():
        return
    hear(True)
    while pause.is_set() and not stop.wait(SECONDS_BETWEEN_LOOKS):
        pass
    hear(False)


def left(tune: Generator[Event, None, None], folder: Path | None) -> list[Event]:
    """Leave a tune half-way, which saves it where it stands; returns what it has recorded in that."""
    before = len(RunFolder(folder).events()) if folder else 0
    with trainer_turn():
        tune.close()
    return RunFolder(folder).events()[before:] if folder else []
