"""Submissions become a gradebook: the instructor's bank decides, a person's marks win, nothing is half done."""

import csv
import json
import multiprocessing
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from finetune_lab.classroom.batch import read_batch
from finetune_lab.classroom.cells import cell
from finetune_lab.classroom.course import Course, read_course
from finetune_lab.classroom.details import details_path
from finetune_lab.classroom.faults import ClassError, SubmissionError
from finetune_lab.classroom.grading import Order, grade_class
from finetune_lab.classroom.late import LatePolicy
from finetune_lab.classroom.marking import marks_of
from finetune_lab.classroom.seeding import student_seed
from finetune_lab.classroom.storing import held, replace_text
from finetune_lab.classroom.submission import Answered, Attempt, submission_from
from finetune_lab.classroom.writing import run_record, write_submission
from finetune_lab.cli.classes import classes
from finetune_lab.quiz.loading import bank_path, load_bank
from finetune_lab.quiz.quantities import quantity_number
from finetune_lab.quiz.variants import values_for

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
TEXT = {
    "checkpoint-full": "All the base model's weights are updated.",
    "checkpoint-adapters": "Only few parameters are trained, so each experiment is cheaper and simpler.",
    "checkpoint-lora": "The frozen base stays as it is and two small low-rank matrices are trained beside it.",
    "checkpoint-qlora": "The frozen base is stored in 4 bits while the adapters train.",
}


def answered(question, *answers, bank="lesson"):
    return Answered(bank, question, tuple(Attempt(one, NOW) for one in answers))


def all_answers():
    """Right answers to the choices and texts of the lesson."""
    found = []
    for question in load_bank("lesson").questions:
        right = [choice.id for choice in question.choices if choice.correct]
        if question.choices and not question.outcome:
            found.append(answered(question.id, right))
        elif question.kind == "text":
            found.append(answered(question.id, "I don't know", TEXT.get(question.id, "All weights")))
        else:
            found.append(answered(question.id, 4.5, "about 65,536"))
    return found


def hand_in(folder, student, answers=None, name=None, **more):
    folder.mkdir(exist_ok=True)
    given = [answered("quick-qlora", "quantized-base")] if answers is None else answers
    return write_submission(folder / (name or f"{student}.json"), student, "ml-101", given, **more)


def grade(tmp_path, **more):
    given = {"bank": "lesson", "out": tmp_path / "gradebook.csv", "overrides": tmp_path / "overrides.csv", **more}
    return grade_class(Order(tmp_path / "in", **given))


def rows(tmp_path):
    with (tmp_path / "gradebook.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_best_of_the_allowed_attempts_counts(tmp_path):
    tries = {
        "a": ["no-descent", "quantized-base"],
        "b": ["no-descent", "no-attention", "quantized-base"],
        "c": ["quantized-base", "no-descent"],
    }
    for student, answers in tries.items():
        hand_in(tmp_path / "in", student, [answered("quick-qlora", *answers)])
    book, changed = grade(tmp_path)
    marks = {row.student: next(mark for mark in row.marks if mark.question == "quick-qlora") for row in book.rows}
    assert {student: (mark.points, mark.attempt) for student, mark in marks.items()} == {
        "a": (1.0, 2), "b": (0.0, 1), "c": (1.0, 1),
    }  # fmt: skip
    assert changed == []


def test_the_instructors_key_decides(tmp_path):
    hand_in(tmp_path / "in", "ann", [answered("quick-qlora", "no-attention")])
    mine = tmp_path / "mine.toml"
    text = bank_path("lesson").read_text(encoding="utf-8")
    start = text.index('id = "quantized-base"')
    end = text.index('id = "no-attention"')
    changed = text[start:end].replace("correct = true\n", "")
    mine.write_text(
        text[:start] + changed + text[end:].replace('id = "no-attention"', 'id = "no-attention"\ncorrect = true', 1),
        encoding="utf-8",
    )
    grade(tmp_path)
    assert float(rows(tmp_path)[0]["quick-qlora"]) == 0
    _, changed = grade(tmp_path, bank=mine)
    assert float(rows(tmp_path)[0]["quick-qlora"]) == 1
    assert changed == ["ann, quick-qlora: 0 -> 1"]


def test_what_a_student_claims_of_a_verdict_is_no_part_of_a_submission(tmp_path):
    path = hand_in(tmp_path / "in", "ann")
    data = json.loads(path.read_text("utf-8"))
    data["answers"][0]["verdict"] = "pass"
    with pytest.raises(SubmissionError, match="verdict"):
        submission_from(json.dumps(data).encode())


def test_a_hundred_submissions_take_less_than_ten_seconds(tmp_path):
    answers = all_answers()
    assert len(answers) >= 30
    for number in range(100):
        hand_in(tmp_path / "in", f"student-{number:03}", answers, seed=str(number))
    start = time.process_time()
    book, _ = grade(tmp_path)
    assert len(book.rows) == 100
    assert [row["student_id"] for row in rows(tmp_path)] == [f"student-{number:03}" for number in range(100)]
    assert time.process_time() - start < 10
    assert book.rows[0].raw > 15


def test_the_same_submissions_give_the_same_bytes(tmp_path):
    for student in ("b", "a", "ä"):
        hand_in(tmp_path / "in", student, all_answers())
    grade(tmp_path)
    first = [path.read_bytes() for path in (tmp_path / "gradebook.csv", details_path(tmp_path / "gradebook.csv"))]
    grade(tmp_path)
    assert first == [path.read_bytes() for path in (tmp_path / "gradebook.csv", tmp_path / "gradebook.details.json")]
    details = json.loads(first[1])
    mark = next(one for one in details["students"][0]["marks"] if one["question"] == "quick-qlora")
    assert details["grader"]
    assert mark["fired"] == ["chose quantized-base"]


def test_marks_by_hand_win_and_survive(tmp_path):
    hand_in(tmp_path / "in", "ann", [answered("checkpoint-full", "x" * 5000)])
    book, _ = grade(tmp_path)
    assert [mark.question for mark in book.rows[0].open] == ["checkpoint-full"]
    given = ["override", "ann", "checkpoint-full", "0.75", "--bank", "lesson", "--note", "=said it aloud"]
    place = ["--overrides", str(tmp_path / "overrides.csv")]
    assert CliRunner().invoke(classes, [*given, *place]).exit_code == 0
    given[1:4] = ["zoe, who was ill", "quick-qlora", "1"]
    assert CliRunner().invoke(classes, [*given, *place]).exit_code == 0
    for _ in range(2):
        book, _ = grade(tmp_path)
        assert [(row.student, row.raw, len(row.open)) for row in book.rows] == [
            ("ann", 0.75, 0),
            ("zoe, who was ill", 1.0, 0),
        ]
    assert "'=said it aloud" in (tmp_path / "overrides.csv").read_text("utf-8")


def test_every_fault_of_the_marks_by_hand_is_listed_before_anything_is_written(tmp_path):
    hand_in(tmp_path / "in", "ann")
    (tmp_path / "overrides.csv").write_text("student_id,question,points,note\nann,nothing,nan,\n,quick-qlora,-1,\n")
    with pytest.raises(ClassError, match=r"4 faults.*line 2.*nothing.*line 2.*nan.*line 3.*line 3"):
        grade(tmp_path)
    assert not (tmp_path / "gradebook.csv").exists()


def test_an_id_copied_from_the_gradebook_is_the_students(tmp_path):
    hand_in(tmp_path / "in", "=ann", name="a.json")
    (tmp_path / "overrides.csv").write_text("student_id,question,points,note\n'=ann,quick-qlora,0.5,\n")
    book, _ = grade(tmp_path)
    assert [(row.student, row.raw) for row in book.rows] == [("=ann", 0.5)]


@pytest.mark.parametrize(
    "sign", ["=", "+", "-", "@", "\t=", "\r@", " =", "\u00a0+", "\u200b=", "\n=", "\uff1d", "\ufeff-", "|"]
)
def test_formulas_are_defused(sign):
    assert cell(f"{sign}cmd()").startswith("'")
    assert not set("\t\r\n") & set(cell(f"{sign}cmd()"))


def test_names_stay_names_and_numbers_stay_numbers(tmp_path):
    assert cell("Zoë O'Neill-Müller 山田") == "Zoë O'Neill-Müller 山田"
    hand_in(tmp_path / "in", '=HYPERLINK("x","y")', name="a.json")
    grade(tmp_path)
    line = (tmp_path / "gradebook.csv").read_text("utf-8").splitlines()[1]
    assert '"\'=HYPERLINK(""x"",""y"")"' in line
    assert ",1.0,0.0,1.0," in line


def test_late_days_cost_their_share_by_the_files_time(tmp_path):
    for student, hours in (("early", -1), ("one", 1), ("two", 25), ("years", 24 * 900)):
        path = hand_in(tmp_path / "in", student)
        os.utime(path, (NOW.timestamp() + hours * 3600,) * 2)
    book, _ = grade(tmp_path, late=LatePolicy(NOW, 10))
    assert [(row.student, row.penalty) for row in book.rows] == [
        ("early", 0.0), ("one", 0.1), ("two", 0.2), ("years", 1.0),
    ]  # fmt: skip
    assert [row["score"] for row in rows(tmp_path)] == ["1.0", "0.9", "0.8", "0.0"]


def test_with_the_secret_the_variant_is_the_one_that_was_given(tmp_path):
    bank = load_bank("lesson")
    question = next(one for one in bank.questions if one.number and one.number.quantity == "lora_scaling")
    seed = student_seed("s" * 16, "ml-101", "ann")
    right = {str(n): quantity_number("lora_scaling", values_for(question, str(n))) for n in range(99)}
    own = quantity_number("lora_scaling", values_for(question, seed))
    other, answer = next((name, value) for name, value in right.items() if value != own)
    submission = submission_from(
        hand_in(tmp_path / "in", "ann", [answered(question.id, answer)], seed=other).read_bytes()
    )
    points = [
        next(mark.points for mark in marks_of(submission, bank, secret) if mark.question == question.id)
        for secret in (None, "s" * 16)
    ]
    assert points[0] == 1
    assert points[1] < 1
    book, _ = grade(tmp_path, course=Course("ml-101", "s" * 16, seeds=True))
    assert ["another seed" in note.what for note in book.notes] == [True]
    assert seed != student_seed("s" * 16, "ml-101", "bob")


def test_a_run_is_recorded_and_graded_by(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    summary = {"method": "lora", "trainable_parameters": 240_000, "rank": 8, "alpha": 16, "run_dir": "/home/ann/run"}
    asked = {"method": {"method": "lora"}, "config": {"seed": 0}, "started": "", "machine": "", "versions": {}}
    (folder / "run.json").write_text(json.dumps({**asked, "summary": summary}), encoding="utf-8")
    events = [{"event": "Stepped", "step": step, "loss": None if step == 3 else 1 / step} for step in range(1, 5001)]
    (folder / "events.jsonl").write_text("\n".join(json.dumps(one) for one in events) + '\n{"event', encoding="utf-8")
    record = run_record(folder)
    assert record["summary"]["run_dir"] == "run"
    assert 1_000 < len(record["curve"]["steps"]) <= 2_000
    hand_in(tmp_path / "in", "ann", [answered("run-gradient-bytes", "960 kB")], runs=[folder])
    hand_in(tmp_path / "in", "bob", [answered("run-gradient-bytes", "960 kB")])
    book, _ = grade(tmp_path)
    verdicts = [[mark.verdict for mark in row.marks if mark.question == "run-gradient-bytes"] for row in book.rows]
    assert verdicts == [["pass"], ["review"]]
    assert [note.what for note in book.all_notes] == ["no run was handed in for: run-gradient-bytes."]
    assert [row.open for row in book.rows] == [[], []]
    with pytest.raises(ClassError):
        run_record(tmp_path)


def test_a_run_record_that_makes_no_sense_stops_nobody(tmp_path):
    hand_in(tmp_path / "in", "ann", [answered(one, "960 kB") for one in load_bank("lesson").ids])
    path = tmp_path / "in" / "ann.json"
    data = json.loads(path.read_text("utf-8"))
    run = {"method": {}, "config": {}, "started": "", "machine": "", "versions": {}, "hashes": {}}
    odd = {"method": ["lora"], "rank": {}, "trainable_parameters": 10**18, "memory": {"measured": [1]}, "alpha": -0.0}
    for summary in (odd, {**odd, "method": "lora", "rank": 0}, {"method": "full", "memory": {"measured": {}}}):
        data["runs"].append({**run, "summary": summary, "curve": {"steps": [], "losses": []}})
    path.write_text(json.dumps(data), encoding="utf-8")
    assert len(grade(tmp_path)[0].rows) == 1


def _grade_at_once(folder):
    grade(Path(folder))


def test_two_graders_at_once_and_a_killed_one_leave_a_whole_gradebook(tmp_path):
    for number in range(5):
        hand_in(tmp_path / "in", f"s{number}", all_answers())
    grade(tmp_path)
    whole = (tmp_path / "gradebook.csv").read_bytes()
    processes = [multiprocessing.get_context("fork").Process(target=_grade_at_once, args=(tmp_path,)) for _ in range(4)]
    for process in processes:
        process.start()
    time.sleep(0.15)
    os.kill(processes[0].pid, signal.SIGKILL)
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes[1:]] == [0, 0, 0]
    assert (tmp_path / "gradebook.csv").read_bytes() == whole
    grade(tmp_path)
    assert (tmp_path / "gradebook.csv").read_bytes() == whole


def _killed_at(folder, replacing):
    """Grade, and be killed when the given one of the two files is about to take its place."""
    replace, left = Path.replace, [replacing]

    def kill_or_replace(path, target):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(path, target)

    Path.replace = kill_or_replace
    grade(Path(folder))


@pytest.mark.parametrize("replacing", [1, 2])
def test_a_kill_in_mid_write_leaves_the_old_gradebook_and_the_next_grading_mends_it(tmp_path, replacing):
    hand_in(tmp_path / "in", "ann")
    grade(tmp_path)
    old = (tmp_path / "gradebook.csv").read_bytes()
    hand_in(tmp_path / "in", "bob")
    process = multiprocessing.get_context("fork").Process(target=_killed_at, args=(tmp_path, replacing))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert (tmp_path / "gradebook.csv").read_bytes() == old
    json.loads(details_path(tmp_path / "gradebook.csv").read_text("utf-8"))
    grade(tmp_path)
    assert [row["student_id"] for row in rows(tmp_path)] == ["ann", "bob"]


def test_who_came_and_went_is_said_once(tmp_path):
    hand_in(tmp_path / "in", "ann")
    grade(tmp_path)
    (tmp_path / "in" / "ann.json").unlink()
    hand_in(tmp_path / "in", "bob")
    assert grade(tmp_path)[1] == ["bob: new", "ann: no longer there"]


def test_a_busy_or_unwritable_place_is_said_so(tmp_path):
    with held(tmp_path / "x"), pytest.raises(ClassError, match="Another process"), held(tmp_path / "x", 0.05):
        pass
    with pytest.raises(ClassError, match="can't be written"):
        replace_text(tmp_path / "nowhere" / "x", "")
    (tmp_path / "in").mkdir()
    with pytest.raises(ClassError, match="among the submissions"):
        grade(tmp_path, out=tmp_path / "in" / "gradebook.csv")
    assert list((tmp_path / "in").iterdir()) == []


def test_the_command_says_what_needs_a_person(tmp_path):
    hand_in(tmp_path / "in", "ann", [answered("checkpoint-full", "x" * 5000), answered("no-such", 1)])
    (tmp_path / "in" / "broken.json").write_text("{", encoding="utf-8")
    arguments = ["grade", str(tmp_path / "in"), "--bank", "lesson", "--out", str(tmp_path / "book.csv")]
    result = CliRunner().invoke(classes, [*arguments, "--due", "2099-01-01T00:00:00Z"])
    assert result.exit_code == 0, result.exception
    for part in ("broken.json: not read", "no question no-such", "to be read: checkpoint-full"):
        assert part in result.stderr
    assert "1 students, 3 things for you" in result.stdout
    for wrong in (
        ["--due", "tomorrow"],
        ["--due", "2026-11-25T00:00:00"],
        ["--course", "none.toml"],
        ["--zone", "Moon/Tycho"],
    ):
        assert isinstance(CliRunner().invoke(classes, [*arguments, *wrong]).exception, ClassError)


def test_the_future_is_noted(tmp_path, monkeypatch):
    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=5)

    monkeypatch.setattr("finetune_lab.classroom.writing.datetime", Later)
    hand_in(tmp_path / "in", "ann")
    monkeypatch.undo()
    book, _ = grade(tmp_path)
    assert ["future" in note.what for note in book.all_notes] == [True]
    assert len(read_batch(tmp_path / "in").counted) == 1


def test_a_student_writes_and_the_instructor_grades(tmp_path):
    lines = [
        '{"question": "quick-qlora", "answer": "no-descent"}',
        "",
        '{"question": "quick-qlora", "answer": "quantized-base"}',
    ]
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "in").mkdir()
    arguments = [
        "submit",
        str(path),
        "--student",
        "ann",
        "--course",
        "ml-101",
        "--out",
        str(tmp_path / "in" / "a.json"),
    ]
    assert CliRunner().invoke(classes, arguments).exit_code == 0
    book, _ = grade(tmp_path)
    assert [(row.student, row.raw) for row in book.rows] == [("ann", 1.0)]
    path.write_text('{"question": 1}\n[]\n{"question": "q", "answer": 1, "at": "soon"}\n{', encoding="utf-8")
    assert "4 faults: (1) line 1" in str(CliRunner().invoke(classes, arguments).exception)


def test_a_secret_is_made_once_and_gives_each_student_a_seed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("export.csv").write_text("\ufeffName,SIS Login ID\nAnn,ann\nZoe,zoe\nAnn,ann\n,\n", encoding="utf-8")
    made = ["init", "ml-101", "--roster", "export.csv"]
    assert CliRunner().invoke(classes, made).exit_code == 0
    course = read_course(Path("course.toml"))
    assert (course.id, [one.student_id for one in course.people]) == ("ml-101", ["ann", "zoe"])
    assert Path("course.toml").stat().st_mode & 0o077 == 0
    assert isinstance(CliRunner().invoke(classes, made[:2]).exception, ClassError)
    table = CliRunner().invoke(classes, ["assign"]).stdout.splitlines()
    assert table == [
        "student_id,seed",
        *(f"{one},{student_seed(course.secret, 'ml-101', one)}" for one in ("ann", "zoe")),
    ]
    Path("export.csv").write_text("Name,SIS Login ID\nZoe,zoe\nBob,bob\n", encoding="utf-8")
    assert CliRunner().invoke(classes, made).stdout.splitlines()[:2] == ["new: bob", "gone: ann"]
    assert read_course(Path("course.toml")).secret == course.secret
    Path("course.toml").write_text('course = "ml-101"\nsecret = "short"\n', encoding="utf-8")
    assert isinstance(CliRunner().invoke(classes, ["assign"]).exception, ClassError)
