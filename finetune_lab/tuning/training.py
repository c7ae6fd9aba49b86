"""`train`: one tune from the question to the artifact, as an iterator of events.

    find base and data -> build -> evaluate -> steps (checkpoints between) -> save -> evaluate -> Ended

Every event is on disk before it is yielded. Leave the loop, and the run is saved where it stands and can be resumed.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from finetune_lab.config import LoRA, Method, TuneConfig, settled
from finetune_lab.errors import BusyError, ConfigError, RunError
from finetune_lab.events import Ended, Event
from finetune_lab.tuning import checkpoints
from finetune_lab.tuning.out_of_memory import explained_memory
from finetune_lab.tuning.run_folder import RunFolder, asked, explained_writing, what_was_asked
from finetune_lab.tuning.session import Session
from finetune_lab.tuning.summary import summarize

_RUNNING = threading.Lock()


def train(
    method: Method | None = None,
    config: TuneConfig | None = None,
    *,
    out: Path | None = None,
    resume: Path | None = None,
    stop: threading.Event | None = None,
    **settings: Any,
) -> Iterator[Event]:
    """Tune a base by one method, yielding what happens: `Started, Evaluated, Stepped..., Saved, Evaluated, Ended`.

    Args:
        method: how; LoRA(r=8) without it. Left out when resuming.
        config: everything else, ready made.
        out: the run folder to make; a dated one in `runs/` without it.
        resume: a run folder to go on with, from its last verified checkpoint.
        stop: set it from anywhere and the run ends after the step in progress, saved.
        **settings: fields of `TuneConfig` by name: `data="tickets", max_steps=60`.

    Raises:
        LabError: what can't be done, why, and what to do now.
    """
    with _one_at_a_time(), explained_memory():
        if resume is None:
            folder, session = _begun(out, method or LoRA(), settled(config, settings))
        elif method is None and config is None and not settings:
            folder, session = _resumed(resume)
        else:
            raise ConfigError("A resumed run keeps its method and configuration.", "Give `resume` alone.")
        yield from _recorded(folder, session, stop or threading.Event())


def _recorded(folder: RunFolder, session: Session, stop: threading.Event) -> Iterator[Event]:
    """The session's events, each on disk before it is yielded; leaving early saves the run where it stands."""
    with explained_writing(folder.path):
        try:
            for event in session.events(folder, stop):
                folder.record(event)
                yield event
        except GeneratorExit:
            for event in session.stopped(folder, "the loop was left"):
                folder.record(event)
            raise
        finally:
            _finish(folder)


def _finish(folder: RunFolder) -> None:
    """Bring run.json up to what the events say."""
    events = folder.events()
    status = events[-1].status if events and isinstance(events[-1], Ended) else "broken off"
    description = {**folder.description(), "status": status}
    folder.describe({**description, "summary": summarize(description, events, folder.path)})


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two tunes in one process would share one memory and one random generator: the second is refused."""
    if not _RUNNING.acquire(blocking=False):
        raise BusyError("Another tune is running in this process.", "Wait for it, or stop it first.")
    try:
        yield
    finally:
        _RUNNING.release()


def _begun(out: Path | None, method: Method, config: TuneConfig) -> tuple[RunFolder, Session]:
    session = Session(method, config)
    folder = RunFolder.create(out, method)
    folder.describe({**asked(method, config), **session.facts(), "status": "running"})
    return folder, session


def _resumed(path: Path) -> tuple[RunFolder, Session]:
    """The session of a run folder, at its last verified checkpoint.

    Raises:
        RunError: the base or the data is no longer the same, or no checkpoint is whole.
    """
    folder = RunFolder.open(path)
    description = folder.description()
    checkpoint = checkpoints.last_verified(folder.checkpoints)
    session = Session(*what_was_asked(description), checkpoint)
    changed = [f"{fact} was {description.get(fact)!r}, is {now!r}" for fact, now in session.facts().items()
               if now != description.get(fact)]  # fmt: skip
    if changed:
        raise RunError(f"{path} can't go on: {'; '.join(changed)}.", "Bring that back, or start a new run.")
    folder.forget_after(json.loads((checkpoint / checkpoints.MANIFEST).read_text(encoding="utf-8"))["step"])
    folder.describe({**description, "status": "running"})
    return folder, session
