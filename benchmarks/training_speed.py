"""LoRA's speed against `transformers.Trainer` + PEFT, and QLoRA's against LoRA's, as ratios in one run.

    python benchmarks/training_speed.py [--pairs 5] [--steps 10] [--write]

Both sides tune the same base by the same adapter from the same seed in float32 on the same examples. They take turns
(A B A B ...), so that a busy machine slows both. First their losses are compared on the very same batches: a timing of
different arithmetic would say nothing.
"""

import argparse
import platform
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch
from side_by_side import our_losses, our_side, our_speed, their_losses, their_rows, their_speed

from finetune_lab.batches import Encoded, collate, endless_batches, order
from finetune_lab.config import LoRA, Method, QLoRA, TuneConfig
from finetune_lab.device import detect_device
from finetune_lab.tuning.session import Session

TABLE = Path(__file__).with_suffix(".md")
SAME_LOSS = 1e-3


@dataclass(frozen=True)
class Ratio:
    """One line of the table: how many times as fast, pair by pair."""

    what: str
    goal: str
    pairs: tuple[float, ...]

    def row(self) -> str:
        middle, low, high = statistics.median(self.pairs), min(self.pairs), max(self.pairs)
        return f"| {self.what} | **{middle:.2f}** | {low:.2f} to {high:.2f} | {self.goal} |"


def equal_length(session: Session, length: int = 128) -> list[Encoded]:
    """The training texts as one stream, cut into rows of one length in which every token is labelled."""
    stream = [token for example in session.material.train for token in example.ids]
    return [Encoded(tuple(stream[at : at + length]), 1, 0) for at in range(0, len(stream) - length, length)]


def alternate(pairs: int, a: Callable[[], float], b: Callable[[], float]) -> tuple[float, ...]:
    """a/b of each pair; one pair of warm-up is thrown away."""
    return tuple(a() / b() for _ in range(pairs + 1))[1:]


def loss_difference(session: Session, examples: list[Encoded], folder: str) -> float:
    """Largest difference of the two sides' losses over 20 steps on the same batches."""
    config = TuneConfig(max_steps=20, lr_scheduler_type="constant", warmup_ratio=0.0)
    numbers = order([len(e.ids) for e in examples], config.batch_size, 0, 0)[:20]
    batches = [[examples[number] for number in batch] for batch in numbers if len(batch) == config.batch_size]
    config = config.replace(max_steps=len(batches))
    ours = our_losses(our_side(session, LoRA(), config), iter([collate(batch, session.pad) for batch in batches]))
    theirs = their_losses(session, LoRA(), config, [example for batch in batches for example in batch], folder)
    return max(abs(a - b) for a, b in zip(ours, theirs, strict=True))


def against_trainer(
    session: Session, examples: list[Encoded], pairs: int, steps: int, folder: str
) -> tuple[float, ...]:
    """Our tokens a second over Trainer's, on data as it comes: shuffled here, shuffled and bucketed by us."""
    config = TuneConfig(max_steps=steps + 2, lr_scheduler_type="constant", warmup_ratio=0.0)
    rows = their_rows(examples)
    batches = endless_batches(examples, config.batch_size, session.pad, 0)
    return alternate(
        pairs,
        lambda: our_speed(our_side(session, LoRA(), config), batches),
        lambda: their_speed(session, LoRA(), config, rows, folder),
    )


def step_time_ratio(session: Session, a: Method, b: Method, rows: int, pairs: int, steps: int) -> tuple[float, ...]:
    """Step time of `a` over `b` on batches of `rows` x 128 tokens."""
    config = TuneConfig(max_steps=steps + 2, batch_size=rows, lr_scheduler_type="constant", warmup_ratio=0.0)
    batches = endless_batches(equal_length(session), rows, session.pad, 0)
    speed = {m: lambda m=m: our_speed(our_side(session, m, config), batches) for m in (a, b)}
    return alternate(pairs, speed[b], speed[a])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--write", action="store_true", help="write the table beside this file")
    options = parser.parse_args()
    session = Session(LoRA(), TuneConfig())
    table = measure(session, options.pairs, options.steps)
    print(table)
    if options.write:
        TABLE.write_text(table, encoding="utf-8")


def measure(session: Session, pairs: int, steps: int) -> str:
    """The whole table."""
    even, lora = equal_length(session), LoRA()
    with tempfile.TemporaryDirectory() as folder:
        differences = {
            name: loss_difference(session, data, folder)
            for name, data in (("tickets", session.material.train), ("equal", even))
        }
        if max(differences.values()) > SAME_LOSS:
            raise SystemExit(f"the two sides do not compute the same: {differences}")
        ratios = [
            Ratio(
                "LoRA tokens/s over Trainer + PEFT, `tickets` as they come",
                "at least 1.7",
                against_trainer(session, session.material.train, pairs, steps, folder),
            ),
            Ratio(
                "the same, rows of 128 tokens, all labelled",
                "at least 1.1",
                against_trainer(session, even, pairs, steps, folder),
            ),
        ]
    ratios += [
        Ratio(
            "QLoRA (NF4) step time over LoRA, 256 tokens a step",
            "at most 1.15",
            step_time_ratio(session, QLoRA(), lora, 2, pairs, steps),
        ),
        Ratio(
            "QLoRA (NF4) step time over LoRA, 1,024 tokens a step",
            "at most 1.15",
            step_time_ratio(session, QLoRA(), lora, 8, pairs, steps),
        ),
    ]
    for name, method in (
        ("NF4, double quantization", QLoRA(bnb_4bit_use_double_quant=True)),
        ("FP4", QLoRA(bnb_4bit_quant_type="fp4")),
        ("8-bit", QLoRA(bits=8)),
    ):
        ratios.append(
            Ratio(
                f"QLoRA ({name}) step time over LoRA, 1,024 tokens a step",
                "-",
                step_time_ratio(session, method, lora, 8, pairs, steps),
            )
        )
    return report(ratios, differences, pairs, steps)


def report(ratios: list[Ratio], differences: dict[str, float], pairs: int, steps: int) -> str:
    device = detect_device()
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft", "bitsandbytes"))
    same = ", ".join(f"{name} {difference:.1e}" for name, difference in differences.items())
    lines = [
        "# Training speed, as ratios in one run",
        "",
        f"`python benchmarks/training_speed.py --pairs {pairs} --steps {steps} --write`. {device.name}, "
        f"{torch.get_num_threads()} thread(s), Python {platform.python_version()}, {versions}. Pairs take turns; a "
        f"ratio is of one pair. Largest difference of the losses over 20 steps on the same batches: {same}.",
        "",
        "| what | median | lowest to highest | goal |",
        "|---|---|---|---|",
        *(ratio.row() for ratio in ratios),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
