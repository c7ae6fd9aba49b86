"""The gradebook: a row for each student, in an order that never changes."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from finetune_lab.classroom.batch import Batch, Handed, Note
from finetune_lab.classroom.cells import cell
from finetune_lab.classroom.faults import printable
from finetune_lab.classroom.late import ON_TIME, Lateness, LatePolicy
from finetune_lab.classroom.marking import Mark, marks_of, points
from finetune_lab.classroom.noting import notes_on, roster_notes
from finetune_lab.classroom.overrides import Override, with_overrides
from finetune_lab.classroom.roster import Person
from finetune_lab.quiz.bank import Bank

# nbgrader's own columns, in its order
NBGRADER = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
    "late_submission_penalty", "score", "max_score",
)  # fmt: skip
OURS = ("needs_review", "days_late", "late_days_spent")
NO_LATE_POLICY = LatePolicy()


@dataclass(frozen=True)
class Row:
    """One student's result. `handed` is None where nothing came in; all marks are then a person's, or nothing."""

    person: Person
    handed: Handed | None
    marks: list[Mark]
    late: Lateness = ON_TIME

    @property
    def student(self) -> str:
        return self.person.student_id

    @property
    def raw(self) -> float:
        return points(self.marks)

    @property
    def penalty(self) -> float:
        return self.late.penalty

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
class Grading:
    """What a gradebook depends on besides the answers and the bank."""

    overrides: Sequence[Override] = ()
    late: LatePolicy = NO_LATE_POLICY
    secret: str | None = field(default=None, repr=False)  # the course's: chooses each student's variants
    people: Sequence[Person] = ()  # the roster; whoever is on it has a row
    spent_before: dict[str, int] | None = None  # late days, by student


@dataclass(frozen=True)
class Gradebook:
    """The result for a class."""

    bank: Bank
    late: LatePolicy
    rows: list[Row]
    notes: list[Note]

    def __repr__(self) -> str:
        waiting = sum(len(row.open) for row in self.rows)
        return f"Gradebook({self.bank.id}, {len(self.rows)} students, {waiting} answers for a person)"

    @property
    def max_score(self) -> float:
        return round(sum(question.points for question in self.bank.questions), 4)

    def to_csv(self) -> str:
        """nbgrader's columns, what needs a person, lateness, and the points of each question."""
        out = io.StringIO()
        writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerow([*NBGRADER, *OURS, *(cell(name) for name in self.bank.ids)])
        due = self.late.due.isoformat() if self.late.due else ""
        for row in self.rows:
            at = row.handed.at.isoformat(timespec="seconds") if row.handed else ""
            one = row.person
            names = [cell(text) for text in (one.student_id, one.last_name, one.first_name, one.email)]
            given = [cell(self.bank.id), due, at, *names, row.raw, row.penalty, row.score, self.max_score]
            ours = [len(row.open), row.late.days, row.late.spent]
            writer.writerow([*given, *ours, *(mark.points for mark in row.marks)])
        return out.getvalue()

    @property
    def all_notes(self) -> list[Note]:
        """What a person should see: files, students, and answers for review."""
        found = list(self.notes)
        for row in self.rows:
            for what, marks in (("to be read", row.open), ("no run was handed in for", row.without_run)):
                if marks:
                    found.append(Note(printable(row.student), f"{what}: {', '.join(one.question for one in marks)}."))
        return found


def make_gradebook(batch: Batch, bank: Bank, given: Grading) -> Gradebook:
    """Grade what counts of each student; marks of a person stand where there are some."""
    by_student: dict[str, list[Override]] = {}
    for one in given.overrides:
        by_student.setdefault(one.student, []).append(one)
    handed = {one.submission.student: one for one in batch.counted}
    people = {one.student_id: one for one in given.people}
    rows = []
    for student in sorted({*handed, *by_student, *people}):
        own = handed.get(student)
        graded = marks_of(own.submission, bank, given.secret) if own else _nothing(bank.ids)
        marks = with_overrides(graded, by_student.get(student, []))
        spent = (given.spent_before or {}).get(student, 0)
        late = given.late.lateness(own.at, points(marks), spent) if own else ON_TIME
        rows.append(Row(people.get(student) or Person(student), own, marks, late))
    notes = [note for one in batch.counted for note in notes_on(one, bank, given.secret)]
    return Gradebook(bank, given.late, rows, [*batch.notes, *notes, *roster_notes(batch, given.people)])


def _nothing(questions: Iterable[str]) -> list[Mark]:
    return [Mark(question, 0.0, "not_yet", 0.0, 0) for question in questions]
