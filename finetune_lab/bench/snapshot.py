"""The state of a tune at one moment, immutable: all that a panel needs to draw it.

    worker thread --append--> Progress --latest wins--> Snapshot <--poll-- panel, whenever it likes

Whoever looks takes a copy, and has no way to slow the training down or to break it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from finetune_lab.config import Method, TuneConfig
from finetune_lab.events import Event

State = Literal[
    "idle", "starting", "running", "pausing", "paused", "stopping",
    "finished", "stopped", "diverged", "failed",
    "interrupted",  # read from disk: its process ended before the run did
    "being_written",  # read from disk: another process is at work on it
]  # fmt: skip
LIVE = frozenset({"starting", "running", "pausing", "paused", "stopping"})


@dataclass(frozen=True)
class Snapshot:
    """One moment of a tune, or of one run of a race."""

    version: int = 0  # another number: something has changed
    state: State = "idle"
    method: Method | None = None
    config: TuneConfig | None = None
    run_dir: Path | None = None
    events: tuple[Event, ...] = ()  # of the present run, its steps thinned where they are thousands
    step: int = 0
    max_steps: int = 0
    seconds: float = 0.0  # of the steps so far: neither judging nor pauses count
    tokens_per_second: float | None = None  # over the last steps
    seconds_left: float | None = None  # of the steps to come in this run
    error: str | None = None  # why it failed, on one line
    number: int = 1  # which run of the race this is, from 1 on
    of: int = 1
    folders: tuple[Path, ...] = ()  # of the race's runs that have begun, the present one too

    @property
    def live(self) -> bool:
        """Whether a thread of this process is at work on it, or paused."""
        return self.state in LIVE
