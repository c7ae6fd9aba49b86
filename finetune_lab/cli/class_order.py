"""The options that the class commands share, and what they ask for."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from finetune_lab.classroom.course import Course, read_course
from finetune_lab.classroom.grading import NO_COURSE, Order
from finetune_lab.classroom.late import LatePolicy, due_time
from finetune_lab.quiz.bank import Bank
from finetune_lab.quiz.loading import load_bank

SHIPPED_BANK = "lesson"

Source = Annotated[Path, typer.Argument(help="folder or ZIP archive of submissions")]
BankName = Annotated[
    str | None,
    typer.Option(
        "--bank", help="your own bank: its TOML file, or a shipped bank's name (default the course's, lesson)"
    ),
]
CourseName = Annotated[
    str | None,
    typer.Option("--course", help="the course's file (course.toml), or its id alone: other courses are set aside"),
]
OverridesFile = Annotated[
    Path | None, typer.Option("--overrides", help="CSV of marks by hand (default overrides.csv beside the gradebook)")
]
Book = Annotated[Path, typer.Option("--out", help="the gradebook")]
Due = Annotated[
    str | None, typer.Option("--due", help="time, as 2026-11-25T23:59:00+01:00, or without zone and --zone")
]
Zone = Annotated[str | None, typer.Option("--zone", help="time zone of --due and of a ZIP archive, as Europe/Berlin")]
LatePercent = Annotated[float | None, typer.Option("--late-percent", help="percent of the marks that a late day takes")]
LateDays = Annotated[int | None, typer.Option("--late-days", help="late days that each student may spend before that")]
Grace = Annotated[float | None, typer.Option("--grace", help="minutes after --due that are not late")]
Earlier = Annotated[
    list[Path] | None, typer.Option("--earlier", help="gradebook whose late days are spent already; again for more")
]


def order(
    source: Path, course: Course, bank: str | None, overrides: Path | None, out: Path = Path("gradebook.csv")
) -> Order:
    """What is graded, by what: as the options say, and where they don't, as the course's file does."""
    marks_by_hand = overrides or out.with_name("overrides.csv")
    return Order(source, bank or course.bank or SHIPPED_BANK, out, marks_by_hand, course, course.late)


def course_of(named: str | None, zone: str | None = None) -> Course:
    """The course of a file, or one that is only an id, or none in particular."""
    if named is None:
        found = NO_COURSE
    else:
        found = read_course(Path(named)) if named.endswith(".toml") else Course(named.strip())
    return replace(found, zone=zone) if zone else found


def bank_of(named: str | None, course: Course) -> Bank:
    """The bank that was asked for, else the course's, else the shipped one."""
    return load_bank(named or course.bank or SHIPPED_BANK)


def late_policy(
    course: Course, due: str | None, percent: float | None, days: int | None, grace: float | None
) -> LatePolicy:
    """The course's policy, with what the options change."""
    said = course.late
    return LatePolicy(
        due_time(due, course.zone) if due else said.due,
        said.percent_a_day if percent is None else percent,
        said.days if days is None else days,
        said.grace if grace is None else timedelta(minutes=grace),
    )
