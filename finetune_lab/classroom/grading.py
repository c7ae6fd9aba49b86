"""`class grade`: a folder or an archive of submissions becomes a gradebook on disk, whole or not at all."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from finetune_lab.classroom.batch import Batch, read_batch
from finetune_lab.classroom.course import Course
from finetune_lab.classroom.details import details_of, details_path, late_days_spent, read_details
from finetune_lab.classroom.faults import ClassError
from finetune_lab.classroom.gradebook import Gradebook, Grading, make_gradebook
from finetune_lab.classroom.history import changes, kept_aside
from finetune_lab.classroom.late import LatePolicy, zone_named
from finetune_lab.classroom.overrides import read_overrides
from finetune_lab.classroom.storing import held, replace_text
from finetune_lab.quiz.bank import Bank
from finetune_lab.quiz.loading import bank_path, load_bank

NO_COURSE = Course("")
NO_PENALTY = LatePolicy()


@dataclass(frozen=True)
class Order:
    """What is graded, by what, and where the result goes."""

    source: Path  # folder or ZIP archive
    bank: str | Path
    out: Path  # gradebook.csv; its details stand beside it
    overrides: Path
    course: Course = field(default=NO_COURSE)  # without an id, submissions for any course count
    late: LatePolicy = field(default=NO_PENALTY)
    earlier: tuple[Path, ...] = ()  # gradebooks of this course whose late days count too


@dataclass(frozen=True)
class Graded:
    """A class, graded and not yet written."""

    bank: Bank
    batch: Batch
    book: Gradebook


def graded(order: Order) -> Graded:
    """Read what came in and grade it; nothing is written.

    Raises:
        BankError: the bank has faults.
        ClassError: the source, the marks by hand or an earlier gradebook can't be used.
    """
    bank = load_bank(order.bank)
    course = order.course
    batch = read_batch(order.source, course.id or None, zone_named(course.zone))
    overrides = read_overrides(order.overrides, bank)
    given = Grading(
        overrides, order.late, course.secret if course.seeds else None, course.people, _spent(order.earlier)
    )
    return Graded(bank, batch, make_gradebook(batch, bank, given))


def grade_class(order: Order, *, keep: bool = False) -> tuple[Gradebook, list[str]]:
    """Grade a class and write the gradebook and its details; with `keep`, the ones that were there go into a history.

    Returns:
        The gradebook, and what has changed from the one that was there.

    Raises:
        BankError: the bank has faults.
        ClassError: the source, the marks by hand or the place for the result can't be used.
    """
    if order.source.is_dir() and order.out.resolve().is_relative_to(order.source.resolve()):
        raise ClassError(f"{order.out} lies among the submissions.", "Choose a place outside their folder.")
    with held(order.out):
        before = read_details(order.out)
        if keep and before is None:
            raise ClassError(f"There is no gradebook {order.out} to grade again.", "Grade first: class grade.")
        book = graded(order).book
        sha256 = hashlib.sha256(bank_path(order.bank).read_bytes()).hexdigest()
        details = details_of(book, sha256, order.course.id)
        text = json.dumps(details, indent=1, ensure_ascii=False) + "\n"
        if keep and json.loads(text) != before:
            kept_aside(order.out)
        # The details first: a kill between the two leaves the old gradebook, and the next grading mends it.
        replace_text(details_path(order.out), text)
        replace_text(order.out, book.to_csv())
    return book, changes(before, details) if before is not None else []


def _spent(earlier: tuple[Path, ...]) -> dict[str, int]:
    total: dict[str, int] = {}
    for path in earlier:
        details = read_details(path)
        if details is None:
            raise ClassError(f"There is no gradebook {path}.", "Name one that class grade wrote.")
        for student, days in late_days_spent(details).items():
            total[student] = total.get(student, 0) + days
    return total
