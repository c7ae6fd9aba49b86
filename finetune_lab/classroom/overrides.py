"""Marks given by hand, in a CSV file of their own: they always win, and a regrade leaves them alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from finetune_lab.classroom.cells import cell, edited_table, kept_cell, uncelled
from finetune_lab.classroom.faults import ClassError, printable
from finetune_lab.classroom.marking import Mark
from finetune_lab.classroom.sheets import read_sheet
from finetune_lab.classroom.storing import held, replace_text
from finetune_lab.classroom.submission import student_id
from finetune_lab.errors import listed
from finetune_lab.quiz.bank import Bank

MOST_POINTS = 1e6
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
    found = [
        Override(
            student_id(uncelled(row["student_id"])), row["question"], points_in(row["points"]), uncelled(row["note"])
        )
        for _, row in rows
    ]
    return list({(one.student, one.question): one for one in found}.values())


def add_overrides(path: Path, new: Sequence[Override], bank: Bank) -> None:
    """Put marks into the file in one step, in the place of older ones of the same student and question.

    Raises:
        ClassError: a mark can't be given, or the file can't be used; all faults are listed, and nothing is written.
    """
    faults = [f"{printable(one.student, 60)}: {fault}." for one in new for fault in _faults(_row(one), bank)]
    if faults:
        what = f"These marks can't be given: {listed(faults[:50])}"
        raise ClassError(what, "Give a student, a question and its points.")
    with held(path, 5.0):
        kept = {(one.student, one.question): one for one in read_overrides(path, bank)}
        kept |= {(one.student, one.question): one for one in new}
        rows = [
            (kept_cell(one.student), one.question, f"{one.points:g}", cell(one.note)) for _, one in sorted(kept.items())
        ]
        replace_text(path, edited_table(COLUMNS, rows))


def points_in(written: str) -> float:
    """A number of points, also with the comma that spreadsheets write in half of the world.

    Raises:
        ValueError: it is no number.
    """
    return float(written.replace(",", "."))


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
    if not path.exists():
        return []
    sheet = read_sheet(path)
    missing = [name for name in COLUMNS if name not in sheet.columns]
    if missing:
        raise ClassError(f"{path} lacks the columns {', '.join(missing)}.", f"It needs: {', '.join(COLUMNS)}.")
    return sheet.rows


def _row(one: Override) -> dict[str, str]:
    return {"student_id": one.student, "question": one.question, "points": str(one.points), "note": one.note}


def _faults(row: dict[str, str], bank: Bank) -> list[str]:
    faults = [] if row["student_id"] else ["there is no student_id"]
    if row["question"] not in bank.ids:
        faults.append(f"the bank {bank.id} has no question {printable(row['question'], 60)!r}")
    try:
        fits = 0 <= points_in(row["points"]) <= MOST_POINTS
    except ValueError:
        fits = False
    return faults if fits else [*faults, f"{printable(row['points'], 40)!r} is no number of points"]
