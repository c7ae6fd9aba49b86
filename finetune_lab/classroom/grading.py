"""`class grade`: a folder or an archive of submissions becomes a gradebook on disk, whole or not at all."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from finetune_lab.classroom.batch import read_batch
from finetune_lab.classroom.faults import ClassError
from finetune_lab.classroom.gradebook import Gradebook, LatePolicy, Points, changes, make_gradebook, points_in
from finetune_lab.classroom.overrides import read_overrides
from finetune_lab.classroom.storing import held, replace_text
from finetune_lab.quiz.loading import bank_path, load_bank

NO_PENALTY = LatePolicy()


@dataclass(frozen=True)
class Order:
    """What is graded, by what, and where the result goes."""

    source: Path  # folder or ZIP archive
    bank: str | Path
    out: Path  # gradebook.csv; its details stand beside it
    overrides: Path
    course: str | None = None
    late: LatePolicy = field(default=NO_PENALTY)
    secret: str | None = None


def grade_class(order: Order) -> tuple[Gradebook, list[str]]:
    """Grade a class and write the gradebook and its details.

    Returns:
        The gradebook, and what has changed from the one that was there.

    Raises:
        BankError: the bank has faults.
        ClassError: the source, the marks by hand or the place for the result can't be used.
    """
    bank = load_bank(order.bank)
    if order.source.is_dir() and order.out.resolve().is_relative_to(order.source.resolve()):
        raise ClassError(f"{order.out} lies among the submissions.", "Choose a place outside their folder.")
    with held(order.out):
        batch = read_batch(order.source, order.course)
        overrides = read_overrides(order.overrides, bank)
        book = make_gradebook(batch, bank, overrides, order.late, order.secret)
        details = book.details(hashlib.sha256(bank_path(order.bank).read_bytes()).hexdigest())
        before = _before(details_path(order.out))
        # The details first: a kill between the two leaves the old gradebook, and the next grading mends it.
        replace_text(details_path(order.out), json.dumps(details, indent=1, ensure_ascii=False) + "\n")
        replace_text(order.out, book.to_csv())
    return book, changes(before, points_in(details)) if before is not None else []


def details_path(out: Path) -> Path:
    """Where the details of a gradebook stand: gradebook.csv has gradebook.details.json."""
    return out.with_name(f"{out.stem}.details.json")


def _before(path: Path) -> Points | None:
    try:
        return points_in(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError) as error:
        what = f"{path} is not the details of a gradebook: {type(error).__name__}: {error}."
        raise ClassError(what, "Move it away, or choose another --out.") from error
