"""What a tune forgets, and what replay keeps: default tunes of `tickets` on `lab-base`, judged on other text too.

    python benchmarks/forgetting.py [--seeds 2] [--share 0.25] [--corpus FOLDER] [--write]

Replayed is what lab-base itself wrote, judged is `base-text`, product-help text of our own that it never read. With
`--corpus`, the held-out part of the real text that lab-base was pretrained on is judged as well; it is not shipped.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import finetune_lab as lab
from finetune_lab.config import Full, LoRA, Method, QLoRA, TuneConfig
from finetune_lab.tuning.run import Run

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "data" / "build"))
from corpus import read_documents

TABLE = Path(__file__).with_suffix(".md")
METHODS: dict[str, Method] = {"full": Full(), "LoRA r=8": LoRA(), "QLoRA r=8, NF4": QLoRA()}
Case = tuple[str, float]  # the method's name and the replayed share
JUDGED = 32  # examples of each kind
LETTERS = 700  # of a real document: some 150 tokens


def tuned(method: Method, config: TuneConfig) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        run = lab.tune(method, config, out=Path(folder) / "run")
    print(run, run.summary["forgetting_after"], flush=True)
    return run


def real_text(corpus: Path, folder: Path) -> Path:
    """The beginnings of the held-out documents as a file of texts."""
    documents = [text[:LETTERS] for text in read_documents(corpus / "help-docs.valid.txt.xz") if len(text) > LETTERS]
    file = folder / "real-help.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in documents[:400]), encoding="utf-8")
    return file


def mean(values: Sequence[float], form: str = ".3f") -> str:
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):{form}}{spread}"


def row(name: str, share: float, runs: Sequence[Run]) -> str:
    """One line of the table: means over the seeds of the loss after the tune, and of how far the others rose in it."""
    ends = [run.summary for run in runs]
    rises = [
        mean([end["forgetting_after"][key] - end["forgetting_before"][key] for end in ends], "+.3f")
        for key in ends[0]["forgetting_after"]
    ]
    cells = [name, f"{share:.0%}" if share else "none", mean([end["eval_loss_after"] for end in ends]), *rises]
    return "| " + " | ".join(cells) + " |"


def runs_of_seed(seed: int, share: float, judged: Sequence[str]) -> dict[Case, Run]:
    """One run by each method without replay and with it."""
    runs = {}
    for name, method in METHODS.items():
        for part in (0.0, share):
            others = {"forgetting_data": ",".join(judged), "replay_share": part}
            config = TuneConfig(seed=seed, score_examples=0, eval_examples=JUDGED, **others)
            runs[name, part] = tuned(method, config)
    return runs


def table(found: Sequence[dict[Case, Run]], judged: Sequence[str]) -> list[str]:
    """All seeds so far: the untouched base, then a line for each case."""
    starts = [runs["full", 0.0].summary for runs in found]
    before = [[start["eval_loss_before"] for start in starts]]
    before += [[start["forgetting_before"][key] for start in starts] for key in judged]
    names = " | ".join(f"change of the loss on {Path(key).stem if key != 'base' else 'base-text'}" for key in judged)
    return [
        f"| method | replay | loss on tickets | {names} |",
        "|---" * (3 + len(judged)) + "|",
        f"| untouched base: the losses themselves | - | {' | '.join(mean(values) for values in before)} |",
        *(row(*case, [runs[case] for runs in found]) for case in found[0]),
    ]


def report(found: Sequence[dict[Case, Run]], options: argparse.Namespace, judged: Sequence[str]) -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft", "bitsandbytes"))
    real = ["- `real-help`: held-out text of the corpus that lab-base was pretrained on; not shipped."] * bool(
        judged[1:]
    )
    return "\n".join(
        [
            "# What a tune of `lab-base` forgets, and what replay keeps",
            "",
            f"`python benchmarks/forgetting.py --seeds {options.seeds} --share {options.share}"
            f"{' --corpus FOLDER' * bool(real)} --write`, {versions}.",
            f"Default tunes of {TuneConfig().max_steps} steps of 8 examples of `tickets`, each method at its own rate;",
            f"mean over {len(found)} seed(s), ± one standard deviation; {JUDGED} examples of each kind are judged.",
            "Losses in nats a token, lower is better. Columns of change: the loss after less that before the tune, on",
            "the same texts. Above 0 is forgetting.",
            "",
            *table(found, judged),
            "",
            "- Replayed: what `lab-base` itself wrote (base-text/train.jsonl). `base-text`: product-help text of ours,",
            "  which was read in no training (data/base-text/held-out.jsonl).",
            *real,
            "- A batch keeps its size: with replay, that share of its examples is not of the task.",
            "- With the adapter switched off, LoRA and QLoRA give the untouched base's losses again, exactly.",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--share", type=float, default=0.25)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--write", action="store_true", help="write the table beside this file, after every seed")
    options = parser.parse_args()
    found: list[dict[Case, Run]] = []
    with tempfile.TemporaryDirectory() as folder:
        real = [str(real_text(options.corpus, Path(folder)))] if options.corpus else []
        for seed in range(options.seeds):
            found.append(runs_of_seed(seed, options.share, ["base", *real]))
            text = report(found, options, ["base", *real])
            print(text, flush=True)
            if options.write:
                TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
