"""What a submission is: one JSON file, and how it is read. `writing.write_submission` makes one."""

import hashlib
import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from finetune_lab.classroom.faults import SubmissionError, printable
from finetune_lab.classroom.format import SUBMISSION
from finetune_lab.classroom.parsing import parsed
from finetune_lab.errors import listed
from finetune_lab.quiz.schema import Fault, Place, faults_of

MOST_LISTED = 10


@dataclass(frozen=True)
class Attempt:
    """One answer to a question. What it is worth is decided by the grader, whatever its type."""

    answer: Any
    at: datetime
    confidence: int | None = None  # percent; None where the student did not say


@dataclass(frozen=True)
class Answered:
    """A question of a bank, and every attempt at it in order."""

    bank: str
    question: str
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True)
class Submission:
    """What one student handed in. All of it is the student's word; `seals` show edits by hand, and no more."""

    student: str
    course: str
    seed: str
    created: datetime
    answers: tuple[Answered, ...]
    runs: tuple[dict[str, Any], ...]
    broken_seals: tuple[str, ...]  # parts that were changed after the file was written
    sealed: int  # how many parts there are

    @property
    def summaries(self) -> tuple[dict[str, Any], ...]:
        """The runs' summaries, which questions about the own run are graded by."""
        return tuple(run["summary"] for run in self.runs)


def submission_from(content: bytes) -> Submission:
    """The submission in a file's bytes.

    Raises:
        SubmissionError: it has faults; they are listed with their places.
    """
    data = parsed(content)
    faults = list(faults_of(data, SUBMISSION)) or list(_more_faults(data))
    if faults:
        lines = [_line(fault) for fault in faults[:MOST_LISTED]]
        rest = [f"... and {len(faults) - MOST_LISTED} more."] if len(faults) > MOST_LISTED else []
        raise SubmissionError(listed(lines + rest), "Ask for the file as it was written.")
    return Submission(
        student=student_id(data["student"]), course=data["course"].strip(), seed=data["seed"],
        created=moment(data["created"]), answers=tuple(_answered(one) for one in data["answers"]),
        runs=tuple(data["runs"]), broken_seals=tuple(broken_seals(data)), sealed=len(seals(data)),
    )  # fmt: skip


def student_id(written: str) -> str:
    """The id as it is compared: two ways to write the same letters are the same student."""
    return unicodedata.normalize("NFC", written).strip()


def moment(written: str) -> datetime:
    """A time with its zone, in UTC."""
    return datetime.fromisoformat(written).astimezone(UTC)


def seals(data: dict[str, Any]) -> dict[str, str]:
    """A hash of each part, bound to student and course: shows which part was edited or taken from another file.

    Whoever runs this code can seal again, so a whole seal proves nothing.
    """
    parts = {name: data[name] for name in ("student", "course", "seed", "created")}
    parts |= {f"answers {one['bank']} {one['question']}": one for one in data["answers"]}
    parts |= {f"runs {number}": one for number, one in enumerate(data["runs"], 1)}
    owner = [data["student"], data["course"]]
    return {name: _hash([*owner, name, value]) for name, value in parts.items()}


def broken_seals(data: dict[str, Any]) -> list[str]:
    """The parts whose seal does not fit, is missing, or has no part."""
    now, written = seals(data), data["seals"]
    return [name for name in {**now, **written} if now.get(name) != written.get(name)]


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _line(fault: Fault) -> str:
    place, what = fault
    return printable(f"{'.'.join(str(part) for part in place) or 'the file'}: {what}.", 300)


def _more_faults(data: dict[str, Any]) -> Iterator[Fault]:
    """What no schema can see: days that do not exist, and questions that stand twice."""
    moments: dict[Place, str] = {("created",): data["created"]}
    seen: set[tuple[str, str]] = set()
    for number, one in enumerate(data["answers"]):
        if (one["bank"], one["question"]) in seen:
            yield ("answers", number), f"the question {one['question']!r} stands twice"
        seen.add((one["bank"], one["question"]))
        moments |= {("answers", number, "attempts", at): each["at"] for at, each in enumerate(one["attempts"])}
    for place, written in moments.items():
        try:
            moment(written)
        except ValueError:
            yield place, f"there is no time {written!r}"
    if not student_id(data["student"]):
        yield ("student",), "this must not be blank"


def _answered(entry: dict[str, Any]) -> Answered:
    attempts = tuple(Attempt(one["answer"], moment(one["at"]), one.get("confidence")) for one in entry["attempts"])
    return Answered(entry["bank"], entry["question"], attempts)
