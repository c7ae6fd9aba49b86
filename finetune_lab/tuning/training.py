"""`train`: one tune from the question to the artifact, as an iterator of events.

    find base and data -> build -> evaluate -> steps (checkpoints between) -> evaluate -> save -> Ended

Every event is on disk before it is yielded. Leave the loop, and the run is saved where it stands and can be resumed.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from finetune_lab.adapters.card import write_card
from finetune_lab.adapters.making import card_of_run
from finetune_lab.config import Full, LoRA, Method, QLoRA, TuneConfig, settled
from finetune_lab.errors import BusyError, ConfigError, LabError, RunError
from finetune_lab.events import Ended, Event
from finetune_lab.memory.process import process_peak_bytes
from finetune_lab.tuning import checkpoints
from finetune_lab.tuning.out_of_memory import explained_memory, first_line
from finetune_lab.tuning.record import asked, versions, what_was_asked
from finetune_lab.tuning.run_folder import RunFolder, explained_writing
from finetune_lab.tuning.session import Session
from finetune_lab.tuning.summary import summarize

_RUNNING = threading.Lock()
FACTS = {
    "base_sha256": "the base model's weights",
    "data_sha256": "the training data",
    "examples_sha256": "the examples to train on or to judge by",
}


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
        method: how; LoRA(r=8) without it.
        config: everything else, ready made.
        out: the run folder to make; a dated one in `runs/` without it.
        resume: a run folder to go on with, from its last verified checkpoint; nothing else is given with it.
        stop: set it from anywhere and the run ends, saved, after the step in progress or within an evaluation.
        **settings: fields of `TuneConfig` by name: `data="tickets", max_steps=60`.

    Raises:
        LabError: what can't be done, why, and what to do now.
    """
    with _one_at_a_time(), ExitStack() as held:
        if resume is None:
            with explained_memory():
                folder, session = _begun(out, require_method(method or LoRA()), settled(config, settings), held)
        elif (method, config, out) == (None, None, None) and not settings:
            with explained_memory():
                folder, session = _resumed(resume, held)
        else:
            raise ConfigError("A resumed run keeps its folder, method and configuration.", "Give `resume` alone.")
        yield from _recorded(folder, session, stop or threading.Event())


def require_method(method: Any) -> Method:
    """The method itself; anything else, such as its name, is an error."""
    if not isinstance(method, Full | LoRA | QLoRA):
        raise ConfigError(f"{method!r} is no method.", "Give Full(), LoRA() or QLoRA(), with parentheses.")
    return method


def _recorded(folder: RunFolder, session: Session, stop: threading.Event) -> Iterator[Event]:
    """The session's events, each on disk before it is yielded; leaving early saves the run where it stands."""
    ended = False
    try:
        with explained_writing(folder.path), explained_memory():
            try:
                for event in session.events(folder, stop):
                    folder.record(event)
                    ended = isinstance(event, Ended)
                    yield event
            except GeneratorExit:
                why = "stop was asked for" if stop.is_set() else "the loop was left"
                for event in () if ended else session.stopped(folder, why):
                    folder.record(event)
                raise
    except (Exception, KeyboardInterrupt) as error:
        with suppress(LabError):  # what broke the run off says more than what then can't be written
            _finish(folder, f"{type(error).__name__}: {first_line(error)}")
        raise
    except GeneratorExit:
        _finish(folder)
        raise
    _finish(folder)


def _finish(folder: RunFolder, broken_off: str | None = None) -> None:
    """Bring run.json up to what the events say, and what broke the run off if it did not end by itself."""
    description, events = folder.description(), folder.events()
    ended = events[-1] if events and isinstance(events[-1], Ended) else None
    description |= {"status": ended.status if ended else "broken off"} | ({"reason": broken_off} if broken_off else {})
    description["summary"] = summarize(description, events, folder.path, "broken off", process_peak_bytes())
    folder.describe(description)
    adapter = folder.path / "adapter"
    if ended and ended.artifact == str(adapter):  # after run.json: where no card can be written, the run is whole
        write_card(adapter, card_of_run(adapter, description, folder.path.name))


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two tunes in one process would share one memory and one random generator: the second is refused."""
    if not _RUNNING.acquire(blocking=False):
        hint = "Wait for it, or stop it first; an iterator of `train` that you have left half-way ends by its close()."
        raise BusyError("Another tune is running in this process.", hint)
    try:
        yield
    finally:
        _RUNNING.release()


def _begun(out: Path | None, method: Method, config: TuneConfig, held: ExitStack) -> tuple[RunFolder, Session]:
    session = Session(method, config)
    folder = RunFolder.create(out, method)
    held.enter_context(folder.held())
    folder.describe({**asked(method, config), **session.facts(), "status": "running"})
    return folder, session


def _resumed(path: Path, held: ExitStack) -> tuple[RunFolder, Session]:
    """The session of a run folder, at its last verified checkpoint.

    Raises:
        RunError: the run is over or another process writes it, base or data have changed, or no checkpoint is whole.
    """
    folder = RunFolder.open(path)
    held.enter_context(folder.held())
    description = folder.description()
    _require_open_end(folder)
    checkpoint = checkpoints.last_verified(folder.checkpoints)
    session = Session(*what_was_asked(description), checkpoint)
    changed = [meaning for fact, meaning in FACTS.items() if session.facts()[fact] != description.get(fact)]
    if changed:
        what = f"{path} can't go on: {' and '.join(changed)} changed since it began."
        raise RunError(what, "Bring that back, or start a new run.")
    session.notes["resumed"] = _where(checkpoint, description)
    folder.forget_after(checkpoints.step_of(checkpoint))
    for over in ("summary", "reason"):
        description.pop(over, None)
    folder.describe({**description, "status": "running"})
    return folder, session


def _require_open_end(folder: RunFolder) -> None:
    """Refuse to resume a run that finished, and one that diverged: from the same numbers it would do so again."""
    events = folder.events()
    last = events[-1] if events else None
    if isinstance(last, Ended) and last.status == "finished":
        raise RunError(f"{folder.path} is finished: all {last.step} steps are done.", "Start a new run.")
    if isinstance(last, Ended) and last.status == "diverged":
        what = f"{folder.path} diverged at step {last.step}, and would again."
        raise RunError(what, "Start a new run with a lower learning rate.")


def _where(checkpoint: Path, description: dict[str, Any]) -> str:
    """Where a resumed run goes on, and what is not as it was."""
    newer = [
        item
        for item in checkpoints.complete(checkpoint.parent)
        if checkpoints.step_of(item) > checkpoints.step_of(checkpoint)
    ]
    lost = [f"{item.name} is not whole: {', '.join(checkpoints.verification_faults(item))}" for item in newer]
    then, now = description.get("versions", {}), versions()
    other = [f"{name} was {then.get(name)}, is {now[name]}" for name in now if now[name] != then.get(name)]
    return "; ".join([f"from {checkpoint.name}", *lost, *other])
