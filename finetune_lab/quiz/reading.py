"""Reads an answer as a learner gives it, before it is graded: `"b"`, `"a, c"`, an id, a choice's words, `12 MiB`.

What can't be read uses up no attempt.
"""

import re
from collections.abc import Sequence
from string import ascii_lowercase
from typing import Any

from finetune_lab.quiz.bank import Choice, Question
from finetune_lab.quiz.numbers import read_number

LONGEST = 4_000  # characters; what is longer would go to a person in a class
Labelled = dict[str, Choice]


class UnreadableError(ValueError):
    """The answer can't be read; the text says in what way."""


def labelled(choices: Sequence[Choice]) -> Labelled:
    """The choices by their letters a, b, c, ...; by their ids where these are single signs that could be mistaken."""
    if any(len(choice.id) == 1 for choice in choices):
        return {choice.id: choice for choice in choices}
    return dict(zip(ascii_lowercase, choices, strict=False))


def read_answer(question: Question, given: object, labels: Labelled) -> Any:
    """What the grader takes and the progress file keeps: a text, a number as it was written, or a list of choice ids.

    Raises:
        UnreadableError: it is no answer to this kind of question.
    """
    if labels:
        return _read_choices(question, given, labels)
    return _read_text(given) if question.number is None else _read_number(question.number.unit, given)


def _read_text(given: object) -> str:
    if not isinstance(given, str):
        raise UnreadableError("This question is answered with a text.")
    text = given.encode("utf-8", "replace").decode().strip()  # half a character can be neither kept nor shown
    if not text:
        raise UnreadableError("Write an answer first.")
    if len(text) > LONGEST:
        raise UnreadableError(f"Shorten it to {LONGEST} characters; it has {len(text)}.")
    return text


def _read_number(unit: str, given: object) -> str | int | float:
    read = read_number(given, unit)
    if read.value is None or not isinstance(given, str | int | float):
        raise UnreadableError(read.fault or "Write a number.")
    return given.strip() if isinstance(given, str) else given


def _read_choices(question: Question, given: object, labels: Labelled) -> list[str]:
    several = [given] if isinstance(given, str) else given
    if not isinstance(several, list | tuple | set | frozenset) or not all(isinstance(one, str) for one in several):
        raise UnreadableError(f"Answer with {_ways(labels)}.")
    names = _names(labels)
    words = [word for one in several for word in _words(one, names)]
    unknown = [word for word in words if _plain(word) not in names]
    if unknown:
        raise UnreadableError(f"There is no choice {', '.join(word[:40] for word in unknown[:3])}: {_ways(labels)}.")
    chosen = {names[_plain(word)] for word in words}
    if question.kind != "multi" and len(chosen) != 1:
        raise UnreadableError("Choose exactly one.")
    if not chosen:
        raise UnreadableError("Choose at least one.")
    return [choice.id for choice in question.choices if choice.id in chosen]


def _names(labels: Labelled) -> dict[str, str]:
    """Everything that a choice may be called, with its id; an id comes before a letter."""
    letters = {label: choice.id for label, choice in labels.items()}
    texts = {_plain(choice.text): choice.id for choice in labels.values()}
    return letters | texts | {choice.id: choice.id for choice in labels.values()}


def _words(given: str, names: dict[str, str]) -> list[str]:
    """The choice that it names as a whole, or the parts of a list such as `a, c`."""
    return [given] if _plain(given) in names else [word for word in re.split(r"[\s,;]+", given) if word]


def _plain(text: str) -> str:
    return " ".join(text.lower().split()).strip(".()")


def _ways(labels: Labelled) -> str:
    return ", ".join(label if label == choice.id else f"{label} ({choice.id})" for label, choice in labels.items())
