"""What came out of a run or a race, beside what was predicted and guessed."""

from collections.abc import Sequence
from dataclasses import dataclass

from finetune_lab.bench.guess import Guess
from finetune_lab.memory.run_plan import error_rows
from finetune_lab.tuning.comparison import run_name
from finetune_lab.tuning.run import Run
from finetune_lab.views.bench import markup
from finetune_lab.views.bench.guess_card import scored


@dataclass(frozen=True)
class Expected:
    """What was set and guessed when a run began."""

    method: str
    guesses: tuple[Guess, ...]


def result_html(runs: Sequence[Run], expected: Expected) -> str:
    """Scores before and after, predicted memory against measured, and the guesses, as HTML."""
    last = runs[-1]
    parts = [markup.title("Result", last.summary["reason"]), markup.facts(changes(runs), "ftl-facts")]
    if last.losses and last.memory["predicted"]:
        rows = [{**row, "memory": row["memory"].replace("_", " ")} for row in error_rows(**last.memory)]
        words = f"{run_name(last.summary)}, each component at its largest"
        parts += [
            markup.title("Predicted and measured memory", words),
            markup.table(rows, "predicted and measured memory"),
        ]
    if judged := scored(expected.guesses, outcomes(runs, expected.method)):
        parts.append(judged)
    return f'<div class="ftl-card ftl-result">{"".join(parts)}</div>'


def changes(runs: Sequence[Run]) -> list[tuple[str, str, str]]:
    """For each run, its score and its loss before and after."""
    found = []
    for run in runs:
        summary = run.summary
        score = pair(summary["score_before"], summary["score_after"], "{:.0%}")
        loss = pair(summary["eval_loss_before"], summary["eval_loss_after"], "{:.3f}")
        found.append((f"{run_name(summary)}: fields right", score, f"evaluation loss {loss}"))
    return found


def pair(before: float | None, after: float | None, form: str) -> str:
    """Two values with an arrow between; a dash for one that was not reached."""
    return " → ".join("-" if value is None else form.format(value) for value in (before, after))


def outcomes(runs: Sequence[Run], method: str) -> dict[str, float | str]:
    """What there was to guess, as it came out: of the run by that method; a race's winner has the lowest loss."""
    last = next((run for run in runs if run.method.name == method), runs[-1])
    found: dict[str, float | str] = {}
    if peak := last.memory["measured"].get("peak"):
        found["peak_memory"] = peak
    if moved := last.summary["trainable_parameters"]:
        found["trainable_parameters"] = moved
    reached = [run for run in runs if run.summary["eval_loss_after"] is not None]
    if len(reached) > 1:
        found["winner"] = min(reached, key=lambda run: float(run.summary["eval_loss_after"])).method.name
    return found
