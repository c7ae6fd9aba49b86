"""`finetune-lab class`, the commands that look at what came in: verify, similar, report, export."""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from finetune_lab.classroom.batch import read_batch
from finetune_lab.classroom.exchange.exporting import FORMATS, export_gradebook
from finetune_lab.classroom.faults import printable
from finetune_lab.classroom.grading import graded
from finetune_lab.classroom.replays import replay_notes
from finetune_lab.classroom.report.page import report_page
from finetune_lab.classroom.similar import shared_records, similar_texts
from finetune_lab.classroom.storing import replace_text
from finetune_lab.classroom.verifying import verify
from finetune_lab.cli import class_order as options

MOST_PASSAGES = 6  # that are shown of a pair


def verify_submissions(
    source: options.Source,
    *,
    bank: options.BankName = None,
    course: options.CourseName = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="do the first steps of each run again, and compare the losses")
    ] = False,
) -> int:
    """List what does not fit together: edited parts, copied answers and runs, impossible records and times."""
    of = options.course_of(course)
    batch = read_batch(source, of.id or None)
    found = verify(batch, options.bank_of(bank, of))
    for note in found:
        print(f"{note.about}: {note.what}")
    if replay:
        from finetune_lab.cli.replaying import replay_run

        runs = sum(len(one.submission.runs) for one in batch.counted)
        print(f"Replaying {runs} runs; equal settings are done once", file=sys.stderr)
        with redirect_stdout(sys.stderr):  # whatever the libraries print
            told = list(replay_notes(batch.counted, replay_run))
        for note in told:
            print(f"{note.about}: {note.what}")
    print(f"{len(batch.handed)} students, {len(found)} things to look at", file=sys.stderr)
    return 0


def similar(source: options.Source, *, bank: options.BankName = None, course: options.CourseName = None) -> int:
    """List texts of two students that are too much alike, and records that two share. No mark depends on it."""
    of = options.course_of(course)
    batch = read_batch(source, of.id or None)
    pairs = similar_texts(batch, options.bank_of(bank, of))
    for pair in pairs:
        names = ", ".join(printable(one, 80) for one in pair.students)
        print(f"{names}: {pair.question}: {100 * pair.share:.0f} % of the shorter text is in the other")
        for passage in pair.passages[:MOST_PASSAGES]:
            print(f"    {printable(passage, 400)}")
    shared = shared_records(batch)
    for note in shared:
        print(f"{note.about}: {note.what}")
    print(f"{len(batch.handed)} students, {len(pairs)} pairs of texts, {len(shared)} shared records", file=sys.stderr)
    return 0


def report(
    source: options.Source,
    *,
    bank: options.BankName = None,
    course: options.CourseName = None,
    overrides: options.OverridesFile = None,
    out: Annotated[Path, typer.Option("--out", help="HTML file to write")] = Path("report.html"),
) -> int:
    """Write a report: scores, each question's difficulty, common mistakes, each student, the class's runs."""
    of = options.course_of(course)
    book = graded(options.order(source, of, bank, overrides)).book
    replace_text(out, report_page(book, of.id))
    print(f"{len(book.rows)} students: {out}")
    return 0


def export(
    gradebook: Annotated[Path, typer.Argument(help="the gradebook that class grade wrote")] = Path("gradebook.csv"),
    *,
    kind: Annotated[str, typer.Option("--as", help=f"{', '.join(FORMATS)}")],
    out: Annotated[Path | None, typer.Option("--out", help="file to write; for gradescope a folder")] = None,
    assignment: Annotated[
        str | None, typer.Option("--assignment", help="its name there, for Canvas with its number: 'Quiz 1 (4711)'")
    ] = None,
    site: Annotated[str | None, typer.Option("--site", help="your course's web address, for xapi")] = None,
) -> int:
    """Write the gradebook for another system to import."""
    print(export_gradebook(gradebook, kind, out, assignment, site))
    return 0
