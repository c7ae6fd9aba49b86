"""What earlier runs of the same kind say about time. No torch."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from finetune_lab.config import LoRA, Method, TuneConfig, method_to_dict

METHOD_ALIKE = ("method", "bits", "bnb_4bit_quant_type", "bnb_4bit_use_double_quant")
CONFIG_ALIKE = ("model", "gradient_checkpointing")
RANKS_ALIKE = 4  # a rank within this factor costs nearly the same
MOST_RUNS = 5


@dataclass(frozen=True)
class Earlier:
    """How fast a run was."""

    kind: dict[str, Any]
    rank: int
    tokens_per_second: float
    judged: tuple[int, int]  # examples for the loss, examples answered
    seconds_around: float | None  # from its beginning to its end, without its steps; None where it did not finish


def earlier_runs(runs: Path, method: Method, config: TuneConfig) -> list[Earlier]:
    """The latest runs in a folder of the same base, method and bits, and of a similar rank."""
    wanted, rank = kind_of(method_to_dict(method), vars(config)), method.r if isinstance(method, LoRA) else 1
    files = sorted(runs.glob("**/run.json"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    read = (_read(file, file.stat().st_mtime_ns) for file in files)
    alike = [
        run
        for run in read
        if run is not None and run.kind == wanted and 1 / RANKS_ALIKE <= run.rank / rank <= RANKS_ALIKE
    ]
    return alike[:MOST_RUNS]


def kind_of(method: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """The settings that decide how fast a token is."""
    return {
        **{name: method.get(name) for name in METHOD_ALIKE},
        **{name: config.get(name) for name in CONFIG_ALIKE},
    }


@lru_cache(maxsize=1024)
def _read(file: Path, _written: int) -> Earlier | None:
    """One run; None where its file can't be read or it did no step: the table of runs says what is wrong with it."""
    try:
        saved = json.loads(file.read_text(encoding="utf-8"))
        summary, config = saved["summary"], saved["config"]
        lasted = file.stat().st_mtime - datetime.fromisoformat(saved["started"]).timestamp()
        return Earlier(
            kind_of(saved["method"], config),
            int(saved["method"].get("r", 1)),
            float(summary["tokens_per_second"]),
            (config["eval_examples"], config["score_examples"]),
            max(0.0, lasted - summary["seconds"]) if summary["status"] == "finished" else None,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
