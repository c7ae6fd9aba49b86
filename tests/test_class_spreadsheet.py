"""Tables that people open in a spreadsheet and save: ids come back as they were, and letters of everywhere too."""

import csv
import io
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import thirty
from test_class_course import invoke

from finetune_lab.classroom.cells import kept_cell, uncelled
from finetune_lab.classroom.roster import read_roster
from finetune_lab.classroom.submission import Answered, Attempt
from finetune_lab.classroom.writing import write_submission

IDS = [
    "00123456",
    "1e5",
    "3-4",
    "12345678901234567890",
    "123456789012",
    "mar1",
    "true",
    "Zoë O'Neill-山田",
    "s7",
    "2.50",
    "'t Hooft",
]


def remade(text):
    """A cell as spreadsheets save it: numbers without their zeros, dates as their country writes them."""
    if re.fullmatch(r"\d+", text):
        return text.lstrip("0") or "0" if len(text) < 12 else f"{float(text):.5E}"
    if re.fullmatch(r"\d+e\d+|\d+\.\d+", text):
        return f"{float(text):g}"
    if re.fullmatch(r"\d+-\d+|[a-z]{3}\d+", text):
        return "04. Mrz"
    return text.upper() if text in ("true", "false") else text


def by_rule(path):
    """Saved by a spreadsheet that does what several do, with semicolons as in half of the world."""
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf"), "without it Excel reads the letters wrong"
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";")
    writer.writerows([remade(one) for one in row] for row in csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    path.write_text(out.getvalue(), encoding="utf-16", newline="")


def by_libreoffice(path):
    """Opened by the real one, saved in its own form, opened again and saved as CSV."""
    there = path.parent / "libreoffice"
    office = ["soffice", f"-env:UserInstallation={(there / 'profile').as_uri()}", "--headless", "--convert-to"]
    for what, form in ((path, "ods"), (there / path.with_suffix(".ods").name, "csv")):
        command = [*office, form, "--outdir", str(there), str(what)]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    (there / path.name).replace(path)


SAVED = [
    by_rule,
    pytest.param(by_libreoffice, marks=pytest.mark.skipif(not shutil.which("soffice"), reason="no LibreOffice here")),
]


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Students with ids that spreadsheets remake, each with a text that a person reads."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    Path("class.csv").write_text("student_id,name\n" + "".join(f"{one},Ann\n" for one in IDS), encoding="utf-8")
    invoke("init", thirty.COURSE, "--roster", "class.csv")
    for number, student in enumerate(IDS):
        answers = [
            Answered("lesson", "checkpoint-qlora", (Attempt(thirty.unread(number % len(thirty.UNREAD)), thirty.DUE),))
        ]
        write_submission(Path("in", f"{number}.json"), student, thirty.COURSE, answers)
    return tmp_path


@pytest.mark.parametrize("save", SAVED)
def test_roster_sheet_and_marks_survive_a_spreadsheet(course, save):
    save(course / "course.roster.csv")
    assert [one.student_id for one in read_roster(course / "course.roster.csv").people] == IDS
    invoke("review", "in", "--course", "course.toml", "--sheet", "sheet.csv")
    rows = list(csv.reader(io.StringIO(Path("sheet.csv").read_text("utf-8-sig"))))
    for row in rows[1:]:
        row[2] = "0.5" if row[1] == "*" else ""
    with Path("sheet.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)
    save(course / "sheet.csv")
    assert invoke("review", "in", "--course", "course.toml", "--apply", "sheet.csv").stdout.startswith("11 marks")
    save(course / "overrides.csv")
    invoke("grade", "in", "--course", "course.toml")
    with Path("gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
        graded = {row["student_id"]: row["checkpoint-qlora"] for row in csv.DictReader(file)}
    assert graded == dict.fromkeys(IDS, "0.5")


def test_a_mark_in_front_comes_off_again_and_nothing_else_does():
    for text in [*IDS, "=1+1", "-5", "@x", "", "'", "Ann", "12", "4-bit weights", "a 007", "=", "'007"]:
        assert uncelled(kept_cell(text)) == text
    assert [kept_cell(text) for text in ("s7", "12", "Ann", "4-bit weights")] == ["s7", "12", "Ann", "4-bit weights"]
