"""Writes the shipped data sets `tickets` and `tickets-messy`: `python data/build/make_tickets.py [--seed 0] [--check]`.

The same seed gives the same bytes. `--check` builds everything in memory and fails where a file differs.
"""

import argparse
import json
import random
import sys
from pathlib import Path

from ticket_faults import messy_rows
from ticket_messages import Message, Split, message
from ticket_records import INTENTS, Facts, random_facts, record

DATA = Path(__file__).resolve().parents[1]
COUNTS: dict[Split, int] = {"train": 3000, "validation": 300, "test": 500}
MOST_WORDS = 110
Row = dict[str, str]


def bare_text(text: str) -> str:
    """A message without case, spaces and punctuation: two that agree in this count as the same message."""
    return "".join(filter(str.isalnum, text.lower()))


class Unseen:
    """Draws messages none of which repeats an earlier one, in its text or in its template instance."""

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self.instances: set[str] = set()

    def add(self, drawn: Message) -> None:
        self.texts.add(bare_text(drawn.text))
        self.instances.add(drawn.instance)

    def draw(self, facts: Facts, random_: random.Random, split: Split) -> Message:
        while True:
            drawn = message(facts, random_, split)
            known = bare_text(drawn.text) in self.texts or drawn.instance in self.instances
            if not known and len(drawn.text.split()) <= MOST_WORDS:
                self.add(drawn)
                return drawn


def facts_about(intent: str, random_: random.Random) -> Facts:
    facts = random_facts(random_)
    while facts.intent != intent:
        facts = random_facts(random_)
    return facts


def clean_rows(seed: int) -> dict[Split, list[Row]]:
    """The rows of `tickets` by split; every intent has the same share of each, give or take one row."""
    unseen = Unseen()
    splits: dict[Split, list[Row]] = {}
    for split in ("test", "validation", "train"):
        random_ = random.Random(f"tickets {split} {seed}")
        rows = []
        for number in range(COUNTS[split]):
            facts = facts_about(INTENTS[number % len(INTENTS)], random_)
            drawn = unseen.draw(facts, random_, split)
            prompt = f"Message: {drawn.text}\nRecord: "
            rows.append({"prompt": prompt, "completion": record(facts), "instance": drawn.instance})
        random_.shuffle(rows)
        splits[split] = rows
    return splits


def as_lines(rows: list[Row]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows).encode()


def built(seed: int) -> dict[Path, list[Row]]:
    """The rows of every file that this script writes."""
    clean = clean_rows(seed)
    files = {DATA / "tickets" / f"{split}.jsonl": rows for split, rows in clean.items()}
    return files | {DATA / "tickets-messy" / "train.jsonl": messy_rows(clean["train"], seed)}


def differences(files: dict[Path, list[Row]]) -> list[str]:
    """One line for every file that is missing or is not, byte for byte, what was built."""
    wrong = []
    for path, rows in files.items():
        if not path.exists():
            wrong.append(f"{path} is missing")
        elif path.read_bytes() != as_lines(rows):
            wrong.append(f"{path} differs from what this script builds")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    arguments = parser.parse_args()
    files = built(arguments.seed)
    if arguments.check:
        wrong = differences(files)
        print(f"compared {sum(map(len, files.values()))} rows in {len(files)} files")
        print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
        return 1 if wrong else 0
    for path, rows in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_lines(rows))
        print(f"{path}: {len(rows)} rows, {path.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
