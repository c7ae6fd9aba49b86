"""`finetune-lab class`: make a course, grade submissions, give marks by hand. `class_review` has what looks at them."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from finetune_lab.classroom.course import make_course, renew_roster
from finetune_lab.classroom.details import details_path
from finetune_lab.classroom.faults import printable
from finetune_lab.classroom.grading import grade_class
from finetune_lab.classroom.handing_in import submit as hand_in
from finetune_lab.classroom.noting import together
from finetune_lab.classroom.overrides import Override, add_overrides
from finetune_lab.classroom.roster import read_roster
from finetune_lab.classroom.seeding import seed_table
from finetune_lab.classroom.submission import student_id
from finetune_lab.classroom.writing import read_answers, write_submission
from finetune_lab.cli import class_order as options
from finetune_lab.cli.class_marking import review
from finetune_lab.cli.class_review import export, report, similar, verify_submissions

classes = typer.Typer(help="A class: grade its submissions by your own bank, mark by hand.", no_args_is_help=True)


@classes.command()
def init(
    course: Annotated[str, typer.Argument(help="the course's id, as ml-101; submissions name it")],
    *,
    roster: Annotated[
        Path | None, typer.Option("--roster", help="the students: CSV from Canvas, Moodle or your own")
    ] = None,
    column: Annotated[
        str | None, typer.Option("--column", help="the column with the ids (default: the first that serves as one)")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="file to write")] = Path("course.toml"),
) -> int:
    """Make the course's file, with its secret, and its roster; later, put a new roster in the old one's place."""
    people = read_roster(roster, column) if roster else None
    if people and out.exists():
        new, gone = renew_roster(out, course, people)
        for what, students in (("new", new), ("gone", gone)):
            for student in students:
                print(f"{what}: {printable(student)}")
    else:
        make_course(out, course, people)
    if people:
        print(f"{len(people.people)} students of a {people.kind} table; their ids are its {people.column!r}")
    print(out)
    return 0


@classes.command()
def assign(course: Annotated[Path, typer.Option("--course", help="the course's file")] = Path("course.toml")) -> int:
    """Print each student's seed as CSV: it chooses the numbers in the student's questions."""
    of = options.course_of(str(course))
    print(seed_table(of), end="")
    if not of.seeds:
        print(
            f"When the students have them, write seeds = true in {course}: grading then goes by them.", file=sys.stderr
        )
    return 0


@classes.command()
def submit(
    answers: Annotated[
        Path | None,
        typer.Argument(help='JSON lines: {"question": id, "answer": ...}, a line an attempt (or what lab.Quiz kept)'),
    ] = None,
    *,
    student: Annotated[str, typer.Option("--student", help="your id in the course")],
    course: Annotated[str, typer.Option("--course", help="the course's id")],
    bank: Annotated[str, typer.Option("--bank", help="id of the bank that was answered")] = "lesson",
    run: Annotated[list[Path] | None, typer.Option("--run", help="run folder to hand in; again for more")] = None,
    seed: Annotated[str, typer.Option("--seed", help="the seed that your instructor gave you")] = "",
    out: Annotated[Path, typer.Option("--out", help="file to write")] = Path("submission.json"),
) -> int:
    """Write what a student hands in: one file with the answers and the runs."""
    if answers is None:
        print(hand_in(student=student, course=course, out=out, runs=run, seed=seed))
        return 0
    print(write_submission(out, student, course, read_answers(answers, bank), run or (), seed))
    return 0


def grading(*, keep: bool) -> Callable[..., int]:
    """`class grade`, or with `keep`, `class regrade`: the options are the same."""

    def command(
        source: options.Source,
        *,
        bank: options.BankName = None,
        out: options.Book = Path("gradebook.csv"),
        overrides: options.OverridesFile = None,
        course: options.CourseName = None,
        due: options.Due = None,
        zone: options.Zone = None,
        late_percent: options.LatePercent = None,
        late_days: options.LateDays = None,
        grace: options.Grace = None,
        earlier: options.Earlier = None,
    ) -> int:
        of = options.course_of(course, zone)
        late = options.late_policy(of, due, late_percent, late_days, grace)
        order = replace(options.order(source, of, bank, overrides, out), late=late, earlier=tuple(earlier or ()))
        book, changed = grade_class(order, keep=keep)
        for line in changed:
            print(f"changed: {line}")
        for note in (notes := together(book.all_notes)):
            print(f"for you: {note.about}: {note.what}", file=sys.stderr)
        print(f"{len(book.rows)} students, {len(notes)} things for you: {out}, {details_path(out)}")
        return 0

    return command


classes.command("grade", help="Grade every submission; what the student's copy said of an answer does not count.")(
    grading(keep=False)
)
classes.command(
    "regrade", help="Grade again, by a changed bank or grader: the old gradebook is kept, each changed mark is printed."
)(grading(keep=True))
classes.command("review")(review)
classes.command("verify")(verify_submissions)
classes.command("similar")(similar)
classes.command("report")(report)
classes.command("export")(export)


@classes.command()
def override(
    student: Annotated[str, typer.Argument(help="the student's id")],
    question: Annotated[str, typer.Argument(help="the question's id")],
    points: Annotated[float, typer.Argument(help="points to give")],
    *,
    bank: options.BankName = None,
    course: options.CourseName = None,
    note: Annotated[str, typer.Option("--note", help="why")] = "",
    overrides: Annotated[Path, typer.Option("--overrides", help="CSV of marks by hand")] = Path("overrides.csv"),
) -> int:
    """Give a mark by hand. It wins over the grader's at the next `class grade`, and at every one after it."""
    used = options.bank_of(bank, options.course_of(course))
    add_overrides(overrides, [Override(student_id(student), question, points, note)], used)
    print(f"{printable(student)}, {question}: {points:g} points, in {overrides}")
    return 0
