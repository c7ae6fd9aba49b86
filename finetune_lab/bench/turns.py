"""Whose turn it is with what torch and transformers keep once for the whole process.

Building a model sets torch's random generator, and on the meta device transformers replaces the functions of
`torch.nn.init` for a moment. In two threads at once, one would train an adapter that the other left without a start.
So a training thread takes a turn for each event, and a forecast takes its own turn between two of them: at most one,
so that a slider that never rests can't hold a tune up.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager


class _Turns:
    """Two kinds of threads at one thing; where both wait, they alternate."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken = False
        self._waiting = {"trainer": 0, "forecast": 0}
        self._last = ""

    @contextmanager
    def taken_by(self, mine: str, other: str) -> Iterator[None]:
        with self._changed:
            self._waiting[mine] += 1
            try:
                self._changed.wait_for(lambda: not self._taken and not (self._waiting[other] and self._last == mine))
                self._taken, self._last = True, mine
            finally:
                self._waiting[mine] -= 1
        try:
            yield
        finally:
            with self._changed:
                self._taken = False
                self._changed.notify_all()


_turns = _Turns()


def trainer_turn() -> AbstractContextManager[None]:
    """A turn of the training thread, for one event."""
    return _turns.taken_by("trainer", "forecast")


def forecast_turn() -> AbstractContextManager[None]:
    """A turn of a forecast: at the next moment between two events."""
    return _turns.taken_by("forecast", "trainer")
