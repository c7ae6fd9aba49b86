"""A run in one flat record: what `tune --json` prints, what `compare` tabulates, what run.json ends with. No torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finetune_lab.events import Ended, Evaluated, Event, Started, Stepped, finite
from finetune_lab.scoring import headline

WHY = {"running": "it is still running", "broken off": "its process ended before the run did"}
WARM_UP_STEPS = 2  # the first steps also pay for memory and thread pools: not counted in tokens per second


def summarize(
    description: dict[str, Any], events: Sequence[Event], folder: Path, status: str, peak: int | None
) -> dict[str, Any]:
    """Fold the events of a run into one record; None is a value that it has not reached or that is not finite.

    `status` counts where no event says how the run ended; `peak` is its process's own, in bytes.
    """
    started = next((event for event in events if isinstance(event, Started)), None)
    steps = [event for event in events if isinstance(event, Stepped)]
    judged = [event for event in events if isinstance(event, Evaluated)]
    ended = events[-1] if events and isinstance(events[-1], Ended) else None
    method = description["method"]
    finished = len(judged) > 1 and bool(steps) and judged[-1].step == steps[-1].step  # not a look in between
    return {
        "method": method["method"],
        "rank": method.get("r"),
        "bits": method.get("bits", 16),
        "alpha": method.get("lora_alpha"),
        "trainable_parameters": started.trainable_parameters if started else None,
        "total_parameters": started.total_parameters if started else None,
        "steps": len(steps),
        "tokens": sum(step.tokens for step in steps),
        "seconds": round(sum(step.seconds for step in steps), 3),
        "tokens_per_second": tokens_per_second(steps),
        "loss_first": finite(steps[0].loss) if steps else None,
        "loss_last": finite(steps[-1].loss) if steps else None,
        "eval_loss_before": finite(judged[0].eval_loss) if judged else None,
        "eval_loss_after": finite(judged[-1].eval_loss) if finished else None,
        "score_before": headline_score(judged[0]) if judged else None,
        "score_after": headline_score(judged[-1]) if finished else None,
        "scores_before": judged[0].scores if judged else {},
        "scores_after": judged[-1].scores if finished else {},
        "forgetting_before": finite(judged[0].forgetting) if judged else {},
        "forgetting_after": finite(judged[-1].forgetting) if finished else {},
        "memory": {"predicted": predicted_memory(started), "measured": measured_memory(steps, peak)},
        "artifact_bytes": ended.artifact_bytes if ended else 0,
        "run_dir": str(folder),
        "status": ended.status if ended else status,
        "reason": ended.reason if ended else description.get("reason", WHY[status]),
    }


def tokens_per_second(steps: Sequence[Stepped]) -> float | None:
    """Real (not padded) tokens a second of step time, without the first steps where there are enough others."""
    counted = steps[WARM_UP_STEPS:] or steps
    seconds = sum(step.seconds for step in counted)
    return round(sum(step.tokens for step in counted) / seconds, 1) if seconds else None


def headline_score(event: Evaluated) -> float | None:
    """The one score that stands for an evaluation; None where nothing was generated."""
    return headline(event.scores)[1] if event.scores else None


def predicted_memory(started: Started | None) -> dict[str, int] | None:
    """What was predicted before the run, in bytes by component; None where it has not begun."""
    return started.predicted_memory if started else None


def measured_memory(steps: Sequence[Stepped], peak: int | None) -> dict[str, int | None]:
    """Each component's largest value over the run, in bytes, and the process's own peak.

    `other` is that of the step with the highest peak: at the first step the optimizer's moments come into being, and
    are no optimizer's yet.
    """
    names = {name for step in steps for name in step.memory}
    largest = {name: max(step.memory.get(name, 0) for step in steps) for name in sorted(names)}
    if "peak" in names:
        largest["other"] = max(steps, key=lambda step: step.memory.get("peak", 0)).memory["other"]
    return {**largest, "process_peak": peak}
