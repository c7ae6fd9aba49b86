"""The gradebook: a row for each student, in an order that never changes, and beside it what led to every mark."""

import csv
import io
import math
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from finetune_lab.classroom.batch import Batch, Handed, Note
from finetune_lab.classroom.cells import cell
from finetune_lab.classroom.faults import ClassError, printable
from finetune_lab.classroom.marking import Mark, marks_of, points, unknown_questions
from finetune_lab.classroom.overrides import Override, with_overrides
from finetune_lab.classroom.seeding import student_seed
from finetune_lab.quiz.bank import Bank
from finetune_lab.quiz.verdict import GRADER_VERSION

# nbgrader's own columns, in its order
NBGRADER = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
    "late_submission_penalty", "score", "max_score",
)  # fmt: skip


Points = dict[tuple[str, str], float]


@dataclass(frozen=True)
class LatePolicy:
    """A share of the marks goes for each day, begun or full, that a file came in after `due`; without `due`, none."""

    due: datetime | None = None
    percent_a_day: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.percent_a_day <= 100:  # NaN too
            raise ClassError(f"A late day can't take {self.percent_a_day} percent.", "Choose from 0 to 100.")

    def penalty(self, at: datetime, raw: float) -> float:
        """The points that lateness takes, and never more than there are."""
        if self.due is None or at <= self.due:
            return 0.0
        days = math.ceil((at - self.due) / timedelta(days=1))
        return round(min(raw, raw * days * self.percent_a_day / 100), 4)


@dataclass(frozen=True)
class Row:
    """One student's result. `handed` is None where all marks were given by hand."""

    student: str
    handed: Handed | None
    marks: list[Mark]
    penalty: float

    @property
    def raw(self) -> float:
        return points(self.marks)

    @property
    def score(self) -> float:
        return round(self.raw - self.penalty, 4)

    @property
    def open(self) -> list[Mark]:
        """The answers that need a person and have not had one."""
        return [one for one in self.marks if one.verdict == "review" and not one.manual and "no_run" not in one.fired]

    @property
    def without_run(self) -> list[Mark]:
        """The answers about a run that was not handed in."""
        return [one for one in self.marks if not one.manual and "no_run" in one.fired]


@dataclass(frozen=True)
class Gradebook:
    """The result for a class."""

    bank: Bank
    late: LatePolicy
    rows: list[Row]
    notes: list[Note]

    def to_csv(self) -> str:
        """nbgrader's columns, how many answers need a person, and the points of each question."""
        out = io.StringIO()
        writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerow([*NBGRADER, "needs_review", *(cell(name) for name in self.bank.ids)])
        most = round(sum(question.points for question in self.bank.questions), 4)
        due = self.late.due.isoformat() if self.late.due else ""
        for row in self.rows:
            at = row.handed.at.isoformat(timespec="seconds") if row.handed else ""
            name = cell(row.student)
            given = [cell(self.bank.id), due, at, name, "", "", "", row.raw, row.penalty, row.score, most]
            writer.writerow([*given, len(row.open), *(mark.points for mark in row.marks)])
        return out.getvalue()

    def details(self, bank_sha256: str) -> dict[str, Any]:
        """What led to the marks: the bank, the grader, each student's file, and the rules that fired."""
        return {
            "kind": "finetune-lab gradebook",
            "format": 1,
            "grader": GRADER_VERSION,
            "bank": {"id": self.bank.id, "sha256": bank_sha256},
            "students": [_details(row) for row in self.rows],
            "needs_a_person": [asdict(note) for note in self.all_notes],
        }

    @property
    def all_notes(self) -> list[Note]:
        """What a person should see: files, students, and answers for review."""
        found = list(self.notes)
        for row in self.rows:
            for what, marks in (("to be read", row.open), ("no run was handed in for", row.without_run)):
                if marks:
                    found.append(Note(printable(row.student), f"{what}: {', '.join(one.question for one in marks)}."))
        return found


def make_gradebook(
    batch: Batch, bank: Bank, overrides: list[Override], late: LatePolicy, secret: str | None = None
) -> Gradebook:
    """Grade what counts of each student; marks of a person stand where there are some."""
    by_student: dict[str, list[Override]] = {}
    for one in overrides:
        by_student.setdefault(one.student, []).append(one)
    handed = {one.submission.student: one for one in batch.counted}
    rows = []
    for student in sorted({*handed, *by_student}):
        own = handed.get(student)
        graded = marks_of(own.submission, bank, secret) if own else _nothing(bank)
        marks = with_overrides(graded, by_student.get(student, []))
        rows.append(Row(student, own, marks, late.penalty(own.at, points(marks)) if own else 0.0))
    notes = [note for one in batch.counted for note in _notes_on(one, bank, secret)]
    return Gradebook(bank, late, rows, [*batch.notes, *notes])


def changes(old: Points, new: Points) -> list[str]:
    """What is another mark than in the gradebook before, a line each, and who has come or gone."""
    before, now = {student for student, _ in old}, {student for student, _ in new}
    differing = [key for key in sorted({*old, *new}) if key[0] in before & now and old.get(key) != new.get(key)]
    return [
        *(f"{printable(student)}: new" for student in sorted(now - before)),
        *(f"{printable(student)}: no longer there" for student in sorted(before - now)),
        *(f"{printable(key[0])}, {key[1]}: {_shown(old.get(key))} -> {_shown(new.get(key))}" for key in differing),
    ]


def points_in(details: dict[str, Any]) -> Points:
    """The points of each student and question in a gradebook's details."""
    return {
        (student["student_id"], mark["question"]): mark["points"]
        for student in details["students"]
        for mark in student["marks"]
    }


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


def _details(row: Row) -> dict[str, Any]:
    file = {"file": row.handed.file, "sha256": row.handed.sha256} if row.handed else {"file": None, "sha256": None}
    totals = {"raw_score": row.raw, "late_submission_penalty": row.penalty, "score": row.score}
    return {"student_id": row.student, **file, **totals, "marks": [asdict(mark) for mark in row.marks]}


def _nothing(bank: Bank) -> list[Mark]:
    return [Mark(question, 0.0, "not_yet", 0.0, 0) for question in bank.ids]


def _notes_on(handed: Handed, bank: Bank, secret: str | None) -> list[Note]:
    submission = handed.submission
    about = printable(submission.student)
    notes = []
    if not any(one.bank == bank.id for one in submission.answers):
        notes.append(Note(about, f"{handed.file} has no answer to the bank {bank.id}."))
    if unknown := unknown_questions(submission, bank):
        notes.append(Note(about, f"your bank has no question {', '.join(printable(one, 60) for one in unknown[:5])}."))
    if secret and submission.seed != student_seed(secret, submission.course, submission.student):
        notes.append(Note(about, f"{handed.file} names another seed than this student's; the student's own was used."))
    if submission.created > datetime.now(UTC) + timedelta(days=1):
        notes.append(Note(about, f"{handed.file} says it was written in the future, {submission.created.isoformat()}."))
    return notes
