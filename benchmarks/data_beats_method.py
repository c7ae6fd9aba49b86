"""Data or method: full tuning and LoRA, each on `tickets` and on `tickets-messy`, judged on the same clean test set.

    python benchmarks/data_beats_method.py [--steps 60 150] [--seeds 3] [--write]

The claim under test is that a clean LoRA run beats a full fine-tune on messy examples. The messy set has the same task
and half of its rows at fault, as its card says. Every cell is the mean over the seeds, with the lowest and the highest.
"""

import argparse
import json
import statistics
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import finetune_lab as lab
from finetune_lab.config import Full, LoRA, Method

TABLE = Path(__file__).with_suffix(".md")
FIGURES = Path(__file__).with_suffix(".json")
METHODS: dict[str, Method] = {"full": Full(), "LoRA r=8": LoRA(r=8)}
DATA = ("tickets", "tickets-messy")
SCORED = 128  # messages of the clean test set


def measured(steps: int, seed: int) -> list[dict[str, Any]]:
    """One tune for each method and data set."""
    found = []
    for data in DATA:
        for name, method in METHODS.items():
            with tempfile.TemporaryDirectory() as folder:
                settings = {"data": data, "max_steps": steps, "seed": seed, "score_examples": SCORED}
                run = lab.tune(method, out=Path(folder) / "run", **settings)
            print(run, flush=True)
            found.append(
                {
                    "method": name,
                    "data": data,
                    "steps": steps,
                    "seed": seed,
                    "eval_loss": run.summary["eval_loss_after"],
                    "score": run.summary["score_after"],
                }
            )
    return found


def cell(rows: list[dict[str, Any]], field: str, form: str) -> str:
    """Mean, lowest and highest over the seeds."""
    values = [row[field] for row in rows]
    low, high = form.format(min(values)), form.format(max(values))
    return f"{form.format(statistics.mean(values))} ({low} to {high})"


def table(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| steps | data | method | evaluation loss, nats a token | fields right |",
        "|---:|---|---|---|---|",
    ]
    for steps in sorted({row["steps"] for row in rows}):
        for data in DATA:
            for method in METHODS:
                own = [r for r in rows if (r["steps"], r["data"], r["method"]) == (steps, data, method)]
                loss, score = cell(own, "eval_loss", "{:.3f}"), cell(own, "score", "{:.0%}")
                lines.append(f"| {steps} | {data} | {method} | {loss} | {score} |")
    return lines


def verdict(rows: list[dict[str, Any]]) -> list[str]:
    """Whether clean LoRA beat messy full tuning, seed by seed."""
    lines = []
    for steps in sorted({row["steps"] for row in rows}):
        of = {(r["data"], r["method"], r["seed"]): r for r in rows if r["steps"] == steps}
        seeds = sorted({seed for *_, seed in of})
        pairs = [(of["tickets", "LoRA r=8", seed], of["tickets-messy", "full", seed]) for seed in seeds]
        by_loss = sum(lora["eval_loss"] < full["eval_loss"] for lora, full in pairs)
        by_score = sum(lora["score"] > full["score"] for lora, full in pairs)
        lines.append(
            f"{steps} steps: LoRA on clean data beat full tuning on messy data in {by_loss} of {len(pairs)} seeds "
            f"by loss, in {by_score} by score."
        )
    return lines


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--steps", type=int, nargs="+", default=[60, 150])
    asked.add_argument("--seeds", type=int, default=3)
    asked.add_argument("--write", action="store_true")
    options = asked.parse_args()
    rows = [row for steps in options.steps for seed in range(options.seeds) for row in measured(steps, seed)]
    text = [*table(rows), "", *verdict(rows)]
    print("\n".join(text))
    if options.write:
        made_by = {name: version(name) for name in ("torch", "transformers", "peft")}
        FIGURES.write_text(json.dumps({"versions": made_by, "runs": rows}, indent=1) + "\n", "utf-8")
        head = ["# Data or method", "", *(__doc__ or "").strip().split("\n")[4:], ""]
        versions = ", ".join(f"{name} {number}" for name, number in made_by.items())
        TABLE.write_text("\n".join([*head, *text, "", f"Measured with {versions}, one CPU thread.", ""]), "utf-8")


if __name__ == "__main__":
    main()
