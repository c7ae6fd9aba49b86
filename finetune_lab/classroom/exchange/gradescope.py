"""A gradebook as Gradescope's results.json, one file a student: a test for each question, in plain text.

A student's id becomes a file name of safe letters with the id's hash behind it: no id leaves the folder, none covers
another.
"""

import hashlib
import json
import re
from typing import Any

from finetune_lab.classroom.details import Details
from finetune_lab.classroom.exchange.tables import has_result


def gradescope_files(details: Details) -> dict[str, str]:
    """File name -> content for every student with a result."""
    students = [one for one in details["students"] if has_result(one)]
    return {file_name(one["person"]["student_id"]): _results(one, details) for one in students}


def file_name(student: str) -> str:
    """A name that every file system takes and that no other student has."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", student).strip("-")[:60]
    return f"{plain or 'student'}-{hashlib.sha256(student.encode()).hexdigest()[:12]}.json"


def _results(student: dict[str, Any], details: Details) -> str:
    most = details["bank"]["points"]
    late = student["late_submission_penalty"]
    results = {
        "score": student["score"],
        "output": f"{student['raw_score']:g} points" + (f", {late:g} less for lateness" if late else ""),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "after_published",
        "tests": [_test(mark, most.get(mark["question"], mark["points"])) for mark in student["marks"]],
        "extra_data": {"student_id": student["person"]["student_id"], "grader": details["grader"]},
    }
    return json.dumps(results, indent=1, ensure_ascii=False) + "\n"


def _test(mark: dict[str, Any], most: float) -> dict[str, Any]:
    by_hand = ["Marked by hand." + (f" {mark['note']}" if mark["note"] else "")]
    return {
        "name": mark["question"],
        "score": mark["points"],
        "max_score": most,
        "status": "passed" if mark["points"] >= most else "failed",
        "output": "\n".join(by_hand if mark["manual"] else mark["reasons"]),
    }
