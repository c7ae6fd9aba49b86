"""What there is to look at: the tune at work in this process, or a run folder, its writer another process or none.

Everything is on disk as it happens, so a panel can be drawn again after a page reload, a kernel restart or a kill.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from finetune_lab.bench.progress import Progress
from finetune_lab.bench.snapshot import Snapshot, State
from finetune_lab.bench.worker import Worker, last_worker
from finetune_lab.errors import RunError
from finetune_lab.tuning import checkpoints
from finetune_lab.tuning.run import Run, load_run
from finetune_lab.tuning.run_folder import RunFolder

RUNS = Path("runs")
ENDINGS: dict[str, State] = {
    "finished": "finished", "stopped": "stopped", "diverged": "diverged",
    "broken off": "interrupted", "running": "being_written",
}  # fmt: skip


def current() -> Worker | None:
    """The worker of this process: at work, or the last one; None where there was none."""
    return last_worker()


@dataclass
class Followed:
    """A run folder seen from outside. `snapshot()` reads it again where another process is still writing it."""

    folder: Path
    _seen: Snapshot = field(default_factory=Snapshot, repr=False)
    _stamp: tuple[int, ...] = field(default=(), repr=False)

    def snapshot(self) -> Snapshot:
        """The state now.

        Raises:
            RunError: the folder is no longer one of a run.
        """
        stamp = self._written()
        if stamp != self._stamp or self._seen.state == "being_written":
            self._seen = replace(snapshot_of(load_run(self.folder)), version=self._seen.version + 1)
            self._stamp = stamp
        return self._seen

    @property
    def resumable(self) -> str:
        """Why it can be resumed, "" where it can't: it is over, another process writes it, or nothing was saved."""
        if self.snapshot().state not in ("stopped", "interrupted"):
            return ""
        saved = checkpoints.complete(RunFolder(self.folder).checkpoints)
        return f"it goes on from step {checkpoints.step_of(saved[0])}" if saved else ""

    def _written(self) -> tuple[int, ...]:
        files = [file for name in ("events.jsonl", "run.json") if (file := self.folder / name).is_file()]
        return tuple(value for file in files for value in (file.stat().st_size, file.stat().st_mtime_ns))


def snapshot_of(run: Run) -> Snapshot:
    """A run folder as the snapshot that its worker would show."""
    progress = Progress(
        state=ENDINGS[run.status], method=run.method, config=run.config, run_dir=run.folder, folders=(run.folder,)
    )
    progress.add(run.events)
    return progress.snapshot()


def attach(folder: Path | str | None = None) -> Worker | Followed:
    """What to draw: both have `snapshot()`.

    Args:
        folder: of a run; without it, this process's worker, and where there was none, the newest run in `runs/`.

    Raises:
        RunError: it is no run folder, or there is nothing yet.
    """
    worker = last_worker()
    if worker is not None and (folder is None or worker.snapshot().run_dir == Path(folder).absolute()):
        return worker
    if folder is not None:
        return Followed(RunFolder.open(Path(folder).absolute()).path)
    found = sorted(RUNS.glob("**/run.json"), key=lambda file: file.stat().st_mtime)
    if not found:
        raise RunError("There is no run to look at: none was started here, and runs/ has none.", "Start one.")
    return Followed(found[-1].parent.absolute())
