"""A gradebook as the CSV tables that nbgrader writes and that Canvas and Moodle import.

Canvas finds a student by ID, SIS User ID or SIS Login ID and an assignment by its column's name; without a number in
brackets behind the name, the import makes a new assignment. Moodle asks which column is what. Blank cells
change nothing. Every cell of text is safe in a spreadsheet; numbers stay numbers.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from finetune_lab.classroom.cells import cell
from finetune_lab.classroom.details import Details
from finetune_lab.classroom.gradebook import NBGRADER

LONGEST_FEEDBACK = 4_000  # characters
Student = dict[str, Any]


def nbgrader_table(details: Details, assignment: str) -> str:
    """nbgrader's own columns (`nbgrader export`, CsvExportPlugin), and no others."""
    rows = []
    for one in details["students"]:
        person = one["person"]
        names = [cell(person[name]) for name in ("student_id", "last_name", "first_name", "email")]
        points = [one["raw_score"], one["late_submission_penalty"], one["score"], details["max_score"]]
        rows.append([cell(assignment), details["duedate"], one["timestamp"], *names, *points])
    return _table(NBGRADER, rows)


def canvas_table(details: Details, assignment: str) -> str:
    """What Canvas's gradebook imports: its five columns, the points possible, a row a student with the final score."""
    columns = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section", cell(assignment))
    rows: list[list[object]] = [["    Points Possible", "", "", "", "", details["max_score"]]]
    for one in details["students"]:
        person = one["person"]
        login = person["username"] or ("" if person["lms_id"] or person["id_number"] else person["student_id"])
        known = (_full_name(person), person["lms_id"], person["id_number"], login, person["section"])
        rows.append([*(cell(text) for text in known), one["score"] if has_result(one) else ""])
    return _table(columns, rows)


def moodle_table(details: Details, assignment: str) -> str:
    """What Moodle's grade import maps: who, the final score, and what became of each question as feedback."""
    who = ("First name", "Last name", "Username", "ID number", "Email address")
    rows = []
    for one in details["students"]:
        person = one["person"]
        fallback = "" if person["email"] or person["id_number"] else person["student_id"]
        known = (
            person["first_name"], person["last_name"], person["username"] or fallback, person["id_number"],
            person["email"],
        )  # fmt: skip
        given = [one["score"], cell(_feedback(one, details))] if has_result(one) else ["", ""]
        rows.append([*(cell(text) for text in known), *given])
    return _table((*who, cell(f"{assignment} (Real)"), cell(f"{assignment} (Feedback)")), rows)


def has_result(student: Student) -> bool:
    """Whether something came in from the student or a person gave a mark: nothing is no zero in another system."""
    return bool(student["timestamp"]) or any(mark["manual"] for mark in student["marks"])


def _feedback(student: Student, details: Details) -> str:
    """A line for all questions; Moodle takes it for HTML, so it is escaped."""
    most = details["bank"]["points"]
    parts = [f"{one['question']} {one['points']:g} of {most.get(one['question'], 0):g}" for one in student["marks"]]
    if student["late_submission_penalty"]:
        parts.append(f"late: {student['late_submission_penalty']:g} less")
    return escape("; ".join(parts))[:LONGEST_FEEDBACK]


def _full_name(person: dict[str, str]) -> str:
    names = [name for name in (person["last_name"], person["first_name"]) if name]
    return ", ".join(names) or person["student_id"]


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()
