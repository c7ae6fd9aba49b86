"""Texts and tasks beside the one that is tuned on: replayed against forgetting, or judged to see what was forgotten.

    base          to replay, texts that lab-base itself wrote; to judge, product-help text of ours: data/base-text
    tickets       any data set by name: its training rows to replay, its validation rows to judge
    mine.jsonl    all rows: prompt and completion, or `text` alone

An example whose prompt is empty is plain text: all of it is learned, or judged.
"""

from typing import Literal

from finetune_lab.config import TuneConfig
from finetune_lab.data import load_data
from finetune_lab.data.files import is_file_name, read_file
from finetune_lab.data.layout import text_fault, to_examples
from finetune_lab.data.records import Example, Source
from finetune_lab.resources import shipped

BASE = "base"
Part = Literal["train", "held-out"]


def load_other(name: str, part: Part) -> tuple[Example, ...]:
    """The examples that `name` stands for. Only `base` and data sets have two parts; a file has one.

    Raises:
        DataError: there is no such data, or rows of it can't be used; all are listed.
    """
    if name == BASE:
        return _texts(read_file(str(shipped("data", "base-text", f"{part}.jsonl"))))
    if is_file_name(name):
        source = read_file(name)
        fields = {field for _, row in source.rows for field in row}
        plain = "text" in fields and fields.isdisjoint({"prompt", "completion", "messages", "instruction"})
        return _texts(source) if plain else to_examples(source, None, None)
    found = load_data(TuneConfig(data=name))
    return found.train if part == "train" else found.validation


def _texts(source: Source) -> tuple[Example, ...]:
    faults = [(number, text_fault(row.get("text"), "'text'")) for number, row in source.rows]
    if found := [*source.faults, *((number, fault) for number, fault in faults if fault)]:
        raise source.error(found)
    return tuple(Example("", row["text"]) for _, row in source.rows)
