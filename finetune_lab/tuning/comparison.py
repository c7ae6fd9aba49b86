"""`compare`: several methods on the same data in the same order, from the same seed, for the same number of steps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from pathlib import Path, PurePath
from typing import Any

from finetune_lab.config import Full, LoRA, Method, QLoRA, TuneConfig, settled
from finetune_lab.errors import ConfigError
from finetune_lab.events import Event
from finetune_lab.memory.run_plan import error_rows
from finetune_lab.tables import as_html, as_text, readable
from finetune_lab.tuning.run import Run, tune
from finetune_lab.tuning.run_folder import RunFolder, free_name, label
from finetune_lab.tuning.training import FACTS, require_method


@dataclass(frozen=True)
class Comparison:
    """Runs side by side; shown as a table, plotted by `lab.plot`."""

    runs: tuple[Run, ...]
    folder: Path

    def rows(self) -> list[dict[str, str]]:
        """One row a run, its cells ready to read."""
        return [table_row(run.summary) for run in self.runs]

    def memory_rows(self) -> list[dict[str, str]]:
        """One row a memory component, one column a run: what was measured, and how far off the prediction was."""
        columns = {run_name(run.summary): error_rows(**run.memory) for run in self.runs if run.losses}
        names = [row["memory"] for row in next(iter(columns.values()), [])]
        return [
            {"memory, measured (prediction's error)": name}
            | {run: f"{rows[at]['measured']} ({rows[at]['error']})" for run, rows in columns.items()}
            for at, name in enumerate(names)
        ]

    def __repr__(self) -> str:
        return f"{as_text(self.rows())}\n\n{as_text(self.memory_rows())}"

    def _repr_html_(self) -> str:
        return as_html(self.rows()) + as_html(self.memory_rows())


def compare(
    methods: Sequence[Method | Run] | None = None,
    config: TuneConfig | None = None,
    *,
    out: Path | str | None = None,
    on_event: Callable[[Method, Event], None] | None = None,
    **settings: Any,
) -> Comparison:
    """Tune by each method in turn, each at its own default learning rate unless one is asked for.

    Stops after the run in progress when that is stopped.

    Args:
        methods: Full, LoRA and QLoRA with rank 8 without it. A run in place of a method is not tuned again: it stands
            beside the others as it is, and must have been asked for the same.
        config: as in `train`, the same for all.
        out: folder that the run folders are made in; a dated one in `runs/` without it.
        on_event: called with the method and every event.
        **settings: as in `train`, the same for all.

    Raises:
        LabError: what can't be done, why, and what to do now. Settings, base and data are checked before the first run.
    """
    wanted = (Full(), LoRA(), QLoRA()) if methods is None else methods
    chosen = [item if isinstance(item, Run) else require_method(item) for item in wanted]
    if not chosen:
        raise ConfigError("There is no method to compare.", "Name at least one.")
    asked = settled(config, settings)
    there = [item for item in chosen if isinstance(item, Run)]
    nothing_asked = len(there) == len(chosen) and config is None and not settings
    require_alike(there, None if nothing_asked else asked)
    folder = (
        Path(out)
        if out is not None
        else free_name(Path("runs") / f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-compare")
    )
    runs: list[Run] = []
    for item in chosen:
        if isinstance(item, Run):
            runs.append(item)
            continue
        heard = partial(on_event, item) if on_event else None
        runs.append(tune(item, asked, out=free_name(folder / label(item)), on_event=heard))
        if runs[-1].status == "stopped":
            break
    return Comparison(tuple(runs), folder)


def require_alike(runs: Sequence[Run], asked: TuneConfig | None) -> None:
    """Refuse runs that differ in more than method and learning rate: side by side they would say nothing."""
    configs = [*(run.config for run in runs), *([asked] if asked else [])]
    names = [setting.name for setting in fields(TuneConfig) if setting.name != "learning_rate"]
    found = {name: list(dict.fromkeys(getattr(config, name) for config in configs)) for name in names}
    unlike = [f"{name} is {' and '.join(map(str, values))}" for name, values in found.items() if len(values) > 1]
    if not unlike:  # a file may have another content than when the run before was made
        told = [RunFolder.open(run.folder).description() for run in runs]
        unlike = [f"{what} changed" for fact, what in FACTS.items() if len({one.get(fact) for one in told}) > 1]
    if unlike:
        raise ConfigError(
            f"These were not asked for the same: {', '.join(unlike)}.",
            "Tune with the same settings, or lay the runs over each other with lab.plot.",
        )


def run_name(summary: dict[str, Any]) -> str:
    """What tells a run from the others of a comparison: `qlora r=8 4-bit`."""
    rank = f" r={summary['rank']}" if summary["rank"] else ""
    bits = f" {summary['bits']}-bit" if summary["method"] == "qlora" else ""
    return f"{summary['method']}{rank}{bits}"


def table_row(summary: dict[str, Any]) -> dict[str, str]:
    """The cells of one run in a table of runs; a value that the run has not reached is a dash."""

    def number(name: str, form: str) -> str:
        return "-" if summary[name] is None else form.format(summary[name])

    trainable, total = summary["trainable_parameters"], summary["total_parameters"]
    return {
        "method": run_name(summary),
        "trainable": number("trainable_parameters", "{:,}"),
        "share": f"{100 * trainable / total:.2f} %" if trainable else "-",
        "eval loss": f"{number('eval_loss_before', '{:.3f}')} → {number('eval_loss_after', '{:.3f}')}",
        "score": f"{number('score_before', '{:.0%}')} → {number('score_after', '{:.0%}')}",
        **forgetting_cells(summary),
        "tokens/s": number("tokens_per_second", "{:,.0f}"),
        "seconds": number("seconds", "{:.1f}"),
        "peak memory": readable(peak) if (peak := summary["memory"]["measured"].get("peak")) else "-",
        "artifact": f"{summary['artifact_bytes'] / 2**20:.2f} MiB",
        "status": summary["status"],
    }


def forgetting_cells(summary: dict[str, Any]) -> dict[str, str]:
    """The loss on other data before and after, a column for each that was asked for; none where none was."""

    def number(found: float | None) -> str:
        return "-" if found is None else f"{found:.3f}"

    after = summary["forgetting_after"]
    return {
        f"loss on {PurePath(name).name}": f"{number(before)} → {number(after.get(name))}"
        for name, before in summary["forgetting_before"].items()
    }
