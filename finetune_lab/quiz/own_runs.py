"""Finds the learner's own runs, which questions are asked about: run folders, read without anything but JSON."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune_lab.quiz.bank import BankError, Question

RUNS = Path("runs")  # where a tune without `out` makes its folder
DEEPEST = 3  # runs/DATE-compare/RUN/run.json
LARGEST = 5_000_000  # bytes
MOST = 500
Named = Path | str | list[Path] | list[str] | tuple[Path | str, ...] | None


@dataclass(frozen=True)
class OwnRun:
    """A run that has ended or was stopped."""

    folder: Path
    method: str
    started: str  # UTC, as run.json says it
    summary: dict[str, Any]

    def __str__(self) -> str:
        here = Path.cwd()
        folder = self.folder.relative_to(here) if self.folder.is_relative_to(here) else self.folder
        return f"{self.method} in {folder}, begun {self.started.replace('T', ' ').replace('+00:00', ' UTC')}"


def find_runs(named: Named = None) -> list[OwnRun]:
    """The runs in a folder (`runs/` without one), or in each of several; the oldest first.

    A folder without a summary holds a run that is not at its end; it is passed over, as is what is no run at all.

    Raises:
        BankError: a folder that was named does not exist.
    """
    if named is not None:
        folders = [Path(named)] if isinstance(named, str | Path) else [Path(one) for one in named]
        missing = [str(folder) for folder in folders if not folder.is_dir()]
        if missing:
            raise BankError(f"There is no folder {', '.join(missing)}.", "Name a run folder, or the folder of several.")
    else:
        folders = [RUNS] if RUNS.is_dir() else []
    files = dict.fromkeys(file.resolve() for folder in folders for file in _run_files(folder))
    found = [run for file in list(files)[:MOST] if (run := _read(file)) is not None]
    # `started` counts whole seconds; of two short runs within one, the file says which ended first
    return sorted(found, key=lambda run: (run.started, (run.folder / "run.json").stat().st_mtime_ns))


def newest_of_each_method(runs: list[OwnRun]) -> list[OwnRun]:
    """The runs that a question means by "your last run"."""
    return list({run.method: run for run in runs}.values())


def is_about_runs(question: Question) -> bool:
    """Whether it can be graded only by a run of the learner's."""
    return any(name.startswith("run_") for name in question.quantities)


def _run_files(folder: Path) -> list[Path]:
    patterns = ["/".join(["*"] * depth + ["run.json"]) for depth in range(DEEPEST)]
    return [file for pattern in patterns for file in sorted(folder.glob(pattern), reverse=True)]


def _read(file: Path) -> OwnRun | None:
    try:
        saved = json.loads(file.read_bytes()) if file.stat().st_size <= LARGEST else {}
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(saved, dict):
        return None
    summary = saved.get("summary")
    if not isinstance(summary, dict) or not isinstance(summary.get("method"), str):
        return None
    return OwnRun(file.parent, summary["method"], str(saved.get("started", "")), summary)
