"""A gradebook as the CSV tables that nbgrader writes and that Canvas and Moodle import.

Canvas finds a student by ID, SIS User ID or SIS Login ID and an assignment by its column's name; without a number in
brackets behind the name, the import makes a new assignment. Moodle asks which column is what. Both take a blank grade
for "take it away", so who has no result has no row. Every cell of text is safe in a spreadsheet; numbers stay numbers.
"""

from html import escape
from typing import Any

from finetune_lab.classroom.cells import cell, table
from finetune_lab.classroom.details import Details
from finetune_lab.classroom.faults import ClassError, printable
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
    return table(NBGRADER, rows)


def canvas_table(details: Details, assignment: str) -> str:
    """What Canvas's gradebook imports: its five columns, the points possible, the final score of who has a result."""
    columns = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section", cell(assignment))
    rows: list[list[object]] = [["    Points Possible", "", "", "", "", details["max_score"]]]
    for one in filter(has_result, details["students"]):
        person = one["person"]
        login = person["username"] or ("" if person["lms_id"] or person["id_number"] else person["student_id"])
        known = (_full_name(person), person["lms_id"], person["id_number"], login, person["section"])
        rows.append([*(cell(text) for text in known), one["score"]])
    return table(columns, rows)


def moodle_table(details: Details, assignment: str) -> str:
    """What Moodle's grade import maps: who, the final score, and what became of each question as feedback.

    Raises:
        ClassError: no column names every student.
    """
    students = list(filter(has_result, details["students"]))
    named = _moodle_names([one["person"] for one in students])
    rows = []
    for index, one in enumerate(students):
        known = (one["person"]["first_name"], one["person"]["last_name"], *(column[index] for column in named.values()))
        rows.append([*(cell(text) for text in known), one["score"], cell(_feedback(one, details))])
    columns = ("First name", "Last name", *named, cell(f"{assignment} (Real)"), cell(f"{assignment} (Feedback)"))
    return table(columns, rows)


def _moodle_names(people: list[dict[str, str]]) -> dict[str, list[str]]:
    """What Moodle may find the students by; only columns that are filled for all.

    Where the chosen column is blank, Moodle gives the row's grade to the student of the row above
    (grade/import/csv/classes/load_data.php keeps the last student it found).
    """
    columns = {
        "Username": [
            one["username"] or ("" if one["email"] or one["id_number"] else one["student_id"]) for one in people
        ],
        "ID number": [one["id_number"] for one in people],
        "Email address": [one["email"] for one in people],
    }
    whole = {name: texts for name, texts in columns.items() if all(texts)}
    if not whole:
        fullest = max(columns, key=lambda name: sum(map(bool, columns[name])))
        lacking = [
            printable(one["student_id"], 80) for one, text in zip(people, columns[fullest], strict=True) if not text
        ]
        raise ClassError(
            f"Moodle finds students by one column, and none is filled for all: {fullest} lacks {', '.join(lacking[:5])}"
            f"{' and more' if len(lacking) > 5 else ''}.",
            "Fill it in your roster for them, or take out their files, and grade again.",
        )
    return whole


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
