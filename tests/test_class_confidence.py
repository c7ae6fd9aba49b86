"""How sure a student was travels with the answer, and the report says where the class is surer than it is right."""

import json
from datetime import UTC, datetime

import pytest

import finetune_lab as lab
from finetune_lab.classroom.faults import SubmissionError
from finetune_lab.classroom.grading import Order, graded
from finetune_lab.classroom.report.confidence import misjudged
from finetune_lab.classroom.report.page import report_page
from finetune_lab.classroom.submission import Answered, Attempt, submission_from
from finetune_lab.classroom.writing import read_answers, write_submission
from finetune_lab.quiz.loading import load_bank
from finetune_lab.quiz.session import QuizSession

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
RIGHT, WRONG = "quantized-base", "no-descent"


def hand_in(folder, student, answer, confidence):
    attempts = (Attempt(answer, NOW, confidence),)
    answers = [Answered("lesson", "quick-qlora", attempts), Answered("lesson", "quick-adapters", attempts[:1])]
    return write_submission(folder / f"{student}.json", student, "ml-101", answers)


def book_of(folder):
    return graded(Order(folder, "lesson", folder / "out.csv", folder / "overrides.csv")).book


def test_it_is_in_the_file_and_comes_back(tmp_path):
    path = hand_in(tmp_path, "ann", RIGHT, 95)
    found = submission_from(path.read_bytes())
    assert found.answers[0].attempts[0].confidence == 95
    assert found.broken_seals == ()


def test_a_file_without_it_is_read_as_ever_and_one_that_is_edited_breaks_its_seal(tmp_path):
    path = hand_in(tmp_path, "ann", RIGHT, None)
    assert "confidence" not in path.read_text(encoding="utf-8")
    assert submission_from(path.read_bytes()).answers[0].attempts[0].confidence is None
    data = json.loads(path.read_bytes())
    data["answers"][0]["attempts"][0]["confidence"] = 5
    assert submission_from(json.dumps(data).encode()).broken_seals == ("answers lesson quick-qlora",)


@pytest.mark.parametrize("given", [101, -1, "95", 0.5, True])
def test_what_is_no_percentage_is_refused(tmp_path, given):
    with pytest.raises(SubmissionError, match="confidence"):
        hand_in(tmp_path, "ann", RIGHT, given)
    assert list(tmp_path.iterdir()) == []


def test_it_can_stand_in_a_file_of_answers(tmp_path):
    file = tmp_path / "answers.jsonl"
    file.write_text('{"question": "quick-qlora", "answer": "quantized-base", "confidence": 75}\n', encoding="utf-8")
    assert read_answers(file, "lesson")[0].attempts[0].confidence == 75


def test_what_a_learner_says_in_the_quiz_is_handed_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FINETUNE_LAB_PROGRESS", str(tmp_path / "progress"))
    QuizSession(load_bank("lesson")).answer("quick-qlora", RIGHT, confidence=75)
    lab.submit(student="ann", course="ml-101")
    found = submission_from((tmp_path / "submission.json").read_bytes())
    assert [one.confidence for one in found.answers[0].attempts] == [75]


def test_the_report_shows_where_the_class_is_surer_than_right(tmp_path):
    for number in range(6):
        hand_in(tmp_path, f"s{number}", WRONG if number < 4 else RIGHT, 95)
    book = book_of(tmp_path)
    worst = misjudged(book)
    assert [(one.question, one.answers, one.sure_and_wrong) for one in worst] == [
        ("quick-adapters", 6, 6),  # both are no choice of it
        ("quick-qlora", 6, 4),
    ]
    assert worst[1].said == 95
    assert worst[1].right == pytest.approx(100 / 3)
    page = report_page(book)
    assert "surer than it was right, by 78 points on average, over 12 answers" in page
    assert "Surer than right, the furthest first" in page


def test_a_report_without_any_says_so(tmp_path):
    hand_in(tmp_path, "ann", RIGHT, None)
    assert "No answer says how sure its writer was." in report_page(book_of(tmp_path))
