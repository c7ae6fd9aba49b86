"""Does the first steps of a student's run again. The record is a stranger's: only shipped parts, all bounded."""

import platform
import tempfile
import time
from pathlib import Path
from typing import Any

from finetune_lab.classroom.replays import Replayed
from finetune_lab.config import LoRA, Method, TuneConfig, method_from_dict
from finetune_lab.errors import LabError

STEPS = 10
SECONDS = 120.0  # for one run
MOST_TOKENS = 8_192  # a step, padded
HIGHEST_RANK = 64
BASE, DATA = "lab-base", ("tickets", "tickets-messy")


def replay_run(record: dict[str, Any], steps: int = STEPS, seconds: float = SECONDS) -> Replayed | str:
    """The losses of a run's first steps, done again in a folder that is thrown away, or why that is refused.

    Args:
        record: a run of a submission.
        steps: how many at most.
        seconds: after which no further step is begun.
    """
    try:
        method = method_from_dict(record["method"])
        config = TuneConfig(**record["config"])
    except (LabError, TypeError) as error:
        return f"its settings are none of this version: {str(error)[:200]}"
    if refusal := _refusal(method, config):
        return refusal
    from finetune_lab.tuning.record import versions

    # What is measured beside the steps takes time and changes no loss.
    config = config.replace(eval_examples=1, score_examples=0, eval_steps=0, save_steps=0)
    try:
        losses = _losses(method, config, steps, seconds)
    except (LabError, ValueError, RuntimeError) as error:
        return f"it can't be run: {str(error)[:200]}"
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return Replayed(losses, versions(), machine)


def _refusal(method: Method, config: TuneConfig) -> str:
    """Why a run is not done again: what is not shipped could be anything, and a class has to be replayed in minutes."""
    if config.model != BASE:
        return f"only the embedded {BASE} is replayed, not {config.model[:80]!r}"
    if config.data not in DATA or config.eval_data is not None:
        return f"only the shipped data are replayed, not {(config.eval_data or config.data)[:80]!r}"
    tokens = config.batch_size * config.gradient_accumulation_steps * config.max_length
    if tokens > MOST_TOKENS:
        return f"a step has up to {tokens:,} tokens, more than {MOST_TOKENS:,}"
    if isinstance(method, LoRA) and method.r > HIGHEST_RANK:
        return f"its rank is {method.r}, more than {HIGHEST_RANK}"
    return ""


def _losses(method: Method, config: TuneConfig, steps: int, seconds: float) -> dict[int, float]:
    from finetune_lab.events import Stepped
    from finetune_lab.tuning.training import train

    losses: dict[int, float] = {}
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        events = train(method, config, out=Path(folder) / "run")
        for event in events:
            if isinstance(event, Stepped):
                losses[event.step] = event.loss
            if len(losses) >= steps or time.monotonic() - start > seconds:
                break
        events.close()  # type: ignore[attr-defined] # a generator: ended here, before its folder goes
    return losses
