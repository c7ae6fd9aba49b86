"""Marks given by hand, in a CSV file of their own: they always win, and a regrade leaves them alone."""

import csv
import io
from dataclasses import dataclass, replace
from pathlib import Path

from finetune_lab.classroom.cells import cell
from finetune_lab.classroom.faults import ClassError, printable
from finetune_lab.classroom.marking import Mark
from finetune_lab.classroom.storing import held, replace_text
from finetune_lab.classroom.submission import student_id
from finetune_lab.errors import listed
from finetune_lab.quiz.bank import Bank

COLUMNS = ("student_id", "question", "points", "note")


@dataclass(frozen=True)
class Override:
    """Points that a person gave."""

    student: str
    question: str
    points: float
    note: str = ""


def read_overrides(path: Path, bank: Bank) -> list[Override]:
    """The marks of the file, the last one of each student and question; none where there is no file.

    Raises:
        ClassError: the file can't be read, or has faults; all are listed with their lines.
    """
    rows = _rows(path)
    faults = [f"line {line}: {fault}." for line, row in rows for fault in _faults(row, bank)]
    if faults:
        raise ClassError(f"{path} can't be used: {listed(faults[:50])}", "Mend these lines.")
    found = [Override(_id(row["student_id"]), row["question"], float(row["points"]), row["note"]) for _, row in rows]
    return list({(one.student, one.question): one for one in found}.values())


def add_override(path: Path, new: Override, bank: Bank) -> None:
    """Put one mark into the file, in the place of an older one of the same student and question."""
    row = {"student_id": new.student, "question": new.question, "points": str(new.points), "note": new.note}
    if faults := _faults(row, bank):
        raise ClassError(f"This mark can't be given: {listed(faults)}.", "Give a student, a question and its points.")
    with held(path, 5.0):
        kept = [one for one in read_overrides(path, bank) if (one.student, one.question) != (new.student, new.question)]
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        for one in sorted([*kept, new], key=lambda each: (each.student, each.question)):
            writer.writerow([cell(one.student), one.question, f"{one.points:g}", cell(one.note)])
        replace_text(path, out.getvalue())


def with_overrides(marks: list[Mark], overrides: list[Override]) -> list[Mark]:
    """The marks, with those of a person in the place of the grader's."""
    given = {one.question: one for one in overrides}
    return [
        replace(mark, points=given[mark.question].points, manual=True, note=given[mark.question].note)
        if mark.question in given
        else mark
        for mark in marks
    ]


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ClassError(f"{path} can't be read: {error}.", "Save it as CSV in UTF-8.") from error
    reader = csv.DictReader(io.StringIO(text), restval="")
    try:
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise ClassError(f"{path} lacks the columns {', '.join(missing)}.", f"It needs: {', '.join(COLUMNS)}.")
        return [(reader.line_num, {name: row[name].strip() for name in COLUMNS}) for row in reader]
    except csv.Error as error:
        raise ClassError(f"{path} is no CSV: {error}.", "Save it as CSV in UTF-8.") from error


def _id(written: str) -> str:
    """A student's id, also where it was copied from the gradebook with the mark that keeps it from being a formula."""
    return student_id(written[1:] if cell(written[1:]) == written else written)


def _faults(row: dict[str, str], bank: Bank) -> list[str]:
    faults = [] if row["student_id"] else ["there is no student_id"]
    if row["question"] not in bank.ids:
        faults.append(f"the bank {bank.id} has no question {printable(row['question'], 60)!r}")
    try:
        fits = 0 <= float(row["points"]) <= 1e6
    except ValueError:
        fits = False
    return faults if fits else [*faults, f"{printable(row['points'], 40)!r} is no number of points"]
