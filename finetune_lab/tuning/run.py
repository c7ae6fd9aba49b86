"""`tune`: a whole run in one call, and `Run`: what it left, to look at, to ask and to plot."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from finetune_lab.config import Method, TuneConfig
from finetune_lab.errors import RunError
from finetune_lab.events import Event, Started, Stepped
from finetune_lab.tuning.answering import answer
from finetune_lab.tuning.record import what_was_asked
from finetune_lab.tuning.run_folder import RunFolder
from finetune_lab.tuning.summary import summarize
from finetune_lab.tuning.training import train


@dataclass(frozen=True)
class Run:
    """A run folder as data. `summary` is the record that `tune --json` prints; `events` is all that happened."""

    folder: Path
    method: Method
    config: TuneConfig
    events: tuple[Event, ...]
    summary: dict[str, Any]

    @property
    def status(self) -> str:
        return str(self.summary["status"])

    @property
    def memory(self) -> dict[str, Any]:
        """Bytes by component: predicted before the run and measured during it."""
        memory: dict[str, Any] = self.summary["memory"]
        return memory

    @property
    def losses(self) -> list[float]:
        """The training loss of each step, in nats a completion token."""
        return [event.loss for event in self.events if isinstance(event, Stepped)]

    @property
    def artifact(self) -> Path:
        """The folder of the adapter or of the tuned model."""
        found = RunFolder(self.folder).artifact
        if found is None:
            raise RunError(f"{self.folder} has no artifact: {self.summary['reason']}.", "Resume it, or tune again.")
        return found

    def generate(self, prompt: str, *, max_new_tokens: int = 80, compare_base: bool = False) -> str | dict[str, str]:
        """The tuned model's greedy answer; with `compare_base`, a dict with the untouched base's answer beside it."""
        tuned = answer(self.config.model, prompt, max_new_tokens, self.method, self.artifact)
        if not compare_base:
            return tuned
        return {"base": answer(self.config.model, prompt, max_new_tokens), "tuned": tuned}

    def __repr__(self) -> str:
        kept = ("trainable_parameters", "eval_loss_before", "eval_loss_after", "score_before", "score_after")
        facts = ", ".join(f"{name}={shown(self.summary[name])}" for name in kept)
        return f"Run({self.method}, {self.status} after {self.summary['steps']} steps, {facts}, folder='{self.folder}')"


def shown(value: Any) -> str:
    """A figure as a person reads it."""
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def load_run(folder: Path | str) -> Run:
    """Read a run folder: of a finished run, of one that was killed, or of one that is still being written."""
    opened = RunFolder.open(Path(folder))
    description = opened.description()
    method, config = what_was_asked(description)
    status = "running" if opened.being_written() else "broken off"
    events = tuple(opened.events())
    memory = description.get("summary", {}).get("memory", {}).get("measured", {})
    summary = summarize(description, events, opened.path, status, memory.get("process_peak"))
    return Run(opened.path, method, config, events, summary)


def tune(
    method: Method | None = None,
    config: TuneConfig | None = None,
    *,
    out: Path | str | None = None,
    resume: Path | str | None = None,
    on_event: Callable[[Event], None] | None = None,
    **settings: Any,
) -> Run:
    """Tune a base to the end and return the run. Ctrl-C stops it after the step in progress, saved.

    Args:
        method: as in `train`.
        config: as in `train`.
        out: the run folder to make; a dated one in `runs/` without it.
        resume: a run folder to go on with.
        on_event: called with every event, for a progress bar or a plot.
        **settings: as in `train`.

    Raises:
        LabError: what can't be done, why, and what to do now.
    """
    stop = threading.Event()
    folder = ""
    out_path, resume_path = (Path(item) if item is not None else None for item in (out, resume))
    with stopped_by_interrupt(stop):
        for event in train(method, config, out=out_path, resume=resume_path, stop=stop, **settings):
            if isinstance(event, Started):
                folder = event.run_dir
            if on_event is not None:
                on_event(event)
    return load_run(folder)


@contextmanager
def stopped_by_interrupt(stop: threading.Event) -> Iterator[None]:
    """The first Ctrl-C sets `stop`; a second one interrupts at once. Only the main thread can catch it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT) or signal.SIG_DFL  # None: set by other than Python

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
