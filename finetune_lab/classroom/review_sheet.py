"""The review as a table: filled in by whoever reads, in whatever program, and read back as marks by hand.

The row of each cluster with `*` for the student marks all of it; a row with points of its own wins.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from finetune_lab.classroom.cells import cell, edited_table, kept_cell, uncelled
from finetune_lab.classroom.faults import ClassError, printable
from finetune_lab.classroom.overrides import Override, points_in
from finetune_lab.classroom.reviewing import Answer, Cluster
from finetune_lab.classroom.sheets import read_sheet
from finetune_lab.classroom.submission import student_id
from finetune_lab.errors import listed

COLUMNS = ("cluster", "student_id", "points", "note", "most_points", "answers", "answer", "grader", "rules", "print")
NEEDED = ("cluster", "student_id", "points", "note", "print")
ALL = "*"
LONGEST_SHOWN = 5_000  # characters of an answer; a cell of Excel holds 32,767
Rows = list[tuple[int, dict[str, str]]]


def review_sheet(found: Sequence[Cluster]) -> str:
    """The clusters as CSV, `points` and `note` empty."""
    return edited_table(COLUMNS, (row for one in found for row in _rows_of(one)))


def _rows_of(one: Cluster) -> Iterator[list[object]]:
    """A row for all of the cluster, then one for each answer."""
    shown = cell(one.answers[0].text[:LONGEST_SHOWN])
    yield [one.name, ALL, "", "", one.question.points, len(one.answers), shown, "", "", ""]
    for answer in one.answers:
        text, rules = cell(answer.text[:LONGEST_SHOWN]), cell("; ".join(answer.rules))
        verdict = f"{answer.mark.verdict} {answer.mark.score:g}"
        known = [one.name, kept_cell(answer.student), "", "", one.question.points, ""]
        yield [*known, text, verdict, rules, answer.print_of]


def marks_in_sheet(path: Path, found: Sequence[Cluster]) -> list[Override]:
    """The marks that were filled in; rows without points stay for later.

    Args:
        path: the sheet, as `review_sheet` made it, with points in some rows; in any order.
        found: the same clusters, or those of a fuller review.

    Raises:
        ClassError: it can't be read, or has rows that fit no answer; all are listed with their lines.
    """
    sheet = read_sheet(path)
    if missing := [name for name in NEEDED if name not in sheet.columns]:
        raise ClassError(f"{path} lacks the columns {', '.join(missing)}.", "Give the sheet that --sheet wrote.")
    known = {(one.question.id, answer.student): (one, answer) for one in found for answer in one.answers}
    whole = {row["cluster"]: row for _, row in sheet.rows if row["student_id"] == ALL and row["points"]}
    marks, faults = [], []
    for line, row in sheet.rows:
        given = row if row["points"] else whole.get(row["cluster"])
        if given is None or row["student_id"] == ALL:
            continue
        question, student = row["cluster"].rpartition("/")[0], student_id(uncelled(row["student_id"]))
        wrong = list(_faults(row, given, known.get((question, student))))
        faults += [f"line {line}: {fault}." for fault in wrong]
        if not wrong:
            marks.append(Override(student, question, points_in(given["points"]), uncelled(given["note"])))
    if faults:
        raise ClassError(f"{path} can't be used: {listed(faults[:50])}", "Mend these lines; nothing was marked.")
    return marks


def _faults(row: dict[str, str], given: dict[str, str], known: tuple[Cluster, Answer] | None) -> Iterator[str]:
    if known is None:
        who, where = printable(row["student_id"], 60), printable(row["cluster"], 60)
        yield f"{who!r} has no answer to mark in {where!r} (an id that a spreadsheet changed, or marked before?)"
        return
    cluster, answer = known
    if row["print"] != answer.print_of:
        yield f"{printable(answer.student, 60)} has handed in another answer since"
    try:
        fits = 0 <= points_in(given["points"]) <= cluster.question.points
    except ValueError:
        fits = False
    if not fits:
        yield f"{printable(given['points'], 40)!r} is no number of points from 0 to {cluster.question.points:g}"
