"""Grades a file of answers, a JSON object on each line; a bad line gives an error for that line and never a stop."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finetune_lab.quiz.bank import Bank, BankError
from finetune_lab.quiz.grading import Learner, grade
from finetune_lab.quiz.verdict import Grade

LARGEST = 50_000_000  # bytes


@dataclass(frozen=True)
class LineError:
    """A line that is no answer."""

    line: int
    question: str
    error: str

    def to_dict(self) -> dict[str, Any]:
        return {"line": self.line, "question": self.question, "error": self.error}


def grade_file(path: Path, banks: list[Bank], learner: Learner) -> Iterator[Grade | LineError]:
    """One result for each line that is not blank, in order.

    Raises:
        BankError: the file itself can't be read.
    """
    return _results(_lines(path), banks, learner)


def _lines(path: Path) -> list[bytes]:
    try:
        if path.stat().st_size > LARGEST:
            raise BankError(f"{path} has over {LARGEST} bytes.", "Split the file.")
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines()
    except OSError as error:
        raise BankError(f"{path} can't be read: {error.strerror}.", "Check the name and its permissions.") from error


def _results(lines: list[bytes], banks: list[Bank], learner: Learner) -> Iterator[Grade | LineError]:
    questions = {question.id: question for bank in banks for question in bank.questions}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        entry = _entry(line)
        if isinstance(entry, str):
            yield LineError(number, "", entry)
        elif entry["question"] not in questions:
            yield LineError(number, entry["question"][:80], "there is no such question")
        else:
            seed = entry.get("seed", learner.seed)
            own = replace(learner, seed=str(seed)[:200])
            yield grade(questions[entry["question"]], entry["answer"], own)


def _entry(line: bytes) -> dict[str, Any] | str:
    """The object on the line, or what is wrong with it."""
    try:
        entry = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start + 1}"
    except json.JSONDecodeError as error:
        return f"broken JSON at character {error.pos + 1}: {error.msg}"
    except (RecursionError, ValueError):
        return "broken JSON: too deep, or a number too long"
    return _shape_fault(entry) or entry


def _shape_fault(entry: Any) -> str:
    if not isinstance(entry, dict):
        return "no JSON object"
    if not isinstance(entry.get("question"), str):
        return 'it has no "question" with an id'
    return "" if "answer" in entry else 'it has no "answer"'
