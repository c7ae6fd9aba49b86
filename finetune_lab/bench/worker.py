"""One tune, or one after the other as a race, in one background thread: the cell returns at once, the buttons work.

    start --> | next(events) -> keep -> next(events) -> keep ... | --> done
                       ^ between two events: stop? pause?

`lab.train` is a generator. To pause it is not to ask for the next event; to stop it is to let it save itself.
`stop`, `pause` and `resume` only set events, so any thread may call them: a kernel's subshells do.
"""

import atexit
import gc
import threading
import time
import traceback
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import cast

from finetune_lab.bench.progress import Progress
from finetune_lab.bench.snapshot import Snapshot, State
from finetune_lab.bench.stepping import step_through
from finetune_lab.config import Method, TuneConfig
from finetune_lab.errors import BusyError, ConfigError, LabError
from finetune_lab.events import Ended, Event, Started
from finetune_lab.tuning.out_of_memory import first_line
from finetune_lab.tuning.record import what_was_asked
from finetune_lab.tuning.run_folder import RunFolder, free_name, label
from finetune_lab.tuning.training import require_method, train

SECONDS_AT_EXIT = 4.0  # for a run to save itself when its process ends: Jupyter kills a kernel after five


@dataclass(frozen=True)
class Job:
    """What a worker is to do.

    Args:
        methods: one for a tune, several for a race on the same data, order, seed and steps.
        config: everything else.
        out: the folder that the run folders are made in; `runs` without it.
        resume: a run folder to go on with from its last checkpoint, by its own method and configuration.
    """

    methods: tuple[Method, ...]
    config: TuneConfig
    out: Path | None = None
    resume: Path | None = None


class Worker:
    """Does a job in the background. `snapshot()` is its state, `wait()` waits for its end, `done` is set then."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.done.set()
        self.traceback = ""  # of an error that is no LabError, for whoever looks for the fault
        self.began = ""
        self.place: Path | None = None
        self._stop, self._pause = threading.Event(), threading.Event()
        self._progress = Progress()

    def start(self, job: Job) -> None:
        """Begin in the background and return.

        Raises:
            BusyError: this process is at work on another one; says what, since when, and in which folder.
            ConfigError: there is nothing to do.
        """
        if not job.methods and job.resume is None:
            raise ConfigError("There is no method to tune by.", "Name at least one.")
        for method in job.methods:
            require_method(method)
        _claim(self)
        self._stop.clear()
        self._pause.clear()
        self.began, self.traceback = f"{datetime.now().astimezone():%H:%M:%S}", ""
        self.place = (job.resume or job.out or Path("runs")).absolute()
        self._progress = Progress(state="starting", config=job.config, of=1 if job.resume else len(job.methods))
        threading.Thread(target=self._work, args=(job,), name="finetune-lab tune", daemon=True).start()

    def stop(self) -> None:
        """Ask for the end, saved: after the step in progress, within an evaluation or a pause. Harmless at any time."""
        self._stop.set()

    def pause(self) -> None:
        """Ask for a pause after the step in progress. Harmless at any time."""
        self._pause.set()

    def resume(self) -> None:
        """Go on after a pause. Harmless at any time."""
        self._pause.clear()

    def wait(self, timeout: float | None = None) -> Snapshot:
        """Wait for the end, or `timeout` seconds. An interrupt (Ctrl-C) stops the tune, saved, and waits for that."""
        until = float("inf") if timeout is None else time.monotonic() + timeout
        try:
            while not self.done.wait(max(0.0, min(0.2, until - time.monotonic()))) and time.monotonic() < until:
                pass
        except KeyboardInterrupt:
            self.stop()
            while not self.done.wait(0.2):  # not the thread's own join: before Python 3.13 that lies after Ctrl-C
                pass
        return self.snapshot()

    def snapshot(self) -> Snapshot:
        """The state now."""
        now, stop, pause = self._progress.snapshot(), self._stop.is_set(), self._pause.is_set()
        asked: State = "stopping" if stop else "pausing" if pause and now.state != "paused" else now.state
        if not now.live or asked == now.state:
            return replace(now, version=4 * now.version)
        return replace(now, version=4 * now.version + (1 if stop else 2), state=asked)

    def __repr__(self) -> str:
        now = self.snapshot()
        return f"Worker({now.state}, step {now.step} of {now.max_steps}, folder={str(now.run_dir)!r})"

    def _work(self, job: Job) -> None:
        ended: dict[str, str] = {"state": "failed"}
        try:
            ended = {"state": self._all(job)}
        except LabError as error:
            ended["error"] = str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the panel has to say it: nobody else sees this thread
            self.traceback = traceback.format_exc()
            ended["error"] = f"{type(error).__name__}: {first_line(error)}"
        finally:
            gc.collect()  # the model is in cycles: without this, it stays until Python happens to collect
            self._progress.change(**ended)
            self.done.set()

    def _all(self, job: Job) -> State:
        if job.resume is not None:
            folder = job.resume.absolute()
            kept, config = what_was_asked(RunFolder.open(folder).description())
            self._progress.begin(method=kept, config=config, run_dir=folder, folders=(folder,))
            return self._one(train(resume=folder, stop=self._stop))
        state: State = "stopped"
        for number, method in enumerate(job.methods, 1):
            name = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{label(method)}"
            # absolute: the notebook may change its working directory while this runs
            folder = free_name((job.out or Path("runs")).absolute() / name)
            folders = (*self._progress.snapshot().folders, folder)
            self._progress.begin(state="starting", number=number, method=method, run_dir=folder, folders=folders)
            state = self._one(train(method, job.config, out=folder, stop=self._stop))
            if state == "stopped":
                break
        return state

    def _one(self, tune: Iterator[Event]) -> State:
        """Take in the events of one run; returns how it ended."""
        state: State = "stopped"
        steps = step_through(cast("Generator[Event, None, None]", tune), self._stop, self._pause, self._heard)
        for event in steps:
            if isinstance(event, Started):
                folder = RunFolder(Path(event.run_dir))
                self._progress.change(state="running", run_dir=folder.path)
                self._progress.add(folder.events())  # of a resumed run, what happened before too
            else:
                self._progress.add([event])
            if isinstance(event, Ended):
                state = event.status
        return state

    def _heard(self, paused: bool) -> None:
        self._progress.change(state="paused" if paused else "running")


_gate = threading.Lock()
_last: list[Worker] = []  # of this process, live or not


def last_worker() -> Worker | None:
    """The worker that this process started last, at work or not."""
    return _last[0] if _last else None


def _claim(worker: Worker) -> None:
    """Make it the process's worker, unless another one, or it itself, is at work."""
    with _gate:
        busy = last_worker()
        if busy is not None and not busy.done.is_set():
            now = busy.snapshot()
            by = f" by {now.method.name}" if now.method else ""
            what = f"A tune{by} is {now.state} in this process since {busy.began}, in {now.run_dir or busy.place}."
            raise BusyError(what, "Stop it first, or wait for it.")
        worker.done.clear()
        _last[:] = [worker]


@atexit.register
def _save_at_exit() -> None:
    """A kernel that is shut down or restarted saves its run, where there is time to."""
    worker = last_worker()
    if worker is not None and not worker.done.is_set():
        worker.stop()
        worker.done.wait(SECONDS_AT_EXIT)
