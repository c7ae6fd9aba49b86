"""`finetune-lab class`: grade submissions, give marks by hand, and look for what does not fit together."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from finetune_lab.classroom.batch import read_batch
from finetune_lab.classroom.faults import ClassError, printable
from finetune_lab.classroom.gradebook import LatePolicy
from finetune_lab.classroom.grading import Order, details_path, grade_class
from finetune_lab.classroom.overrides import Override, add_override
from finetune_lab.classroom.seeding import make_secret, read_secret, seed_table
from finetune_lab.classroom.submission import student_id
from finetune_lab.classroom.verifying import verify
from finetune_lab.classroom.writing import read_answers, write_submission
from finetune_lab.quiz.loading import load_bank

classes = typer.Typer(help="A class: grade its submissions by your own bank, mark by hand.", no_args_is_help=True)

Source = Annotated[Path, typer.Argument(help="folder or ZIP archive of submissions")]
BankName = Annotated[str, typer.Option("--bank", help="your own bank: its TOML file, or a shipped bank's name")]
Course = Annotated[str | None, typer.Option("--course", help="set submissions for other courses aside")]
OverridesFile = Annotated[
    Path | None, typer.Option("--overrides", help="CSV of marks by hand (default overrides.csv beside the gradebook)")
]


@classes.command()
def init(path: Annotated[Path, typer.Argument(help="file to write")] = Path("course-secret.txt")) -> int:
    """Make the course's secret, from which each student's variants come. Keep it to yourself."""
    make_secret(path)
    print(path)
    return 0


@classes.command()
def assign(
    roster: Annotated[Path, typer.Argument(help="CSV with a column of the students' ids")],
    *,
    course: Annotated[str, typer.Option("--course", help="the course's id")],
    secret: Annotated[Path, typer.Option("--secret", help="file with the course's secret")],
    column: Annotated[str, typer.Option("--column", help="the column with the ids")] = "student_id",
) -> int:
    """Print each student's seed as CSV."""
    print(seed_table(roster, column, course, read_secret(secret)), end="")
    return 0


@classes.command()
def submit(
    answers: Annotated[Path, typer.Argument(help='JSON lines: {"question": id, "answer": ...}, a line an attempt')],
    *,
    student: Annotated[str, typer.Option("--student", help="your id in the course")],
    course: Annotated[str, typer.Option("--course", help="the course's id")],
    bank: Annotated[str, typer.Option("--bank", help="id of the bank that was answered")] = "lesson",
    run: Annotated[list[Path] | None, typer.Option("--run", help="run folder to hand in; again for more")] = None,
    seed: Annotated[str, typer.Option("--seed", help="the seed that your instructor gave you")] = "",
    out: Annotated[Path, typer.Option("--out", help="file to write")] = Path("submission.json"),
) -> int:
    """Write what a student hands in: one file with the answers and the runs."""
    print(write_submission(out, student, course, read_answers(answers, bank), run or (), seed))
    return 0


@classes.command("grade")
def grade_submissions(
    source: Source,
    *,
    bank: BankName = "lesson",
    out: Annotated[Path, typer.Option("--out", help="gradebook to write")] = Path("gradebook.csv"),
    overrides: OverridesFile = None,
    course: Course = None,
    due: Annotated[str | None, typer.Option("--due", help="time with its zone, as 2026-11-25T23:59:00+01:00")] = None,
    late_percent: Annotated[
        float, typer.Option("--late-percent", help="percent of the marks that each late day takes")
    ] = 0.0,
    secret: Annotated[
        Path | None, typer.Option("--secret", help="file with the course's secret, from which the variants come")
    ] = None,
) -> int:
    """Grade every submission; what the student's copy said of an answer does not count."""
    if secret and course is None:  # or a student could choose the numbers by naming another course
        raise ClassError("With --secret, the seeds need the course.", "Name it with --course.")
    marks_by_hand = overrides or out.with_name("overrides.csv")
    late = LatePolicy(_moment(due), late_percent)
    book, changed = grade_class(
        Order(source, bank, out, marks_by_hand, course, late, read_secret(secret) if secret else None)
    )
    for line in changed:
        print(f"changed: {line}")
    for note in book.all_notes:
        print(f"for you: {note.about}: {note.what}", file=sys.stderr)
    print(f"{len(book.rows)} students, {len(book.all_notes)} things for you: {out}, {details_path(out)}")
    return 0


@classes.command("verify")
def verify_submissions(source: Source, *, course: Course = None) -> int:
    """List what does not fit together: edited parts, copied answers and runs, impossible records and times."""
    batch = read_batch(source, course)
    found = verify(batch)
    for note in found:
        print(f"{note.about}: {note.what}")
    print(f"{len(batch.handed)} students, {len(found)} things to look at", file=sys.stderr)
    return 0


@classes.command()
def override(
    student: Annotated[str, typer.Argument(help="the student's id")],
    question: Annotated[str, typer.Argument(help="the question's id")],
    points: Annotated[float, typer.Argument(help="points to give")],
    *,
    bank: BankName,
    note: Annotated[str, typer.Option("--note", help="why")] = "",
    overrides: Annotated[Path, typer.Option("--overrides", help="CSV of marks by hand")] = Path("overrides.csv"),
) -> int:
    """Give a mark by hand. It wins over the grader's at the next `class grade`, and at every one after it."""
    add_override(overrides, Override(student_id(student), question, points, note), load_bank(bank))
    print(f"{printable(student)}, {question}: {points:g} points, in {overrides}")
    return 0


def _moment(written: str | None) -> datetime | None:
    if written is None:
        return None
    try:
        found = datetime.fromisoformat(written)
    except ValueError as error:
        raise ClassError(f"{written!r} is no time: {error}.", "Write it as 2026-11-25T23:59:00+01:00.") from error
    if found.tzinfo is None:
        raise ClassError(f"{written!r} has no time zone.", "Write it as 2026-11-25T23:59:00+01:00.")
    return found
