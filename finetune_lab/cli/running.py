"""Runs with someone watching: the library's `tune` and `compare`, their events told as they come."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from finetune_lab.cli.ending import json_line
from finetune_lab.cli.progress import Teller
from finetune_lab.config import Method, TuneConfig
from finetune_lab.events import Ended, Event, Started

if TYPE_CHECKING:
    from finetune_lab.tuning.comparison import Comparison
    from finetune_lab.tuning.run import Run


def run_tune(method: Method, config: TuneConfig, out: Path | None) -> "Run":
    """One new run."""
    with Teller() as teller:
        from finetune_lab.tuning.run import tune
        from finetune_lab.tuning.run_folder import label

        return tune(method, config, out=out, on_event=partial(teller.hear, label(method)))


def go_on(folder: Path) -> "Run":
    """A run that was stopped, to its end."""
    with Teller() as teller:
        from finetune_lab.tuning.run import load_run, tune
        from finetune_lab.tuning.run_folder import label

        title = label(load_run(folder).method)
        return tune(resume=folder, on_event=partial(teller.hear, title))


def run_comparison(
    methods: Sequence[Method], config: TuneConfig, out: Path | None, lines: TextIO | None
) -> "Comparison":
    """A run by each method; with `lines`, the JSON record of each is written there as soon as it has ended."""
    with Teller() as teller:
        from finetune_lab.tuning.comparison import compare
        from finetune_lab.tuning.run import load_run
        from finetune_lab.tuning.run_folder import label

        folders: list[str] = []

        def hear(method: Method, event: Event) -> None:
            teller.hear(label(method), event)
            if isinstance(event, Started):
                folders.append(event.run_dir)
            if isinstance(event, Ended) and lines is not None:
                print(json_line(ended_record(load_run(folders[-1]))), file=lines, flush=True)

        return compare(methods, config, out=out, on_event=hear)


def ended_record(run: "Run") -> dict[str, Any]:
    """The record of a run that has just ended in this process, whose peak run.json gets a moment later."""
    from finetune_lab.memory.process import process_peak_bytes

    measured = {**run.memory["measured"], "process_peak": process_peak_bytes()}
    return {**run.summary, "memory": {**run.memory, "measured": measured}}
