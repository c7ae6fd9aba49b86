"""Full, LoRA and QLoRA tuning on a CUDA GPU beside `transformers.Trainer` + PEFT: tokens a second and peak bytes.

    python benchmarks/gpu_speed.py [--out FOLDER] [--large] [--float16]

Both sides tune the same base in the same float type on the same examples and take turns, so that what else the machine
does slows both. `--large` adds the shape of Llama 3.2 1B with random weights. Writes gpu_speed.json and .md. `plain`
there is our speed over the steps that the memory ledger did not sample, `sampled` the seconds of each that it did.
"""

import gc
import json
import statistics
import tempfile
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import torch
from gpu_results import keep, machine, parser_of, require_gpu
from gpu_tunes import METHODS, large_models
from side_by_side import our_side, their_rows, their_speed, tokens_per_second

from finetune_lab.batches import endless_batches
from finetune_lab.config import Method, TuneConfig
from finetune_lab.tuning.session import Session

HERE = Path(__file__).parent
STEPS, PAIRS = 60, 3


def measured(side: Callable[[], float]) -> tuple[float, int]:
    """Tokens a second of one side, and the most bytes that torch's allocator held."""
    gc.collect()  # not empty_cache(): what the driver takes to give new memory is not the steps' time
    torch.cuda.reset_peak_memory_stats()
    speed = side()
    return speed, torch.cuda.max_memory_allocated()


def beside_trainer(model: str, method: Method, batch_size: int, folder: str) -> dict[str, Any]:
    """Both sides in turn, one pair of warm-up thrown away: median tokens/s and peak bytes of each, and the ratios."""
    config = TuneConfig(
        model=model, max_steps=STEPS, batch_size=batch_size, lr_scheduler_type="constant", warmup_ratio=0.0
    )
    session = Session(method, config)
    rows = their_rows(session.material.train)
    batches = endless_batches(session.material.train, batch_size, session.pad, 0)
    plain, sampled = [], []

    def ours() -> float:
        steps = list(our_side(session, method, config).steps(batches))[2:]
        plain.append(tokens_per_second([step for step in steps if "peak" not in step.memory]))
        sampled.append([step.seconds for step in steps if "peak" in step.memory])
        return tokens_per_second(steps)

    def pair() -> tuple[tuple[float, int], tuple[float, int]]:
        return measured(ours), measured(lambda: their_speed(session, method, config, rows, folder))

    pairs = [pair() for _ in range(PAIRS + 1)][1:]
    ratios = [mine[0] / theirs[0] for mine, theirs in pairs]
    found = {
        "model": Path(model).name,
        "method": method.name,
        "batch_size": batch_size,
        "ours": statistics.median(mine[0] for mine, _ in pairs),
        "plain": statistics.median(plain[1:]),
        "sampled": [second for seconds in sampled[1:] for second in seconds],
        "theirs": statistics.median(theirs[0] for _, theirs in pairs),
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        "our_peak": max(mine[1] for mine, _ in pairs),
        "their_peak": max(theirs[1] for _, theirs in pairs),
    }
    print(json.dumps(found), flush=True)
    return found


def all_pairs(folder: Path, *, large: bool) -> Iterator[dict[str, Any]]:
    """Every base with every method."""
    models = ["lab-base", *([next(large_models(folder))] if large else [])]
    for model, method in product(models, METHODS):
        yield beside_trainer(model, method, 8, str(folder))


def main() -> None:
    options = parser_of(__doc__).parse_args()
    require_gpu("benchmarks/training_speed.py", float16=options.float16)
    with tempfile.TemporaryDirectory() as folder:
        keep(options.out, "gpu_speed", "speeds", all_pairs(Path(folder), large=options.large), report)


def report(found: dict[str, Any]) -> str:
    """The pairs as a table."""
    lines = [
        "# Speed on a GPU, beside Trainer + PEFT",
        "",
        f"{machine(found)} Made by `benchmarks/gpu_speed.py`:",
        f"`tickets` as they come, 8 a step, {STEPS} steps of which the first two don't count; median of {PAIRS} pairs.",
        "",
        "| base | method | tokens/s | unsampled | Trainer's | ratio | lowest to highest | peak, GiB | Trainer's |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for pair in found["speeds"]:
        span = f"{min(pair['ratios']):.2f} to {max(pair['ratios']):.2f}"
        speeds = (
            f"{pair['ours']:,.0f} | {pair['plain']:,.0f} | {pair['theirs']:,.0f} | **{pair['ratio']:.2f}** | {span}"
        )
        peaks = f"{pair['our_peak'] / 2**30:.3f} | {pair['their_peak'] / 2**30:.3f}"
        lines.append(f"| {pair['model']} | {pair['method']} | {speeds} | {peaks} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
