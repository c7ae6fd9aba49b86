"""Do the newest of what was asked, in the background: a slider that moves asks thirty times, the last one counts."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Asked = TypeVar("Asked")


class Newest(Generic[Asked]):
    """Calls `work` with what was asked last, in one thread of its own that lives while there is something to do."""

    def __init__(self, work: Callable[[Asked], None]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._asked: list[Asked] = []
        self._busy = False

    def ask(self, what: Asked) -> None:
        """Ask from any thread; what was asked before and has not begun is forgotten."""
        with self._lock:
            self._asked = [what]
            if self._busy:
                return
            self._busy = True
        threading.Thread(target=self._serve, name="finetune-lab forecast", daemon=True).start()

    def overtaken(self) -> bool:
        """Whether something newer was asked: what is being done need not be shown any more."""
        with self._lock:
            return bool(self._asked)

    def _serve(self) -> None:
        while True:
            with self._lock:
                if not self._asked:
                    self._busy = False
                    return
                what = self._asked.pop()
            self._work(what)
