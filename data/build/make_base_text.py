"""Writes data/base-text/held-out.jsonl: `python data/build/make_base_text.py [--seed 0] [--check]`.

The same seed gives the same bytes. `--check` builds it in memory and fails where the file differs.
"""

import argparse
import json
import sys
from pathlib import Path

from help_text import help_text

FILE = Path(__file__).resolve().parents[1] / "base-text" / "held-out.jsonl"
TEXTS = 160


def contents(seed: int) -> str:
    """The file, a text a line."""
    return "".join(json.dumps({"text": text}) + "\n" for text in help_text(TEXTS, seed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    made = contents(options.seed)
    if options.check:
        sys.exit(None if FILE.read_text(encoding="utf-8") == made else f"{FILE} is not what the script makes")
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
