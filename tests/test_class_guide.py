"""The instructor's guide is followed from start to end, with thirty submissions: every command in it works."""

import re
import shlex
import time
from pathlib import Path

import pytest
import thirty
from typer.testing import CliRunner

from finetune_lab.cli.app import app
from finetune_lab.quiz.loading import bank_path
from finetune_lab.resources import shipped

RENAMED = {"ann@example.org": "s01@example.org"}


def commands():
    """Each command of the guide, in its order, with the files that it names."""
    guide = shipped("quizzes", "INSTRUCTORS.md").read_text(encoding="utf-8")
    found = re.findall(r"^(finetune-lab class .+)$|`(finetune-lab (?:class|quiz) [^`]+)`", guide, re.MULTILINE)
    return [line or inline for line, inline in found]


def follow(line):
    words = [RENAMED.get(word, word) for word in shlex.split(line.partition(" > ")[0])[1:]]
    result = CliRunner().invoke(app, words, input="1\n" * 9)
    assert result.exception is None, (line, result.exception)
    assert result.exit_code in (0, None), (line, result.output)
    return result


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spoiled = thirty.hand_in_all(tmp_path / "submissions")
    assert len(list(Path("submissions").iterdir())) == 30
    assert len(spoiled) == 6
    Path("export.csv").write_text(thirty.canvas_roster(), encoding="utf-8")
    Path("mine.toml").write_bytes(bank_path("lesson").read_bytes())
    return tmp_path


def test_a_new_instructor_follows_the_guide(place):
    assert len(commands()) == 11
    said = [follow(line) for line in commands()]
    assert "30 students" in said[0].stdout
    for name in ("course.toml", "course.roster.csv", "gradebook.csv", "gradebook.details.json", "overrides.csv",
                 "report.html", "gradebook.canvas.csv"):  # fmt: skip
        assert Path(name).stat().st_size > 100, name
    marks = Path("overrides.csv").read_text("utf-8").splitlines()
    assert len(marks) >= 6  # four texts that a person read, one more mark, the columns
    assert sum("for you:" in line for line in said[3].stderr.splitlines()) < 20
    for part in ("20.json: not read", "05.json was changed", "07.json: no seal fits", "to be read: checkpoint-qlora"):
        assert part in said[3].stderr


def test_the_options_in_the_text_exist(place):
    guide = shipped("quizzes", "INSTRUCTORS.md").read_text(encoding="utf-8")
    options = set(re.findall(r"--[a-z]+", guide)) - {"--help"}
    for name in ("init", "assign", "grade", "regrade", "review", "override", "report", "verify", "similar", "export"):
        shown = CliRunner().invoke(app, ["class", name, "--help"], terminal_width=200).output
        options -= {one for one in options if one in shown}
    assert options == set()
    assert len(guide.splitlines()) < 100  # one page


def test_a_hundred_submissions_with_roster_and_report_take_less_than_ten_seconds_of_computing(place):
    follow("finetune-lab class init ml-101 --roster export.csv")
    good = Path("submissions/03.json").read_text("utf-8")
    Path("many").mkdir()
    for number in range(100):
        Path(f"many/{number}.json").write_text(good.replace("s03@example.org", f"s{number:03}"), encoding="utf-8")
    for line in ("grade many --course course.toml", "report many --course course.toml"):
        start = time.process_time()
        follow(f"finetune-lab class {line}")
        assert time.process_time() - start < 10
