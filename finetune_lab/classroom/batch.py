"""All that came back: one submission a student that counts, and a note for everything that a person should see."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from finetune_lab.classroom.faults import SubmissionError, printable
from finetune_lab.classroom.receiving import Received, Refused, received
from finetune_lab.classroom.submission import Submission, submission_from


@dataclass(frozen=True)
class Note:
    """Something for a person: a file or a student, and what about it."""

    about: str
    what: str


@dataclass(frozen=True)
class Handed:
    """A submission and the file that it came in."""

    file: str
    at: datetime
    sha256: str
    submission: Submission


@dataclass(frozen=True)
class Batch:
    """By student, in order: every submission, and the one that counts."""

    handed: dict[str, list[Handed]]
    notes: list[Note]

    @property
    def counted(self) -> list[Handed]:
        """Each student's latest submission."""
        return [several[-1] for several in self.handed.values()]


def read_batch(source: Path, course: str | None = None, zone: tzinfo = UTC) -> Batch:
    """Read a folder or a ZIP archive of submissions. What can't be read is noted, and the rest goes on.

    Args:
        source: the folder or the archive.
        course: submissions for another course are set aside; None takes all.
        zone: of the times in an archive, where it does not say them in UTC.

    Raises:
        ClassError: the folder or the archive itself can't be read.
    """
    handed: dict[str, list[Handed]] = {}
    notes: list[Note] = []
    for file in received(source, zone):
        read = _read(file, course)
        if isinstance(read, Note):
            notes.append(read)
        else:
            handed.setdefault(read.submission.student, []).append(read)
    # By the time in the file, not the file's own: downloads and copies lose that one.
    in_order = {
        student: sorted(handed[student], key=lambda one: (one.submission.created, one.file))
        for student in sorted(handed)
    }
    notes += [_several(several) for several in in_order.values() if len(several) > 1]
    notes += [note for several in in_order.values() for note in _changed(several[-1])]
    return Batch(in_order, notes)


def _read(file: Received | Refused, course: str | None) -> Handed | Note:
    if isinstance(file, Refused):
        return Note(file.name, f"not read: {file.why}.")
    try:
        submission = submission_from(file.content)
    except SubmissionError as error:
        return Note(file.name, f"not read. {error.what}")
    if course is not None and submission.course != course:
        return Note(file.name, f"set aside: it is for the course {printable(submission.course)!r}.")
    return Handed(file.name, file.at, hashlib.sha256(file.content).hexdigest(), submission)


def _several(several: list[Handed]) -> Note:
    others = ", ".join(one.file for one in several[:-1])
    return Note(
        printable(several[-1].submission.student), f"the latest counts, {several[-1].file}; set aside: {others}."
    )


def _changed(handed: Handed) -> list[Note]:
    parts = handed.submission.broken_seals
    if len(parts) >= handed.submission.sealed:
        what = "no seal fits: it is another student's file under this name, or was made by hand."
        return [Note(printable(handed.submission.student), f"{handed.file}: {what}")]
    shown = ", ".join(printable(part, 80) for part in parts[:5]) + (" and more" if len(parts) > 5 else "")
    what = f"{handed.file} was changed after it was written: {shown}."
    return [Note(printable(handed.submission.student), what)] if parts else []
