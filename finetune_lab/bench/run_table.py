"""All runs of a folder in one table, the best of them, and what was changed between two."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from finetune_lab.bench.controls import settings_of
from finetune_lab.config import QLoRA, TuneConfig
from finetune_lab.errors import ConfigError, LabError, RunError
from finetune_lab.memory.run_plan import errors
from finetune_lab.tables import as_html, as_text, readable
from finetune_lab.tuning.run import Run, load_run

LOWER_IS_BETTER = ("eval_loss_after", "peak", "seconds", "artifact_bytes", "trainable_parameters", "loss_last")
HIGHER_IS_BETTER = ("score_after", "tokens_per_second")
HELP = {item.name: str(item.metadata["help"]) for kind in (QLoRA, TuneConfig) for item in fields(kind)}
HELP["method"] = "full: all weights; lora: an adapter; qlora: one beside a quantized base"


@dataclass(frozen=True)
class Difference:
    """One setting that two runs do not share."""

    name: str
    first: Any
    second: Any
    help: str

    def __str__(self) -> str:
        return f"{self.name}: {self.first} → {self.second} ({self.help})"


class RunTable:
    """The runs in a folder, oldest first, read when it is made; `faults` lists the folders that can't be read."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.runs: list[Run] = []
        self.faults: list[str] = []
        found = sorted(
            {file.parent for pattern in ("*/run.json", "*/*/run.json") for file in self.folder.glob(pattern)}
        )
        for place in found:
            try:
                self.runs.append(load_run(place))
            except (
                LabError,
                OSError,
                ValueError,
                KeyError,
                TypeError,
                AttributeError,
            ) as error:  # one bad, others good
                self.faults.append(f"{place.name}: {' '.join(str(error).split())}")

    def __len__(self) -> int:
        return len(self.runs)

    def run(self, name: str) -> Run:
        """The run in the folder of that name.

        Raises:
            RunError: there is none.
        """
        found = next((run for run in self.runs if run.folder.name == name), None)
        if found is None:
            raise RunError(f"{self.folder} has no run {name!r}.", f"It has {', '.join(self.names) or 'none yet'}.")
        return found

    @property
    def names(self) -> list[str]:
        return [run.folder.name for run in self.runs]

    def best(self, by: str = "eval_loss_after") -> Run | None:
        """The run with the best value of a column; None where no run has one. Runs that diverged are left out.

        Raises:
            ConfigError: it is no column that has a better and a worse.
        """
        if by not in (*LOWER_IS_BETTER, *HIGHER_IS_BETTER):
            known = ", ".join((*LOWER_IS_BETTER, *HIGHER_IS_BETTER))
            raise ConfigError(f"There is no best by {by!r}.", f"Choose one of {known}.")
        reached = [(run, value) for run in self.runs if run.status == "finished" and (value := figure(run, by))]
        if not reached:
            return None
        best = min if by in LOWER_IS_BETTER else max
        return best(reached, key=lambda item: item[1])[0]

    def rows(self, columns: Sequence[str] | None = None) -> list[dict[str, str]]:
        """One row a run, its cells ready to read; all columns, or those named.

        Raises:
            ConfigError: there is no such column.
        """
        wanted = list(COLUMNS) if columns is None else list(columns)
        unknown = [name for name in wanted if name not in COLUMNS]
        if unknown:
            raise ConfigError(f"There is no column {', '.join(unknown)}.", f"Choose of {', '.join(COLUMNS)}.")
        return [{name: COLUMNS[name](run) for name in wanted} for run in self.runs]

    def differences(self, a: str, b: str) -> list[Difference]:
        """What was changed between two runs, named by their folders: the settings that differ, with their help."""
        return differences(self.run(a), self.run(b))

    def __repr__(self) -> str:
        return "\n".join([as_text(self.rows()), *(f"not readable: {fault}" for fault in self.faults)])

    def _repr_html_(self) -> str:
        faults = as_html([{"not readable": fault} for fault in self.faults]) if self.faults else ""
        return as_html(self.rows()) + faults


def differences(a: Run, b: Run) -> list[Difference]:
    """The settings in which two runs differ; a setting that one of them does not have is a dash there."""
    one, two = (_settings(run) for run in (a, b))
    names = [name for name in {**one, **two} if one.get(name, "-") != two.get(name, "-")]
    return [Difference(name, one.get(name, "-"), two.get(name, "-"), HELP[name]) for name in names]


def figure(run: Run, name: str) -> float | None:
    """A number of a run by its name in the summary, or its measured `peak`; None where it was not reached."""
    value = run.memory["measured"].get("peak") if name == "peak" else run.summary.get(name)
    return float(value) if value is not None else None


def _settings(run: Run) -> dict[str, Any]:
    """The settings that apply to a run, its rate as it was used."""
    has = {"method", "bits"} | {item.name for item in fields(run.method)} | {item.name for item in fields(TuneConfig)}
    found = {name: value for name, value in settings_of(run.method, run.config).items() if name in has}
    rate = run.config.learning_rate
    return {**found, "learning_rate": run.method.default_learning_rate if rate is None else rate}


def _cell(name: str, form: str, empty: str = "-") -> Callable[[Run], str]:
    return lambda run: empty if (value := figure(run, name)) is None else form.format(value)


def _change(before: str, after: str, form: str) -> Callable[[Run], str]:
    first, second = _cell(before, form), _cell(after, form)
    return lambda run: f"{first(run)} → {second(run)}"


def _bytes(value: float | None) -> str:
    return "-" if value is None else readable(round(value))


def _peak_error(run: Run) -> str:
    error = errors(run.memory["predicted"] or {}, run.memory["measured"])["peak"]
    return "-" if error is None else f"{100 * error:+.1f} %"


COLUMNS: dict[str, Callable[[Run], str]] = {
    "run": lambda run: run.folder.name,
    "method": lambda run: run.method.name,
    "rank": _cell("rank", "{:.0f}"),
    "bits": _cell("bits", "{:.0f}"),
    "alpha": _cell("alpha", "{:.0f}"),
    "rate": lambda run: f"{_settings(run)['learning_rate']:g}",
    "steps": lambda run: f"{run.summary['steps']} of {run.config.max_steps}",
    "eval loss": _change("eval_loss_before", "eval_loss_after", "{:.3f}"),
    "score": _change("score_before", "score_after", "{:.0%}"),
    "tokens/s": _cell("tokens_per_second", "{:,.0f}"),
    "peak": lambda run: _bytes(figure(run, "peak")),
    "predicted": lambda run: _bytes((run.memory["predicted"] or {}).get("peak")),
    "error": _peak_error,
    "artifact": lambda run: _bytes(run.summary["artifact_bytes"]),
    "status": lambda run: run.status,
}
