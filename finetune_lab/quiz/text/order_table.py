"""Counts which class of word follows which: `python -m finetune_lab.quiz.text.order_table` prints the new table.

Counted are the labelled answers that are sentences or notes and not set aside, and the English prose of the course.
"""

import json
import math
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from finetune_lab.quiz.agreement import SET_ASIDE
from finetune_lab.quiz.text.cleaning import cleaned
from finetune_lab.quiz.text.order import class_sequence, classes_from
from finetune_lab.quiz.text.tokens import tokenize
from finetune_lab.quiz.text.words import lexicon
from finetune_lab.resources import shipped

NO_SENTENCES = {"stuffed", "shuffled", "repeated", "injection", "language", "copied", "empty", "dump"}
PRIOR = 6.0  # a class that came this often counts half by what was seen and half by chance
CLASSES = 40  # about so many there are
PROSE = re.compile(r"[A-Z][^|`<>\[\]#*_$\\{}]{30,}[.!?]")


def answers(folder: Path) -> list[str]:
    """The labelled answers that may be counted."""
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines()]
    entries = [json.loads(line) for line in lines]
    return [
        entry["answer"]
        for entry in entries
        if entry["split"] not in SET_ASIDE
        and entry["kind"] not in NO_SENTENCES
        and not entry["kind"].startswith("adversarial")
    ]


def prose(root: Path) -> list[str]:
    """The sentences of the course's pages and notebooks."""
    texts = [path.read_text(encoding="utf-8") for path in sorted([*root.glob("*.md"), *root.glob("*/*.md")])]
    for path in sorted(root.glob("lessons/*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts += ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    paragraphs = [" ".join(part.split()) for text in texts for part in text.split("\n\n")]
    return [line for part in paragraphs for line in re.split(r"(?<=[.!?]) ", part) if PROSE.fullmatch(line)]


def table(texts: Iterable[str], classes: dict[str, str]) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """Log-odds in hundredths by left and right class, and those of a right class that was not seen there."""
    pairs: Counter[tuple[str, str]] = Counter()
    words = lexicon()
    for text in texts:
        pairs.update(pairwise(class_sequence(tokenize(cleaned(text), words), classes, words.function_words)))
    lefts, rights = Counter[str](), Counter[str]()
    for (left, right), count in pairs.items():
        lefts[left] += count
        rights[right] += count
    total = pairs.total() + CLASSES
    follows: dict[str, dict[str, int]] = {left: {} for left in sorted(lefts)}
    for (left, right), count in sorted(pairs.items()):
        chance = (rights[right] + 1) / total
        odds = (count + PRIOR * chance) / (lefts[left] + PRIOR) / chance
        follows[left][right] = round(100 * math.log(odds))
    return follows, {left: round(100 * math.log(PRIOR / (count + PRIOR))) for left, count in sorted(lefts.items())}


def main() -> None:
    """Prints the file: the classes as they are, the rest counted anew."""
    text = shipped("quizzes", "words", "order.toml").read_text(encoding="utf-8")
    head = text.partition("[unseen]")[0]
    folder = shipped("quizzes", "answers")
    follows, unseen = table(
        [*answers(folder), *prose(folder.parent.parent)], classes_from(tomllib.loads(text)["classes"])
    )
    lines = ["[unseen]", *(f'"{left}" = {value}' for left, value in unseen.items()), "", "[follows]"]
    lines += [
        f'"{left}" = "{" ".join(f"{right}:{value}" for right, value in row.items())}"' for left, row in follows.items()
    ]
    sys.stdout.write(head + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
