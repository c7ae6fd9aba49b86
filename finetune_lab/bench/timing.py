"""How long a run will take: by earlier runs of the same kind, or else by the speed of a product of matrices here.

    2 operations a weight and token forward, 2 for the gradient of the inputs, 2 for that of a weight that trains

A run says what it takes; arithmetic alone is a rough guess, and says so.
"""

import statistics
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

from finetune_lab.bench.earlier import Earlier, earlier_runs
from finetune_lab.bench.run_shapes import RunShapes
from finetune_lab.config import Full, LoRA, TuneConfig
from finetune_lab.device import Device
from finetune_lab.memory.planning import Plan

# A guess until a run of the kind is known, and said to be one: how many times the time of its matrix products at full
# speed a step takes, and what one layer costs for each generated token of a batch, whatever the sizes.
OVERHEAD = 2.5
SECONDS_A_LAYER_AND_TOKEN = 0.003
SIDE = 512  # of the matrices that are multiplied to see how fast this machine is
REPEATS = 9


@dataclass(frozen=True)
class Duration:
    """An estimate in seconds."""

    a_step: float
    steps: float  # of all steps
    judging: float  # around them: building, evaluation losses, generated answers, saving
    source: str  # what it is taken from

    @property
    def total(self) -> float:
        return self.steps + self.judging

    def __str__(self) -> str:
        parts = f"{in_words(self.steps)} of steps, {in_words(self.judging)} around them"
        return f"about {in_words(self.total)}: {parts}; {self.source}"


def in_words(seconds: float) -> str:
    """A time as a person reads it: `45 s`, `12 min`, `3.5 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def duration(plan: Plan, config: TuneConfig, shapes: RunShapes, total_weights: int, runs: Path | None) -> Duration:
    """What a run takes.

    Args:
        plan: its method, base and device.
        config: its settings.
        shapes: its batches.
        total_weights: of base and adapter.
        runs: a folder of earlier runs; those of the same kind say how fast it goes.
    """
    known = earlier_runs(runs, plan.method, config) if runs is not None else []
    if known:
        a_step = shapes.tokens_per_step / statistics.median(run.tokens_per_second for run in known)
        source = f"by the speed of {len(known)} earlier run{'s' if len(known) > 1 else ''} of this kind"
    else:
        a_step = calculated_step(plan, shapes, total_weights)
        source = "a rough guess from this machine's arithmetic, until a run of this kind is done"
    around = around_before(known, config)
    judging = calculated_judging(plan, config, shapes, a_step) if around is None else around
    return Duration(a_step, a_step * config.max_steps, judging, source)


def around_before(known: list[Earlier], config: TuneConfig) -> float | None:
    """Seconds around the steps in runs that judged as much; the least, since the others may have been paused."""
    found = [
        run.seconds_around
        for run in known
        if run.seconds_around is not None and run.judged == (config.eval_examples, config.score_examples)
    ]
    return min(found, default=None)


def calculated_step(plan: Plan, shapes: RunShapes, total_weights: int) -> float:
    """Seconds of one step by its operations and this machine's speed."""
    text, method = plan.config.get_text_config(), plan.method
    head = text.vocab_size * text.hidden_size
    adapter = plan.prediction.trained if isinstance(method, LoRA) else 0
    blocks = total_weights - adapter - head * (1 if plan.config.tie_word_embeddings else 2)
    passes = 6 if isinstance(method, Full) else 4
    again = 2 if plan.shape.checkpointing else 0  # forward once more
    work = shapes.positions_per_step * ((passes + again) * blocks + 6 * adapter)
    work += shapes.labelled_per_step * passes * head
    return float(OVERHEAD * work / operations_a_second(plan.device))


def calculated_judging(plan: Plan, config: TuneConfig, shapes: RunShapes, a_step: float) -> float:
    """Seconds of two evaluations: every judged and every scored example forward, and the answers token by token."""
    forward = 1 / 3 if isinstance(plan.method, Full) else 1 / 2  # of a step
    rows = config.batch_size * config.gradient_accumulation_steps
    once = forward * a_step * (shapes.judged + shapes.scored) / rows
    answer = shapes.labelled_per_step / rows if shapes.scored else 0
    layers = int(plan.config.get_text_config().num_hidden_layers)
    return 2 * (once + answer * layers * SECONDS_A_LAYER_AND_TOKEN)


@lru_cache(maxsize=4)
def operations_a_second(device: Device) -> float:
    """Floating-point operations a second of a product of matrices, as it is now: a few milliseconds, once a process."""
    place, kind = device.torch_device, device.dtype
    one, other = (torch.ones(SIDE, SIDE, device=place, dtype=kind) for _ in range(2))
    seconds = []
    with torch.no_grad():
        for _ in range(REPEATS):
            began = time.perf_counter()
            (one @ other)[0, 0].item()  # reading a number waits for a GPU too
            seconds.append(time.perf_counter() - began)
    return float(2 * SIDE**3 / statistics.median(seconds))
