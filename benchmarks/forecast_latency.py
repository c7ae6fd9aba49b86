"""How long the bench's forecast takes after a control was moved: the chosen method's own figures, and the whole card.

    OMP_NUM_THREADS=1 python benchmarks/forecast_latency.py [--rounds 3] [--write]

Every move starts from a panel that has just shown its default: `cold` with nothing else traced before, `warm` after the
same move was made once. The bar: 300 ms.
"""

import argparse
import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from transformers.utils import logging

from finetune_lab.bench import interpolation
from finetune_lab.bench.settings import default_settings
from finetune_lab.views.bench.forecast_card import forecast_pages

TABLE = Path(__file__).with_suffix(".md")
MOVES: dict[str, dict[str, Any]] = {
    "rank 8 to 16": {"r": 16},
    "method to full": {"method": "full"},
    "method to qlora": {"method": "qlora"},
    "qlora, 4 bits to 8": {"method": "qlora", "bits": 8},
    "target modules": {"target_modules": "q_proj,v_proj"},
    "batch size 8 to 4": {"batch_size": 4},
    "longest example 512 to 64": {"max_length": 64},
    "checkpointing": {"gradient_checkpointing": True},
}


def waited(move: dict[str, Any]) -> tuple[float, float]:
    """Seconds until the first page and until the last."""
    started = time.perf_counter()
    pages = forecast_pages({**default_settings(), **move}, Path("runs"))
    next(pages)
    first = time.perf_counter() - started
    for _ in pages:
        pass
    return first, time.perf_counter() - started


def cold(move: dict[str, Any]) -> tuple[float, float]:
    """The same with nothing traced but the default."""
    with interpolation._gate:
        interpolation._structures.clear()
    waited({})
    return waited(move)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    logging.set_verbosity_error()
    waited({})  # imports, tokens of the data set
    rows = []
    for name, move in MOVES.items():
        colds = [cold(move) for _ in range(options.rounds)]
        waited(move)
        warms = [waited(move) for _ in range(options.rounds)]
        figures = [statistics.median(times) for pairs in (colds, warms) for times in zip(*pairs, strict=True)]
        rows.append(f"| {name} | {' | '.join(f'{1000 * seconds:.0f}' for seconds in figures)} |")
        print(rows[-1], flush=True)
    versions = ", ".join(
        f"{package} {version(package)}" for package in ("torch", "transformers", "peft", "bitsandbytes")
    )
    text = "\n".join(
        [
            "# After a control was moved",
            "",
            f"`python benchmarks/forecast_latency.py --rounds {options.rounds} --write`. One thread, Python "
            f"{platform.python_version()}, {versions}.",
            "Milliseconds, medians, `lab-base` on `tickets`. First: until the chosen method's figures are there; all:",
            "until the other methods' are too. Cold: nothing was traced but the panel's default; an idle panel",
            "traces such moves by itself while nothing else is to do. The goal is 300.",
            "",
            "| move | cold, first | cold, all | warm, first | warm, all |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )
    if options.write:
        TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
