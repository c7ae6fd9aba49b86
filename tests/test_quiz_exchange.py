"""Banks go to Moodle, Canvas and jupyterquiz and, from jupyterquiz, come back the same."""

import json
import re
from html import unescape

import pytest

from finetune_lab.quiz.bank import BankError
from finetune_lab.quiz.exchange.gift import escaped, to_gift
from finetune_lab.quiz.exchange.jupyterquiz import from_jupyterquiz, to_jupyterquiz
from finetune_lab.quiz.exchange.text2qti import one_line, to_text2qti
from finetune_lab.quiz.grading import Learner, grade
from finetune_lab.quiz.loading import load_bank


@pytest.fixture(scope="module")
def lesson():
    return load_bank("lesson")


def unescaped(text):
    return unescape(re.sub(r"\\([\\~=#{}:])", r"\1", text))


def gift_questions(text):
    """Title -> (prompt, [(mark, answer text, feedback)]), by the grammar of Moodle's documentation."""
    found = {}
    for title, prompt, body in re.findall(r"(?ms)^::((?:\\.|[^:])*)::(.*?)(?<!\\)\{(.*?)(?<!\\)\}", text):
        answers = re.findall(r"(?m)^(=|~(?:%-?[\d.]+%)?)((?:\\.|[^#~=\n])*)#((?:\\.|[^#~=\n])*)", body)
        found[unescaped(title)] = (
            unescaped(prompt).strip(),
            [(mark, unescaped(one), unescaped(two)) for mark, one, two in answers],
        )
    return found


def flat(text):
    return " ".join(text.split())


def test_gift_holds_every_choice_with_its_feedback(lesson):
    text, left_out = to_gift(lesson)
    read_back = gift_questions(text)
    assert set(read_back) == {question.id for question in lesson.questions} - set(left_out)
    compared = 0
    for question in lesson.questions:
        if question.kind in ("single", "multi"):
            _, answers = read_back[question.id]
            assert [(flat(choice.text), flat(choice.feedback)) for choice in question.choices] == [
                (one, two) for _, one, two in answers
            ]
            right = [mark == "=" or (mark.startswith("~%") and "-" not in mark) for mark, _, _ in answers]
            assert right == [choice.correct for choice in question.choices]
            compared += 1
    assert compared >= 20


def test_shares_of_a_multiple_choice_add_up(lesson):
    text, _ = to_gift(lesson)
    for question in lesson.questions:
        if question.kind == "multi":
            marks = [mark for mark, _, _ in gift_questions(text)[question.id][1]]
            assert sum(float(mark.strip("~%")) for mark in marks if "-" not in mark) == pytest.approx(100, abs=0.001)


def test_own_run_questions_are_left_out_and_named(lesson):
    for write in (to_gift, to_text2qti, to_jupyterquiz):
        _, left_out = write(lesson)
        assert "run-percent" in left_out
        assert "predict-component" in left_out
        assert "lora-count" not in left_out


def test_signs_of_gift_are_escaped():
    assert escaped("a = {b}: ~c#\n\\d") == "a \\= \\{b\\}\\: \\~c\\# \\\\d"


def test_text2qti_has_one_block_a_question(lesson):
    text, left_out = to_text2qti(lesson)
    blocks = re.findall(r"(?m)^Title: (.+)\nPoints: ([\d.]+)\n(\d+)\. (.+)$", text)
    assert [title for title, *_ in blocks] == [
        question.id for question in lesson.questions if question.id not in left_out
    ]
    assert [int(number) for *_, number, _ in blocks] == list(range(1, len(blocks) + 1))
    assert "____" in text
    for question in lesson.questions:
        if question.kind == "single":
            block = text[text.index(f"Title: {question.id}\n") :].split("\n\n")[0]
            right = [line for line in block.splitlines() if re.match(r"\*[a-l]\) ", line)]
            assert right == [
                line
                for choice in question.choices
                if choice.correct
                for line in block.splitlines()
                if one_line(choice.text) in line and line.startswith("*")
            ]
            assert len(right) == 1
        if question.kind == "multi":
            block = text[text.index(f"Title: {question.id}\n") :].split("\n\n")[0]
            assert len(re.findall(r"(?m)^\[\*\] ", block)) == sum(choice.correct for choice in question.choices)


def test_what_text2qti_would_read_as_markup_is_escaped():
    assert one_line("$W$ *x* `y`") == "\\$W\\$ \\*x\\* \\`y\\`"
    assert not one_line("1. first").startswith("1.")
    assert not one_line("- first").startswith("-")


def test_jupyterquiz_round_trip_gives_the_same_questions(lesson, tmp_path):
    text, left_out = to_jupyterquiz(lesson)
    toml, problems = from_jupyterquiz(text, "back", lesson.title)
    path = tmp_path / "back.toml"
    path.write_text(toml, encoding="utf-8")
    back = load_bank(path)
    assert problems == []
    assert back.ids == [name for name in lesson.ids if name not in left_out]
    for question in back.questions:
        original = lesson[question.id]
        assert question.choices == original.choices
        assert (question.kind, question.objective, question.source, question.hints) == (
            original.kind, original.objective, original.source, original.hints,
        )  # fmt: skip
        if question.number:
            right = question.number.value
            assert grade(original, right, Learner()).verdict == "pass"
            assert question.number.tolerance == pytest.approx(original.number.tolerance, rel=1e-6)


def test_a_foreign_jupyterquiz_file_becomes_a_bank(tmp_path):
    entries = [
        {
            "question": "What is 2 {+} 2?",
            "type": "numeric",
            "answers": [
                {"type": "value", "value": 4, "correct": True, "feedback": "Yes"},
                {"type": "default", "feedback": "No"},
            ],
        },
        {
            "question": "Which?",
            "type": "multiple_choice",
            "answers": [{"answer": "this", "correct": True}, {"code": "that()", "correct": False, "feedback": "No."}],
        },
        {
            "question": "Which?",
            "type": "many_choice",
            "answers": [
                {"answer": "a", "correct": True, "feedback": "1"},
                {"answer": "b", "correct": True, "feedback": "2"},
            ],
        },
        {"question": "Say it", "type": "string", "answers": []},
        {"type": "numeric"},
    ]
    toml, problems = from_jupyterquiz(json.dumps(entries), "foreign", 'Title with "quotes"')
    path = tmp_path / "foreign.toml"
    path.write_text(toml, encoding="utf-8")
    bank = load_bank(path)
    assert bank.ids == ["what-is-2-2", "which", "which-2"]
    assert len(problems) == 2
    assert grade(bank["what-is-2-2"], "4").verdict == "pass"


@pytest.mark.parametrize("text", ["", "{}", "[1]", "[" * 100_000, "nonsense"])
def test_what_is_no_jupyterquiz_file_is_an_error(text):
    with pytest.raises(BankError):
        from_jupyterquiz(text, "x", "x")
