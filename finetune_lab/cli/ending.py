"""What a command leaves on the screen and on disk when its runs are over, and its exit status."""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

from finetune_lab.events import finite
from finetune_lab.tables import as_text

if TYPE_CHECKING:
    from finetune_lab.tuning.comparison import Comparison
    from finetune_lab.tuning.run import Run

DIVERGED, STOPPED = 1, 130
CHARTS = ("loss.png", "memory_over_steps.png", "memory_within_step.png", "memory_predicted.png")


def end_of_tune(run: "Run", product: TextIO, *, as_json: bool) -> int:
    """The run's record or its table, its picture, and how to go on."""
    from finetune_lab.memory.run_plan import error_rows
    from finetune_lab.tuning.comparison import table_row
    from finetune_lab.views.saving import save_charts

    save_charts(run)
    if as_json:
        print(json_line(run.summary), file=product, flush=True)
    else:
        print(as_text([{"run": name, "": value} for name, value in table_row(run.summary).items()]), file=product)
        if run.losses:
            print(f"\n{as_text(error_rows(**run.memory))}", file=product)
        print(f"\n{places(run)}", file=product)
    return status_of([run])


def end_of_comparison(race: "Comparison", product: TextIO, *, as_json: bool) -> int:
    """The table and the picture; with `as_json` the records have been written as the runs ended."""
    from finetune_lab.views.charts import save_loss_png
    from finetune_lab.views.saving import save_charts

    picture = race.folder / "loss.png"
    if any(run.losses for run in race.runs):
        save_loss_png(race, picture)
    for run in race.runs:
        save_charts(run)
    if not as_json:
        print(race, file=product)
        print(f"\nruns   {race.folder}\nchart  {picture}", file=product)
    return status_of(race.runs)


def places(run: "Run") -> str:
    """Where the run's files are."""
    kept = [run.folder / name for name in ("adapter", "model", *sorted(CHARTS)) if (run.folder / name).exists()]
    lines = [f"{path.name if path.is_dir() else 'chart':<8} {path}" for path in kept]
    return "\n".join([f"{'run':<8} {run.folder}", *lines])


def status_of(runs: Sequence["Run"]) -> int:
    """The exit status; what went another way than to the end is said on standard error."""
    for run in runs:
        if run.status == "diverged":
            print(f"{run.folder} diverged: {run.summary['reason']}. Try a lower --learning-rate.", file=sys.stderr)
        if run.status == "stopped":
            print(f"{run.folder} was stopped: {way_on(run)}", file=sys.stderr)
    statuses = [run.status for run in runs]
    return STOPPED if "stopped" in statuses else DIVERGED if "diverged" in statuses else 0


def way_on(run: "Run") -> str:
    """How to go on with a stopped run."""
    if not run.losses:
        return "nothing was trained yet, start it again."
    return f"go on after step {run.summary['steps']} with: finetune-lab tune --resume {run.folder}"


def json_line(record: dict[str, Any]) -> str:
    """One line of JSON; JSON has no NaN and no infinity, so that they become null."""
    return json.dumps(finite(record), allow_nan=False)
