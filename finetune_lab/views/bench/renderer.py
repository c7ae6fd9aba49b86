"""One thread that draws the latest state, as often as time and the line to the browser allow, and the last one always.

    worker --snapshot--> renderer --draw--> widgets
                            |
                 wait: >= 0.5 s, >= 60 times the frame's own cost, <= 1 MB a minute

It never queues: states that come while it waits are never drawn. What breaks here is shown once; the tune goes on.
"""

import threading
import time
from collections.abc import Callable

from finetune_lab.bench.snapshot import Snapshot

LEAST_PAUSE = 0.5  # seconds: two frames a second at most
COST_SHARE = 1 / 60  # of wall time that drawing may take; the goal is 2 %
BYTES_A_SECOND = 800_000 / 60  # to the browser: under 1 MB a minute, with the first and last frame that do not wait
LOOK_EVERY = 0.1  # seconds: how soon a new state is seen where there is room for a frame
LOOK_AT_FILES_EVERY = 1.0

Look = Callable[[], Snapshot]
Draw = Callable[[Snapshot], int]  # returns the bytes it sent


class Renderer:
    """Draws what `look` returns by `draw`, until it is not live any more; a fault is given to `fail`, once.

    `frames`, `seconds` (of this thread's processor time) and `sent` (bytes) say what it has cost so far.
    """

    def __init__(self, look: Look, draw: Draw, fail: Callable[[Exception], None]) -> None:
        self._look, self._draw, self._fail = look, draw, fail
        self._leave = threading.Event()
        self.done = threading.Event()
        self.frames, self.seconds, self.sent = 0, 0.0, 0

    def start(self) -> None:
        """Begin to draw in the background."""
        threading.Thread(target=self._work, name="finetune-lab panel", daemon=True).start()

    def leave(self) -> None:
        """Draw no more: another panel takes over. Returns when the frame in progress is done."""
        self._leave.set()
        self.done.wait(2.0)

    def _work(self) -> None:
        try:
            self._follow()
        except Exception as error:  # noqa: BLE001 - whatever it is, the tune goes on, and the panel says it
            self._fail(error)
        finally:
            self.done.set()

    def _follow(self) -> None:
        drawn: tuple[object, ...] = ()
        due = 0.0
        while not self._leave.is_set():
            now = self._look()
            new = (now.version, now.state) != drawn
            over = not now.live and now.state != "being_written"  # the latter: by another process
            if new and (time.monotonic() >= due or over):
                due = time.monotonic() + self._frame(now)
                drawn = (now.version, now.state)
            if over:
                return
            self._leave.wait(LOOK_EVERY if now.live else LOOK_AT_FILES_EVERY)

    def _frame(self, now: Snapshot) -> float:
        """Draw; returns the seconds until the next frame is due."""
        began = time.thread_time()
        sent = self._draw(now)
        cost = time.thread_time() - began
        self.frames, self.seconds, self.sent = self.frames + 1, self.seconds + cost, self.sent + sent
        return max(LEAST_PAUSE, cost / COST_SHARE, sent / BYTES_A_SECOND)
