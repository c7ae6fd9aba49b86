"""What training sees of a data set: examples, and the rows of a source before a prompt and a completion are chosen."""

from dataclasses import dataclass, field
from typing import Any

from finetune_lab.errors import DataError, listed

FAULTS_SHOWN = 20


@dataclass(frozen=True)
class Example:
    """One pair. The model reads exactly `prompt + completion + eos`; only the completion and eos are learned."""

    prompt: str
    completion: str


@dataclass(frozen=True)
class DataSet:
    """Examples to train on and examples that are never trained on, apart."""

    name: str
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    sha256: str  # hex, over the bytes of the training source, so that a run can state its data
    reason: str = ""  # where validation and test come from, e.g. "12 of 120 rows held out, seed 0"


@dataclass(frozen=True)
class Source:
    """The rows of one file or of one split, each with its number, and what is wrong with the others."""

    name: str
    rows: list[tuple[int, dict[str, Any]]]
    sha256: str
    unit: str = "line"  # what the numbers count: lines of a file (from 1) or rows of a split (from 1)
    faults: list[tuple[int, str]] = field(default_factory=list)  # (number, what); number 0: the source as a whole

    def error(self, faults: list[tuple[int, str]]) -> DataError:
        """All faults on one line, by number; after the first 20 only how many more there are."""
        ordered = sorted(faults, key=lambda fault: fault[0])
        texts = [f"{self.unit} {number}: {what}" if number else what for number, what in ordered[:FAULTS_SHOWN]]
        if len(texts) == len(ordered):
            shown = listed([text + "." for text in texts])
        else:
            numbered = "; ".join(f"({number}) {text}" for number, text in enumerate(texts, 1))
            shown = f"{len(ordered)} faults: {numbered}; and {len(ordered) - len(texts)} more."
        return DataError(f"{self.name}: {shown}", "Correct the data; nothing was run.")
