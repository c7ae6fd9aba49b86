"""What led to every mark, as JSON beside the gradebook: for whoever asks why, and to compare and export."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from finetune_lab.classroom.faults import ClassError, printable
from finetune_lab.classroom.gradebook import Gradebook, Row
from finetune_lab.classroom.roster import Person
from finetune_lab.errors import listed
from finetune_lab.quiz.schema import faults_of
from finetune_lab.quiz.version import grader_version

FORMAT = 2
KIND = "finetune-lab gradebook"
LARGEST = 500_000_000  # bytes
Details = dict[str, Any]

_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}
_MARK = {
    "type": "object",
    "required": ["question", "points", "verdict", "score", "attempt", "reasons", "fired", "manual", "note"],
    "properties": {
        "question": _TEXT, "points": _NUMBER, "verdict": _TEXT, "score": _NUMBER, "attempt": {"type": "integer"},
        "reasons": {"type": "array", "items": _TEXT}, "fired": {"type": "array", "items": _TEXT},
        "manual": {"type": "boolean"}, "note": _TEXT,
    },
}  # fmt: skip
_NUMBERS = ("raw_score", "late_submission_penalty", "score", "late_days_spent")
_STUDENT = {
    "type": "object",
    "required": ["person", "marks", "timestamp", *_NUMBERS],
    "properties": {
        "person": {
            "type": "object",
            "required": [item.name for item in fields(Person)],
            "properties": {item.name: _TEXT for item in fields(Person)},
            "additionalProperties": False,
        },
        "timestamp": _TEXT, "marks": {"type": "array", "items": _MARK}, **dict.fromkeys(_NUMBERS, _NUMBER),
    },
}  # fmt: skip
_BANK = {
    "type": "object",
    "required": ["id", "title", "sha256", "points", "prompts"],
    "properties": {
        "id": _TEXT,
        "title": _TEXT,
        "points": {"type": "object", "additionalProperties": _NUMBER},
        "prompts": {"type": "object", "additionalProperties": _TEXT},
    },
}
DETAILS = {
    "type": "object",
    "required": ["kind", "format", "grader", "course", "bank", "duedate", "max_score", "students"],
    "properties": {
        "kind": {"const": KIND}, "format": {"type": "integer", "enum": [FORMAT]}, "grader": _TEXT, "course": _TEXT,
        "bank": _BANK, "duedate": _TEXT, "max_score": _NUMBER, "students": {"type": "array", "items": _STUDENT},
    },
}  # fmt: skip


def details_of(book: Gradebook, bank_sha256: str, course: str) -> Details:
    """What led to the marks: the bank, the grader, each student's file, and the rules that fired."""
    questions = book.bank.questions
    return {
        "kind": KIND,
        "format": FORMAT,
        "grader": grader_version(),
        "course": course,
        "bank": {
            "id": book.bank.id, "title": book.bank.title, "sha256": bank_sha256,
            "points": {one.id: one.points for one in questions}, "prompts": {one.id: one.prompt for one in questions},
        },
        "duedate": book.late.due.isoformat() if book.late.due else "",
        "max_score": book.max_score,
        "students": [_student(row) for row in book.rows],
        "needs_a_person": [asdict(note) for note in book.all_notes],
    }  # fmt: skip


def details_path(out: Path) -> Path:
    """Where the details of a gradebook stand: gradebook.csv has gradebook.details.json."""
    return out.with_name(f"{out.stem}.details.json")


def read_details(out: Path) -> Details | None:
    """The details of a gradebook that `class grade` wrote to `out`; None where there are none.

    Raises:
        ClassError: they can't be read, or are of another kind; the faults are listed.
    """
    path = details_path(out)
    try:
        if path.stat().st_size > LARGEST:
            raise ClassError(f"{path} has over {LARGEST:,} bytes.", "Name a gradebook that class grade wrote.")
        details = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise _unusable(path, f"{type(error).__name__}: {error}") from error
    faults = [f"{'.'.join(map(str, place)) or 'the file'}: {fault}" for place, fault in faults_of(details, DETAILS)]
    if faults:
        raise _unusable(path, printable(listed(faults[:5]), 500))
    found: Details = details
    return found


def late_days_spent(details: Details) -> dict[str, int]:
    """The late days that went into a gradebook's work, by student."""
    return {one["person"]["student_id"]: int(one["late_days_spent"]) for one in details["students"]}


def _unusable(path: Path, why: str) -> ClassError:
    return ClassError(f"{path} is not the details of a gradebook: {why}.", "Move it away, or choose another --out.")


def _student(row: Row) -> dict[str, Any]:
    handed = row.handed
    return {
        "person": asdict(row.person),
        "file": handed.file if handed else None,
        "sha256": handed.sha256 if handed else None,
        "timestamp": handed.at.isoformat(timespec="seconds") if handed else "",
        "raw_score": row.raw, "late_submission_penalty": row.penalty, "score": row.score,
        "days_late": row.late.days, "late_days_spent": row.late.spent,
        "marks": [asdict(mark) for mark in row.marks],
    }  # fmt: skip
