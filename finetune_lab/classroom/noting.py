"""What an instructor should know of a submission or of a class before trusting the marks."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from finetune_lab.classroom.batch import Batch, Handed, Note
from finetune_lab.classroom.faults import printable
from finetune_lab.classroom.marking import unknown_questions
from finetune_lab.classroom.roster import Person
from finetune_lab.classroom.seeding import student_seed
from finetune_lab.quiz.bank import Bank

MOST_NAMED = 12  # students in one line


def notes_on(handed: Handed, bank: Bank, secret: str | None) -> list[Note]:
    """What is odd about one submission for this bank."""
    submission = handed.submission
    about = printable(submission.student)
    notes = []
    if not any(one.bank == bank.id for one in submission.answers):
        notes.append(Note(about, f"{handed.file} has no answer to the bank {bank.id}."))
    if unknown := unknown_questions(submission, bank):
        notes.append(Note(about, f"your bank has no question {', '.join(printable(one, 60) for one in unknown[:5])}."))
    if secret and submission.seed != student_seed(secret, submission.course, submission.student):
        notes.append(Note(about, "the file names another seed than this student's; the student's own was used."))
    if submission.created > datetime.now(UTC) + timedelta(days=1):
        notes.append(Note(about, f"{handed.file} says it was written in the future, {submission.created.isoformat()}."))
    return notes


def roster_notes(batch: Batch, people: Sequence[Person]) -> Iterator[Note]:
    """Who handed in and is not on the roster, and whom the roster has and nothing came from."""
    if not people:
        return
    known = {one.student_id for one in people}
    alike = {one.casefold(): one for one in sorted(known)}
    for student in batch.handed:
        if student not in known:
            close = alike.get(student.casefold())
            meant = f"; it has {printable(close)}" if close else ""
            yield Note(printable(student), f"is not on the roster{meant}.")
    missing = [one.student_id for one in people if one.student_id not in batch.handed]
    if missing:
        shown = ", ".join(printable(one, 80) for one in missing[:20]) + (" and more" if len(missing) > 20 else "")
        yield Note(f"{len(missing)} of the roster", f"handed in nothing: {shown}.")


def together(notes: Sequence[Note]) -> list[Note]:
    """The notes, those that say the same of several students as one."""
    about: dict[str, list[str]] = {}
    for note in notes:
        about.setdefault(note.what, []).append(note.about)
    return [Note(_several(whom), what) for what, whom in about.items()]


def _several(whom: list[str]) -> str:
    more = f" and {len(whom) - MOST_NAMED} more" if len(whom) > MOST_NAMED else ""
    return ", ".join(whom[:MOST_NAMED]) + more
