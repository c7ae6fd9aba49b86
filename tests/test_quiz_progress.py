"""The learner's progress file: kept, shared between notebooks, never lost, wherever the home is."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from finetune_lab.errors import LabError
from finetune_lab.quiz.attempts import Attempt, percent
from finetune_lab.quiz.bank import BankError
from finetune_lab.quiz.keeping import VARIABLE, Place, ProgressError, find_place, preferred_folders
from finetune_lab.quiz.own_runs import OwnRun
from finetune_lab.quiz.progress import Progress, file_name

AT = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a space and letters beyond ASCII, as homes have."""
    named = tmp_path / "Zoë's höme 学习" / "progress"
    monkeypatch.setenv(VARIABLE, str(named))
    return named


def attempt(question="quick-qlora", answer="x", verdict="not_yet", minutes=0, **more):
    return Attempt(question, answer, AT + timedelta(minutes=minutes), verdict, 1.0 * (verdict == "pass"), **more)


def test_attempts_are_read_back_as_they_were(folder):
    made = [
        attempt(answer=["a", "b"], confidence=80, from_memory=True, reasons=("why\u2028 <b>",), counts=False),
        attempt(answer="W + BA \ud800 ünd 学", minutes=1),
        attempt(answer=1.5, verdict="pass", minutes=2),
    ]
    progress = Progress("lesson")
    for one in made:
        progress.add(one)
    assert progress.notes == []
    again = Progress("lesson")
    assert again.attempts == made
    assert again.path == folder / "lesson.json"
    assert again.of("nothing") == []
    assert json.loads(again.path.read_text("utf-8"))["attempts"][0]["at"] == "2026-11-25T08:00:00+00:00"


def test_a_seed_has_a_file_of_its_own(folder):
    Progress("lesson", "s/../../é").add(attempt())
    assert Progress("lesson").attempts == []
    assert len(Progress("lesson", "s/../../é").attempts) == 1
    assert [path.name for path in folder.glob("*.json")] == [file_name("lesson", "s/../../é")]


def test_two_notebooks_add_to_one_file(folder):
    one, other = Progress("lesson"), Progress("lesson")
    one.add(attempt(minutes=1))
    other.add(attempt(minutes=2))
    one.add(attempt(minutes=3))
    assert [each.at.minute for each in one.attempts] == [1, 2, 3]
    other.reload()
    assert other.attempts == one.attempts


def test_four_processes_at_once_lose_nothing(folder):
    script = (
        "import sys; from datetime import UTC, datetime\n"
        "from finetune_lab.quiz.attempts import Attempt; from finetune_lab.quiz.progress import Progress\n"
        "progress = Progress('lesson')\n"
        "for n in range(15): progress.add(Attempt('q', f'{sys.argv[1]} {n}', datetime.now(UTC), 'pass', 1.0))\n"
        "assert not progress.trouble"
    )
    running = [subprocess.Popen([sys.executable, "-c", script, str(n)]) for n in range(4)]
    assert [process.wait(timeout=60) for process in running] == [0] * 4
    answers = {one.answer for one in Progress("lesson").attempts}
    assert answers == {f"{process} {n}" for process in range(4) for n in range(15)}
    assert list(folder.glob(".*.partial")) == []


@pytest.mark.parametrize(
    "broken",
    [
        b"", b"{", b"\xff\xfe", b"[" * 100_000, b"[]", b'{"kind": "finetune-lab progress"}',
        b'{"kind": "finetune-lab progress", "format": 1, "bank": "other", "seed": "", "attempts": []}',
        b'{"kind": "finetune-lab progress", "format": 1, "bank": "lesson", "seed": "", "attempts": [{"question": 1}]}',
        b'{"kind": "finetune-lab progress", "format": 1, "bank": "lesson", "seed": "", "attempts": [{"question": "q", '
        b'"answer": 1, "at": "2026-02-31T00:00:00Z", "verdict": "pass", "score": 1}]}',
    ],
)  # fmt: skip
def test_a_broken_file_is_kept_aside_and_said(folder, broken):
    folder.mkdir(parents=True)
    (folder / "lesson.json").write_bytes(broken)
    progress = Progress("lesson")
    assert progress.attempts == []
    assert len(progress.notes) == 1
    assert "kept as lesson.json.broken-" in progress.notes[0]
    assert "\n" not in progress.notes[0]
    progress.add(attempt())
    assert [path.read_bytes() for path in folder.glob("*.broken-*")] == [broken]
    assert len(Progress("lesson").attempts) == 1


def test_a_file_that_breaks_meanwhile_costs_nothing(folder):
    progress = Progress("lesson")
    progress.add(attempt(minutes=1))
    progress.path.write_text("{", encoding="utf-8")
    progress.add(attempt(minutes=2))
    assert [one.at.minute for one in Progress("lesson").attempts] == [1, 2]
    assert len(list(folder.glob("*.broken-*"))) == 1


def test_a_file_of_a_newer_version_is_left_as_it_is(folder):
    folder.mkdir(parents=True)
    text = '{"kind": "finetune-lab progress", "format": 99}'
    (folder / "lesson.json").write_text(text, encoding="utf-8")
    with pytest.raises(ProgressError, match="format 99"):
        Progress("lesson")
    assert (folder / "lesson.json").read_text("utf-8") == text


def test_without_the_variable_the_home_is_asked_then_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert preferred_folders() == [tmp_path / "home/.finetune_lab/progress", tmp_path / "progress"]
    assert find_place() == Place(tmp_path / "home/.finetune_lab/progress")


def blocked(folder):
    """A path that nothing can be written below: as root, permissions refuse nothing, a file in the way does."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("not a folder", encoding="utf-8")
    return folder / "progress"


def test_where_the_home_cant_be_written_the_working_folder_serves_and_it_is_said(tmp_path):
    home, here = blocked(tmp_path / "home"), tmp_path / "here"
    progress = Progress("lesson", place=find_place([home, here]))
    progress.add(attempt())
    assert (here / "lesson.json").is_file()
    assert len(progress.notes) == 1
    assert str(home) in progress.notes[0]
    assert str(here) in progress.notes[0]
    assert VARIABLE in progress.notes[0]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_home_is_read_and_continued_elsewhere(tmp_path):
    home, here = tmp_path / "home", tmp_path / "here"
    Progress("lesson", place=find_place([home])).add(attempt(minutes=1))
    home.chmod(0o500)
    try:
        progress = Progress("lesson", place=find_place([home, here]))
        progress.add(attempt(minutes=2))
    finally:
        home.chmod(0o700)
    assert [one.at.minute for one in Progress("lesson", place=Place(here)).attempts] == [1, 2]


def test_what_an_unfit_folder_holds_is_taken_over_once(tmp_path):
    home, here = tmp_path / "home", tmp_path / "here"
    Progress("lesson", place=find_place([home])).add(attempt(minutes=1))
    here.mkdir()
    place = Place(here, ((home, "Read-only file system"),))
    Progress("lesson", place=place).add(attempt(minutes=2))
    assert [one.at.minute for one in Progress("lesson", place=place).attempts] == [1, 2]


def test_where_nothing_can_be_written_answers_last_as_long_as_the_kernel(tmp_path):
    place = find_place([blocked(tmp_path / "a"), blocked(tmp_path / "b")])
    assert place.folder is None
    progress = Progress("lesson", place=place)
    progress.add(attempt())
    assert len(progress.attempts) == 1
    assert "only until the kernel ends" in progress.notes[0]


def test_an_answer_that_cant_be_written_waits_and_is_written_with_the_next(folder, monkeypatch):
    progress = Progress("lesson")
    progress.add(attempt(minutes=1))

    def full(self, target):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        progress.add(attempt(minutes=2))
    assert "No space left" in progress.trouble
    assert [one.at.minute for one in Progress("lesson").attempts] == [1]
    progress.add(attempt(minutes=3))
    assert progress.trouble == ""
    assert [one.at.minute for one in Progress("lesson").attempts] == [1, 2, 3]
    assert list(folder.glob(".*.partial")) == []


def test_a_kill_in_mid_write_leaves_the_old_file(folder):
    progress = Progress("lesson")
    progress.add(attempt(minutes=1))
    script = (
        "import os; from pathlib import Path; from datetime import UTC, datetime\n"
        "from finetune_lab.quiz.attempts import Attempt; from finetune_lab.quiz.progress import Progress\n"
        "Path.replace = lambda self, target: os._exit(9)\n"
        "Progress('lesson').add(Attempt('q', 'x', datetime.now(UTC), 'pass', 1.0))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    assert Progress("lesson").attempts == progress.attempts
    progress.add(attempt(minutes=2))  # its lock went with it
    assert progress.trouble == ""


def test_a_confidence_is_a_percentage():
    given = (None, 80, "80 %", 0.8, "0", 100, 1, 99.6)
    assert [percent(one) for one in given] == [None, 80, 80, 80, 0, 100, 1, 100]
    for wrong in (101, -1, "sure", True, float("nan"), [], "1e999"):
        with pytest.raises(BankError, match="percentage"):
            percent(wrong)


def test_the_quiz_needs_no_torch_and_no_widgets():
    script = (
        "import sys, finetune_lab.quiz.session, finetune_lab.classroom.handing_in\n"
        "print([name for name in ('torch', 'ipywidgets', 'IPython', 'numpy') if name in sys.modules])"
    )
    seen = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True).stdout
    assert seen.strip() == "[]"
    assert issubclass(ProgressError, LabError)


def test_an_own_run_says_when_it_began_in_words():
    run = OwnRun(Path("/elsewhere/run"), "lora", "2026-11-25T04:41:01+00:00", {})
    assert str(run) == "lora in /elsewhere/run, begun 2026-11-25 04:41:01 UTC"
