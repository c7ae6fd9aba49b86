"""A tune without a panel: a few printed lines, and the pictures beside the run."""

import sys
import time
from collections.abc import Sequence

from finetune_lab.bench.snapshot import Snapshot
from finetune_lab.bench.worker import Worker
from finetune_lab.tables import as_text
from finetune_lab.tuning.comparison import table_row
from finetune_lab.tuning.run import Run
from finetune_lab.views.bench.words import sentence
from finetune_lab.views.saving import save_charts

SECONDS_BETWEEN_LINES = 10.0


def narrate(worker: Worker) -> Snapshot:
    """Wait for the end, with a line at each change of state and every ten seconds. Ctrl-C stops the tune, saved."""
    said, at = "", 0.0
    while True:
        now = worker.snapshot() if worker.done.is_set() else worker.wait(0.5)
        if now.state != said or time.monotonic() - at > SECONDS_BETWEEN_LINES:
            said, at = now.state, time.monotonic()
            line(sentence(now))
        if not now.live and worker.done.is_set():
            return now


def leave(runs: Sequence[Run]) -> None:
    """Print what came out, and save the pictures of each run in its folder."""
    line(as_text([table_row(run.summary) for run in runs]))
    for run in runs:
        save_charts(run)
        line(f"pictures and files: {run.folder}")


def line(text: str) -> None:
    """One line on standard output, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
