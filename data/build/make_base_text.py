"""Writes the shipped `base-text`: `python data/build/make_base_text.py [--seed 0] [--check]`.

The same seed gives the same bytes. `--check` builds everything in memory and fails where a file differs.
"""

import argparse
import json
import sys
from pathlib import Path

from help_text import Part, help_text

DATA = Path(__file__).resolve().parents[1]
COUNTS: dict[Part, int] = {"train": 600, "held-out": 120}


def files(seed: int) -> dict[Path, str]:
    """The contents of every file, by its path."""
    return {
        DATA / "base-text" / f"{part}.jsonl": "".join(
            json.dumps({"text": text}) + "\n" for text in help_text(part, count, seed)
        )
        for part, count in COUNTS.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    made = files(options.seed)
    if options.check:
        differing = [str(path) for path, text in made.items() if path.read_text(encoding="utf-8") != text]
        sys.exit(f"not what the script makes: {', '.join(differing)}" if differing else 0)
    for path, text in made.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path, len(text.splitlines()))


if __name__ == "__main__":
    main()
