"""Which learning rate suits which method on `lab-base`, and what rank buys: default tunes of `tickets`, measured.

    python benchmarks/learning_rates.py [--seeds 1] [--write]

Each cell is one whole tune of the default length; the figure is the evaluation loss after it, in nats a completion
token. The default rates in finetune_lab/config.py are the best of these columns.
"""

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import finetune_lab as lab
from finetune_lab.config import Full, LoRA, Method, QLoRA, TuneConfig
from finetune_lab.tuning.run import Run

TABLE = Path(__file__).with_suffix(".md")
RATES = (2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2)
SWEPT: dict[str, tuple[Method, tuple[float, ...]]] = {
    "full": (Full(), RATES[:5]),
    "LoRA r=8": (LoRA(), RATES[3:]),
    "QLoRA r=8, NF4": (QLoRA(), RATES[4:]),
}
RANKS: dict[str, Method] = {
    "LoRA r=1": LoRA(r=1, lora_alpha=2),
    "LoRA r=8": LoRA(),
    "LoRA r=64": LoRA(r=64, lora_alpha=128),
    "full": Full(),
}


def tuned(method: Method, config: TuneConfig) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        run = lab.tune(method, config, out=Path(folder) / "run")
    print(run, flush=True)
    return run


def losses(method: Method, rate: float, seeds: Sequence[int]) -> list[float]:
    """The evaluation loss after a tune at `rate`, for each seed; infinite where it diverged."""
    runs = [tuned(method, TuneConfig(learning_rate=rate, score_examples=0, seed=seed)) for seed in seeds]
    return [run.summary["eval_loss_after"] if run.status == "finished" else float("inf") for run in runs]


def rate_table(seeds: Sequence[int]) -> list[str]:
    lines = ["| learning rate | " + " | ".join(SWEPT) + " |", "|---" * (len(SWEPT) + 1) + "|"]
    for rate in RATES:
        cells = [
            f"{statistics.mean(losses(method, rate, seeds)):.3f}" if rate in rates else ""
            for method, rates in SWEPT.values()
        ]
        lines.append(f"| {rate:g} | " + " | ".join(cells) + " |")
    return lines


def rank_table() -> list[str]:
    lines = [
        "| method | trainable | evaluation loss | valid JSON | intent | order id | next action | whole record |",
        "|---" * 8 + "|",
    ]
    for name, method in RANKS.items():
        found = tuned(method, TuneConfig(score_examples=200, eval_examples=300)).summary
        scores = found["scores_after"]
        shares = [
            scores[key] for key in ("valid_json", "field:intent", "field:order_id", "field:next_action", "record")
        ]
        cells = [f"{found['trainable_parameters']:,}", f"{found['eval_loss_after']:.3f}", *(f"{s:.0%}" for s in shares)]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="write the table beside this file")
    options = parser.parse_args()
    steps = TuneConfig().max_steps
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft", "bitsandbytes"))
    text = "\n".join(
        [
            "# Learning rates and ranks on `lab-base`",
            "",
            f"`python benchmarks/learning_rates.py --seeds {options.seeds} --write`, {versions}.",
            f"Default tunes of {steps} steps of 8 examples of `tickets`; mean over {options.seeds} seed(s).",
            "Evaluation loss in nats a completion token, lower is better.",
            "",
            *rate_table(range(options.seeds)),
            "",
            "Each method at its own default rate, judged on 300 validation and 200 test messages, seed 0:",
            "",
            *rank_table(),
            "",
        ]
    )
    print(text)
    if options.write:
        TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
