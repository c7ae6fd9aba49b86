"""A gradebook in other systems' formats: what they need is there, and no student's text is a formula (F26) or HTML."""

import csv
import io
import json
import re
import uuid
from pathlib import Path

import pytest
import thirty
from test_class_course import invoke

from finetune_lab.classroom.cells import cell
from finetune_lab.classroom.exchange.exporting import FORMATS
from finetune_lab.classroom.exchange.tables import moodle_table
from finetune_lab.classroom.faults import ClassError
from finetune_lab.classroom.gradebook import NBGRADER


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A class that is graded once; the tests write beside it."""
    folder = tmp_path_factory.mktemp("class")
    thirty.hand_in_all(folder / "in")
    (folder / "export.csv").write_text(thirty.canvas_roster(), encoding="utf-8")
    invoke("init", thirty.COURSE, "--roster", folder / "export.csv", "--out", folder / "course.toml")
    place = ["--course", folder / "course.toml", "--out", folder / "gradebook.csv"]
    late = ["--due", thirty.DUE.isoformat(), "--late-percent", 10]
    invoke(
        "override", "s02@example.org", "checkpoint-full", 2, "--note", "=1+1", "--overrides", folder / "overrides.csv"
    )
    invoke("grade", folder / "in", *place, *late)
    return folder / "gradebook.csv"


def exported(graded, kind, *more):
    return Path(invoke("export", graded, "--as", kind, *more).stdout.strip())


def rows_of(path):
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"), newline="")))


def test_nbgraders_columns_and_no_others(graded):
    rows = rows_of(exported(graded, "nbgrader"))
    assert tuple(rows[0]) == NBGRADER
    assert len(rows) == 30
    late = next(row for row in rows if row["student_id"] == "s03@example.org")
    assert float(late["late_submission_penalty"]) > 0
    assert float(late["score"]) == pytest.approx(float(late["raw_score"]) - float(late["late_submission_penalty"]))


def test_canvas_gets_its_own_ids_back(graded):
    path = exported(graded, "canvas", "--assignment", "Quiz 1 (4711)")
    header, possible, first, *rest = csv.reader(io.StringIO(path.read_text("utf-8"), newline=""))
    assert header == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Quiz 1 (4711)"]
    assert possible[0].strip() == "Points Possible"
    assert float(possible[5]) > 30
    by_login = {row[3]: row for row in [first, *rest]}
    assert by_login["s01@example.org"][:5] == ["Last1, First1", "1001", "U1", "s01@example.org", "Lab A"]
    assert float(by_login["s01@example.org"][5]) > 0
    assert "s20@example.org" not in by_login  # nothing came in: no zero, and a blank would take a grade away
    assert all(row[5] for row in by_login.values())
    reread = [row for row in path.read_text("utf-8").splitlines() if "Test" in row]
    assert reread == []


def test_moodle_gets_a_score_and_feedback_that_is_no_html(graded):
    rows = rows_of(exported(graded, "moodle", "--assignment", "=Quiz"))
    assert list(rows[0])[:4] == ["First name", "Last name", "Username", "ID number"]  # nobody has an e-mail
    score, feedback = list(rows[0])[4:]
    assert (score, feedback) == ("'=Quiz (Real)", "'=Quiz (Feedback)")
    row = next(row for row in rows if row["ID number"] == "U3")
    assert "late: " in row[feedback]
    assert float(row[score]) > 0
    assert all("<" not in row[feedback] for row in rows)
    assert len(rows) == 24
    assert all(row[score] and row["Username"] and row["ID number"] for row in rows)


PEOPLE = {
    "mail": [{"email": "a@x.org"}, {"email": "b@x.org", "username": "b"}],
    "none": [{"email": "a@x.org"}, {"student_id": "stranger"}],
}


@pytest.mark.parametrize(("kind", "names"), [("mail", ["Email address"]), ("none", None)])
def test_moodle_is_never_given_a_row_without_a_name(kind, names):
    """Moodle gives such a row's grade to the student above."""
    empty = dict.fromkeys(("student_id", "first_name", "last_name", "email", "id_number", "username"), "")
    students = [
        {"person": empty | one, "timestamp": "t", "marks": [], "score": 1.0, "late_submission_penalty": 0.0}
        for one in PEOPLE[kind]
    ]
    details = {"students": students, "bank": {"points": {}}}
    if names is None:
        with pytest.raises(ClassError, match=r"Username lacks|Email address lacks stranger"):
            moodle_table(details, "Quiz")
    else:
        header, *rows = csv.reader(io.StringIO(moodle_table(details, "Quiz"), newline=""))
        assert header == ["First name", "Last name", *names, "Quiz (Real)", "Quiz (Feedback)"]
        assert [row[2] for row in rows] == ["a@x.org", "b@x.org"]


def test_gradescope_gets_a_file_a_student_that_stays_in_its_folder(graded):
    folder = exported(graded, "gradescope")
    files = list(folder.iterdir())
    assert len(files) == 24
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+\.json", path.name) for path in files)
    for path in files:
        results = json.loads(path.read_text("utf-8"))
        assert results["score"] >= 0
        assert results["test_output_format"] == results["output_format"] == "text"
        assert len(results["tests"]) > 30
        assert {"name", "score", "max_score", "status", "output"} <= set(results["tests"][0])
    marked = json.loads(next(path for path in files if path.name.startswith("s02")).read_text("utf-8"))
    given = next(test for test in marked["tests"] if test["name"] == "checkpoint-full")
    assert (given["score"], given["output"]) == (2, "Marked by hand. =1+1")


def test_xapi_statements_are_whole_and_the_same_each_time(graded):
    with pytest.raises(ClassError, match="--site"):
        exported(graded, "xapi")
    path = exported(graded, "xapi", "--site", "https://example.org/ml")
    first = path.read_text("utf-8")
    statements = [json.loads(line) for line in first.splitlines()]
    assert len({one["id"] for one in statements}) == len(statements) > 500
    for one in statements:
        uuid.UUID(one["id"])
        assert ("mbox" in one["actor"]) != ("account" in one["actor"])
        assert one["object"]["id"].startswith("https://example.org/ml/lesson")
        assert one["verb"]["id"].startswith("http://adlnet.gov/expapi/verbs/")
        score = one["result"]["score"]
        assert score["min"] <= score["raw"] <= score["max"]
        assert 0 <= score["scaled"] <= 1
    assert exported(graded, "xapi", "--site", "https://example.org/ml").read_text("utf-8") == first


def test_a_format_or_gradebook_that_is_none_is_refused(graded, tmp_path):
    for wrong in (["--as", "excel"], ["--as", "canvas", "--out", graded]):
        with pytest.raises(ClassError):
            invoke("export", graded, *wrong)
    with pytest.raises(ClassError, match="no gradebook"):
        invoke("export", tmp_path / "none.csv", "--as", "canvas")
    assert len(FORMATS) == 5


SIGNS = ["=", "+", "-", "@", "\t=", "\r@", " =", "\u00a0+", "\u200b=", "\n=", "\uff1d", "\ufeff-", "|", "%"]


@pytest.mark.parametrize("sign", SIGNS)
def test_f26_a_name_is_no_formula_in_any_table(tmp_path, sign):
    name = f"{sign}cmd()"
    with (tmp_path / "roster.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["student_id", "last name", "first name", "email"], ["ann", name, name, name]])
    (tmp_path / "in").mkdir()
    invoke("init", "ml-101", "--roster", tmp_path / "roster.csv", "--out", tmp_path / "course.toml")
    book = tmp_path / "book.csv"
    invoke("override", "ann", "checkpoint-full", 1, "--note", "x", "--overrides", tmp_path / "overrides.csv")
    invoke("grade", tmp_path / "in", "--course", tmp_path / "course.toml", "--out", book)
    paths = [tmp_path / "course.roster.csv", book, *(exported(book, kind) for kind in ("nbgrader", "canvas", "moodle"))]
    hostile = [text for path in paths for row in rows_of(path) for text in row.values() if "cmd()" in text]
    assert len(hostile) >= 13
    assert all(text.startswith("'") for text in hostile)


def test_f26_the_tables_of_a_hostile_class(graded):
    checked = 0
    tables = [graded, graded.with_name("overrides.csv"), graded.with_name("course.roster.csv")]
    tables += [exported(graded, kind, "--assignment", "@sum(A1)") for kind in ("nbgrader", "canvas", "moodle")]
    for path in tables:
        for row in csv.reader(io.StringIO(path.read_text("utf-8"), newline="")):
            for text in row:
                checked += 1
                assert cell(text) == text or re.fullmatch(r"-?\d+(\.\d+)?", text), (path.name, text)
    assert checked > 1500
