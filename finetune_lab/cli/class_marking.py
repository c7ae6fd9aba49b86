"""`finetune-lab class review`: shows a cluster of alike answers, asks for points, and keeps the marks at once."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from finetune_lab.classroom.faults import ClassError, printable
from finetune_lab.classroom.grading import Graded, graded
from finetune_lab.classroom.overrides import Override, add_overrides, points_in
from finetune_lab.classroom.review_sheet import marks_in_sheet, review_sheet
from finetune_lab.classroom.reviewing import Answer, Cluster, clusters_of
from finetune_lab.classroom.storing import replace_text
from finetune_lab.cli import class_order as options

SHOWN = 3  # answers of a cluster, before one asks for all
LONGEST = 1_500  # characters of an answer on the terminal
HELP = "points for all (and a note), a: show all, e: each alone, Enter: later, q: stop"


def review(
    source: options.Source,
    *,
    bank: options.BankName = None,
    course: options.CourseName = None,
    overrides: options.OverridesFile = None,
    question: Annotated[
        str | None, typer.Option("--question", help="all answers to this question, not only those that need a person")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", help="write the clusters as CSV to fill in, and stop")
    ] = None,
    apply: Annotated[Path | None, typer.Option("--apply", help="CSV that was filled in: take its marks")] = None,
) -> int:
    """Mark the free-text answers that need a person, a cluster of alike ones at a time; then grade again."""
    order = options.order(source, options.course_of(course), bank, overrides)
    result = graded(order)
    found = clusters_of(result, question)
    count = sum(len(one.answers) for one in found)
    if sheet and apply:
        raise ClassError("A sheet is either written or read.", "Give --sheet or --apply.")
    if sheet:
        replace_text(sheet, review_sheet(found))
        print(f"{count} answers in {len(found)} clusters: {sheet}")
        return 0
    if apply:
        # What the sheet was made from may have been all of a question: every text without a mark by hand counts.
        every = [one for each in result.bank.questions if each.rubric for one in clusters_of(result, each.id)]
        marks = marks_in_sheet(apply, every)
        add_overrides(order.overrides, marks, result.bank)
        print(f"{len(marks)} marks: {order.overrides}")
        return 0
    print(f"{count} answers in {len(found)} clusters", file=sys.stderr)
    marked = _ask_all(found, order.overrides, result)
    print(f"{marked} marks: {order.overrides}")
    return 0


def _ask_all(found: Sequence[Cluster], path: Path, result: Graded) -> int:
    total = 0
    for number, one in enumerate(found, 1):
        print(f"\n[{number}/{len(found)}] {one.question.id}, worth {one.question.points:g}: {one.question.prompt}")
        marks = _ask(one)
        if marks is None:
            break
        if marks:
            add_overrides(path, marks, result.bank)
        total += len(marks)
    return total


def _ask(cluster: Cluster, *, alone: bool = False) -> list[Override] | None:
    """The marks of a cluster; None to stop."""
    _show(cluster.answers[:SHOWN], len(cluster.answers))
    while True:
        said = typer.prompt(f"  {'points' if alone else HELP}", default="", show_default=False).strip()
        if said == "q":
            return None
        if said == "a" and not alone:
            _show(cluster.answers, len(cluster.answers))
        elif said == "e" and not alone:
            return _ask_each(cluster)
        elif not said:
            return []
        elif (mark := _read(said, cluster.question.points)) is not None:
            return [Override(one.student, cluster.question.id, *mark) for one in cluster.answers]
        else:
            print(f"  that is no number from 0 to {cluster.question.points:g}")


def _ask_each(cluster: Cluster) -> list[Override]:
    marks: list[Override] = []
    for answer in cluster.answers:
        given = _ask(Cluster(cluster.name, cluster.question, (answer,)), alone=True)
        if given is None:
            break
        marks += given
    return marks


def _read(said: str, most: float) -> tuple[float, str] | None:
    number, _, note = said.partition(" ")
    try:
        points = points_in(number)
    except ValueError:
        return None
    return (points, note.strip()) if 0 <= points <= most else None


def _show(answers: Sequence[Answer], of: int) -> None:
    for one in answers:
        print(f"  {printable(one.student, 60)}: {printable(one.text, LONGEST)}")
    if len(answers) < of:
        print(f"  and {of - len(answers)} more like these")
    print(f"  grader: {answers[0].mark.verdict}, {printable('; '.join(answers[0].rules) or 'no rule fired', 200)}")
