"""Real tunes on a CUDA GPU: of lab-base as a learner does it, and of large shapes with random weights.

    python benchmarks/gpu_tunes.py [--out FOLDER] [--large] [--float16]

`--large` adds the shapes of Llama 3.2 1B and Llama 3.1 8B: their losses mean nothing, their bytes and their way through
loading, quantizing, tuning and saving do. Writes gpu_tunes.json and .md.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gpu_memory import LARGE, saved
from gpu_results import keep, machine, parser_of, require_gpu
from transformers import AutoConfig

from finetune_lab.config import Full, LoRA, Method, QLoRA
from finetune_lab.models import find_base, load_tokenizer
from finetune_lab.tuning.comparison import compare

HERE = Path(__file__).parent
METHODS: tuple[Method, ...] = (Full(), LoRA(), QLoRA())
FEW: dict[str, Any] = {"max_steps": 20, "score_examples": 0, "eval_examples": 16, "batch_size": 8}


def all_tunes(folder: Path, *, large: bool) -> Iterator[dict[str, Any]]:
    """The record of each run, as `tune --json` prints it."""
    yield from tunes("lab-base", METHODS, folder / "lab-base-runs")
    for model in large_models(folder) if large else ():
        yield from tunes(model, (LoRA(r=16), QLoRA(r=16)), folder / f"{Path(model).name}-runs", **FEW)


def tunes(model: str, methods: tuple[Method, ...], folder: Path, **settings: Any) -> Iterator[dict[str, Any]]:
    """The records of one base."""
    for method in methods:
        (run,) = compare([method], out=folder, model=model, data="tickets", **settings).runs
        record = {**run.summary, "model": Path(model).name, "run_dir": ""}
        print(json.dumps(record), flush=True)
        yield record


def large_models(folder: Path) -> Iterator[str]:
    """Folders of the large shapes with random weights and lab-base's tokenizer."""
    for name, settings in LARGE.items():
        place = folder / name.replace(" ", "-")
        saved(AutoConfig.for_model(**settings), place)
        load_tokenizer(find_base("lab-base")).save_pretrained(place)
        yield str(place)


def main() -> None:
    options = parser_of(__doc__).parse_args()
    require_gpu("`finetune-lab compare`", float16=options.float16)
    with tempfile.TemporaryDirectory() as folder:
        keep(options.out, "gpu_tunes", "runs", all_tunes(Path(folder), large=options.large), report)


def report(found: dict[str, Any]) -> str:
    """The runs as a table."""
    lines = [
        "# Tunes on a GPU",
        "",
        f"{machine(found)} Made by `benchmarks/gpu_tunes.py`.",
        "lab-base: 60 steps of 8 tickets. The Llama shapes have random weights: their losses say nothing.",
        "Peaks of the tensors in a step, GiB; allocated: `torch.cuda.max_memory_allocated`, of the whole process.",
        "",
        "| base | method | trainable | loss before | after | score before | after | predicted | measured | allocated |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for run in found["runs"]:
        measured, predicted = run["memory"]["measured"], run["memory"]["predicted"]
        sizes = (predicted["peak"], measured["peak"], measured["cuda_allocated_peak"])
        figures = [
            run["model"],
            f"{run['method']} r={run['rank']}" if run["rank"] else run["method"],
            f"{run['trainable_parameters']:,}",
            *(f"{run[name]:.3f}" for name in ("eval_loss_before", "eval_loss_after")),
            *("-" if run[name] is None else f"{run[name]:.0%}" for name in ("score_before", "score_after")),
            *(f"{size / 2**30:.3f}" for size in sizes),
        ]
        lines.append(f"| {' | '.join(figures)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
