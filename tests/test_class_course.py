"""A course's file and roster, its late policies, and a class that is graded again."""

import csv
import json
import struct
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import thirty
from typer.testing import CliRunner

from finetune_lab.classroom.archive import files_of_archive
from finetune_lab.classroom.course import read_course
from finetune_lab.classroom.details import details_path
from finetune_lab.classroom.faults import ClassError
from finetune_lab.classroom.late import Lateness, LatePolicy, due_time
from finetune_lab.classroom.roster import read_roster
from finetune_lab.classroom.sheets import read_sheet
from finetune_lab.cli.classes import classes
from finetune_lab.quiz.loading import bank_path

MOODLE = """First name,Last name,ID number,Institution,Email address,Quiz total (Real)
Zoë,Müller,m1,U,zoe@x.org,3
Ann,Ö,m2,U,ann@x.org,-
"""
PLAIN = "matriculation number;Family name;Given name;E-Mail\n0012;Müller;Zoë;zoe@x.org\n0013;Ö;Ann;\n"
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252")


def invoke(*arguments):
    result = CliRunner().invoke(classes, [str(one) for one in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def thirty_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("export.csv").write_text(thirty.canvas_roster(), encoding="utf-8")
    thirty.hand_in_all(tmp_path / "in")
    invoke("init", thirty.COURSE, "--roster", "export.csv")
    return tmp_path


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("table", [MOODLE, PLAIN, MOODLE.replace(",", "\t"), "sep=;\r\n" + PLAIN.replace("\n", "\r\n")])
def test_rosters_are_read_however_they_were_saved(tmp_path, encoding, table):
    path = tmp_path / "roster.csv"
    path.write_bytes(table.encode(encoding))
    people = read_roster(path).people
    assert (people[0].last_name, people[0].first_name, people[0].email) == ("Müller", "Zoë", "zoe@x.org")
    assert [one.last_name for one in people] == ["Müller", "Ö"]


def test_the_three_kinds_are_known_by_their_columns(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text(thirty.canvas_roster(), encoding="utf-8")
    canvas = read_roster(path)
    assert (canvas.kind, canvas.column, len(canvas.people)) == ("Canvas", "SIS Login ID", 30)
    first = canvas.people[0]
    assert (first.student_id, first.last_name, first.first_name, first.lms_id, first.id_number) == (
        "s00@example.org", "Last0", "First0", "1000", "U0",
    )  # fmt: skip
    assert read_roster(path, "ID").people[0].student_id == "1000"
    path.write_text(MOODLE, encoding="utf-8")
    assert (read_roster(path).kind, read_roster(path).column) == ("Moodle", "Email address")
    path.write_text(PLAIN, encoding="utf-8")
    assert (read_roster(path).kind, read_roster(path).people[0].student_id) == ("plain", "0012")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no column"), (b"\x00\x01\x02", "NUL"), (b"name\nAnn\n", "no column of ids"),
        (b"student_id,email\nann,a@x\nann,b@x\n,c@x\n", r"2 faults.*line 3.*another student's.*line 4.*no id"),
        (b"student_id\n", "no column of ids"), ("student_id\na\u202eb\n".encode(), "is no id"),
        (b"\xff\xfe\x00", "can't be read as a table"), (b"student_id\n" + b'"' + b"x" * 200_000 + b'"\n', "table"),
    ],
)  # fmt: skip
def test_what_is_no_roster_is_refused_with_its_lines(tmp_path, content, said):
    path = tmp_path / "roster.csv"
    path.write_bytes(content)
    with pytest.raises(ClassError, match=said):
        read_roster(path)


def test_the_course_has_names_and_missing_students_in_the_gradebook(thirty_in):
    result = invoke("grade", "in", "--course", "course.toml")
    with Path("gradebook.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert len(rows) == 30
    assert (rows["s01@example.org"]["last_name"], rows["s01@example.org"]["first_name"]) == ("Last1", "First1")
    assert float(rows["s20@example.org"]["score"]) == 0
    assert "handed in nothing: s07@" not in result.stderr
    assert "6 of the roster: handed in nothing: s20@example.org" in result.stderr
    assert '\'=HYPERLINK("http://x","y")' in rows


def test_someone_who_is_not_on_the_roster_is_named(thirty_in):
    Path("export.csv").write_text(thirty.canvas_roster(["S01@Example.org", "s02@example.org"]), encoding="utf-8")
    invoke("init", thirty.COURSE, "--roster", "export.csv")
    said = invoke("grade", "in", "--course", "course.toml").stderr
    assert "s01@example.org: is not on the roster; it has S01@Example.org." in said
    assert "s02@example.org: is not" not in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('zone = "Moon"', "no time zone"), ("more = 1", "more"), ("[late]\npercent_a_day = 10", "due"),
        ("[late]\ndue = 2026-11-25T12:00:00", "no time zone"),
        ("[late]\ndue = 2026-11-25T12:00:00Z\npercent_a_day = 101", "percent_a_day"), ("x = [" + "[" * 9999, "TOML"),
        ("[late]\ndue = 2026-11-25T12:00:00Z\ndays = 2", "What does a day cost"),
    ],
)  # fmt: skip
def test_a_course_file_with_faults_is_refused(tmp_path, change, said):
    path = tmp_path / "course.toml"
    invoke("init", "ml-101", "--out", path)
    path.write_text(path.read_text("utf-8") + "\n" + change, encoding="utf-8")
    with pytest.raises(ClassError, match=said):
        read_course(path)


def test_a_course_file_says_bank_zone_and_late_policy(tmp_path):
    path = tmp_path / "course.toml"
    invoke("init", "ml-101", "--out", path)
    (tmp_path / "mine.toml").write_bytes(bank_path("lesson").read_bytes())
    late = "\n[late]\ndue = 2026-10-24T23:59:00\ngrace_minutes = 5\npercent_a_day = 10\ndays = 2\n"
    path.write_text(path.read_text("utf-8") + 'bank = "mine.toml"\nzone = "Europe/Berlin"\n' + late, encoding="utf-8")
    course = read_course(path)
    assert course.bank == str(tmp_path / "mine.toml")
    assert course.late.due == datetime(2026, 10, 24, 21, 59, tzinfo=UTC)
    assert (course.late.days, course.late.grace) == (2, timedelta(minutes=5))
    assert course.secret not in repr(course)


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("at", "days"),
    [
        ("2026-10-24T21:59:00+00:00", 0),  # due at 23:59 in Berlin, in summer time
        ("2026-10-24T22:03:59+00:00", 0),  # within the grace of five minutes
        ("2026-10-24T22:04:01+00:00", 1),
        ("2026-10-25T22:58:59+00:00", 1),  # 24 hours and 59 minutes later, and still before 23:59 in Berlin
        ("2026-10-25T22:59:01+00:00", 2),
        ("2026-10-25T18:58:59-04:00", 1),  # the same moment from New York
        ("2027-10-24T21:59:00+00:00", 365),
    ],
)  # fmt: skip
def test_f29_a_late_day_ends_at_the_clock_time_of_due_also_where_the_clocks_change(at, days):
    policy = LatePolicy(due_time("2026-10-24T23:59:00", "Europe/Berlin"), 10, grace=timedelta(minutes=5))
    assert policy.days_late(datetime.fromisoformat(at)) == days


def test_f29_in_spring_the_short_day_is_a_day():
    policy = LatePolicy(datetime(2026, 3, 28, 23, 59, tzinfo=BERLIN), 10)
    assert policy.days_late(datetime(2026, 3, 29, 23, 59, tzinfo=BERLIN)) == 1
    assert policy.days_late(datetime(2026, 3, 30, 0, 0, tzinfo=BERLIN)) == 2


@pytest.mark.parametrize(
    ("policy", "before", "late"),
    [
        ((0, 0), 0, Lateness(3, 0, 0.0)), ((10, 0), 0, Lateness(3, 0, 3.0)), ((10, 2), 0, Lateness(3, 2, 1.0)),
        ((10, 5), 0, Lateness(3, 3, 0.0)), ((10, 5), 4, Lateness(3, 1, 2.0)), ((100, 1), 9, Lateness(3, 0, 10.0)),
    ],
)  # fmt: skip
def test_late_days_are_spent_before_marks(policy, before, late):
    found = LatePolicy(thirty.DUE, *policy).lateness(thirty.DUE + timedelta(hours=60), 10.0, before)
    assert found == late


def test_late_days_spent_in_an_earlier_gradebook_are_gone(thirty_in):
    late = ["--due", thirty.DUE.isoformat(), "--late-days", 3, "--late-percent", 10]
    invoke("grade", "in", *late, "--out", "first.csv")
    invoke("grade", "in", *late, "--out", "second.csv", "--earlier", "first.csv")
    seen = {}
    for name in ("first", "second"):
        with Path(f"{name}.csv").open(encoding="utf-8", newline="") as file:
            row = next(row for row in csv.DictReader(file) if row["student_id"] == "s03@example.org")
        seen[name] = (row["days_late"], row["late_days_spent"], float(row["late_submission_penalty"]) > 0)
        assert float(row["score"]) == pytest.approx(float(row["raw_score"]) - float(row["late_submission_penalty"]))
    assert seen == {"first": ("2", "2", False), "second": ("2", "1", True)}
    with pytest.raises(ClassError, match=r"no gradebook none\.csv"):
        invoke("grade", "in", *late, "--out", "second.csv", "--earlier", "none.csv")


def test_f29_times_in_an_archive_are_of_the_zone_or_in_utc_where_it_says_so(tmp_path):
    source = tmp_path / "in.zip"
    with zipfile.ZipFile(source, "w") as archive:
        plain = zipfile.ZipInfo("a.json", (2026, 11, 25, 13, 0, 0))
        archive.writestr(plain, "{}")
        exact = zipfile.ZipInfo("b.json", (2026, 11, 25, 1, 0, 0))
        exact.extra = struct.pack("<HHBi", 0x5455, 5, 1, int(thirty.DUE.timestamp()))
        archive.writestr(exact, "{}")
    found = dict(files_of_archive(source, 10, BERLIN))
    assert [found[name][1] for name in ("a.json", "b.json")] == [thirty.DUE, thirty.DUE]


def test_f31_a_regrade_keeps_the_old_prints_the_difference_and_marks_by_hand_win(thirty_in):
    with pytest.raises(ClassError, match="no gradebook"):
        invoke("regrade", "in")
    invoke("override", "s01@example.org", "quick-qlora", 0.5)
    invoke("grade", "in")
    first = Path("gradebook.csv").read_bytes()
    assert invoke("regrade", "in").stdout.count("changed:") == 0
    assert not Path("gradebook.history").exists()  # nothing changed, nothing to keep
    text = bank_path("lesson").read_text("utf-8")
    start, end = text.index('id = "quantized-base"'), text.index('id = "no-attention"')
    swapped = text[start:end].replace("correct = true\n", "")
    other = text[end:].replace('id = "no-attention"', 'id = "no-attention"\ncorrect = true', 1)
    Path("mine.toml").write_text(text[:start] + swapped + other, encoding="utf-8")
    said = [line for line in invoke("regrade", "in", "--bank", "mine.toml").stdout.splitlines() if "changed" in line]
    assert Path("gradebook.history/0001.csv").read_bytes() == first
    assert json.loads(Path("gradebook.history/0001.details.json").read_text("utf-8"))["kind"]
    assert all("quick-qlora" in line for line in said)
    assert len(said) > 5
    assert any("s01@example.org, quick-qlora: 0.5 by hand stays; the grader alone: " in line for line in said)
    again = {
        one["person"]["student_id"]: one
        for one in json.loads(details_path(Path("gradebook.csv")).read_text())["students"]
    }
    marks = {one["question"]: one for one in again["s01@example.org"]["marks"]}
    assert (marks["quick-qlora"]["points"], marks["quick-qlora"]["manual"]) == (0.5, True)
    invoke("regrade", "in")
    assert Path("gradebook.history/0002.csv").exists()
    assert Path("gradebook.csv").read_bytes() == first


def test_a_details_file_of_another_kind_is_refused_and_left_alone(thirty_in):
    for content in ("{", "[]", '{"kind": "x"}', '{"students": 5, "format": 2}'):
        details_path(Path("gradebook.csv")).write_text(content, encoding="utf-8")
        with pytest.raises(ClassError, match="not the details of a gradebook"):
            invoke("grade", "in")
        assert details_path(Path("gradebook.csv")).read_text("utf-8") == content


def test_a_sheet_has_its_lines(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('a,b,a\n1,"2\n3",4\n\n,,\n5\n', encoding="utf-8")
    assert read_sheet(path).rows == [(3, {"a": "1", "b": "2\n3"}), (6, {"a": "5", "b": ""})]
