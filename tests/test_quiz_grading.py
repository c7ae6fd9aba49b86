"""Choices, numbers, predictions and the own run are graded on the spot; a bad line never stops a file."""

import json

import pytest

from finetune_lab.quiz.answers_file import LineError, grade_file
from finetune_lab.quiz.bank import BankError
from finetune_lab.quiz.grading import Learner, grade
from finetune_lab.quiz.loading import load_bank
from finetune_lab.quiz.numbers import read_number
from finetune_lab.quiz.quantities import QUANTITIES
from finetune_lab.quiz.variants import values_for

FULL = {
    "method": "full",
    "trainable_parameters": 5_870_000,
    "total_parameters": 5_870_000,
    "artifact_bytes": 23_480_000,
}
MEASURED = {"base_weights": 23_480_000, "gradients": 23_480_000, "optimizer": 46_960_000, "activations": 9_000_000}
LORA = {"method": "lora", "rank": 8, "alpha": 16, "trainable_parameters": 240_000, "total_parameters": 6_110_000,
        "artifact_bytes": 970_000, "tokens_per_second": 2000.0}  # fmt: skip
RUNS = (
    {**FULL, "memory": {"measured": MEASURED}},
    {
        **LORA,
        "memory": {"measured": {**MEASURED, "gradients": 960_000, "optimizer": 1_920_000, "activations": 8_000_000}},
    },
    {
        **LORA,
        "method": "qlora",
        "tokens_per_second": 1500.0,
        "memory": {"measured": {"base_weights": 7_000_000, "quantization_state": 400_000}},
    },
)


@pytest.fixture(scope="module")
def lesson():
    return load_bank("lesson")


@pytest.mark.parametrize(
    ("written", "unit", "value"),
    [
        ("4.5", "bits", 4.5), ("4,5", "bits", 4.5), ("about 4.5 bits", "bits", 4.5), (4.5, "bits", 4.5),
        ("1.2e6", "parameters", 1.2e6), ("1.2 M", "parameters", 1.2e6), ("1,234,567", "parameters", 1234567),
        ("1.234.567", "parameters", 1234567), ("1 234 567", "parameters", 1234567), ("65,536", "parameters", 65536),
        ("1.2 million parameters", "parameters", 1.2e6), ("0.24M", "parameters", 240000), ("= 65536", "", 65536),
        ("12 MiB", "bytes", 12 * 1024**2), ("12 MB", "bytes", 12e6), ("1,5 GB", "bytes", 1.5e9), ("3500 MB", "GB", 3.5),
        ("25 %", "%", 25), ("25", "%", 25), ("2x", "times", 2), ("3.5 GiB", "GB", 3.758096384), ("1.234,5", "", 1234.5),
        ("-0,5", "", -0.5), (".5", "", 0.5), ("1.2 x 10^6", "parameters", 1.2e6), ("0,039", "%", 0.039),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(written, unit, value):
    assert read_number(written, unit).value == pytest.approx(value)


@pytest.mark.parametrize(
    "written", ["", "four", "4 or 5", None, True, [4], "1e999", float("nan"), "9" * 500, "3 GB of 4"]
)
def test_what_is_no_number_is_said_so(written):
    result = read_number(written, "bits")
    assert result.value is None
    assert result.fault


def test_the_wrong_kind_of_unit_is_named(lesson):
    result = grade(lesson["base-size"], "3.5 bits")
    assert result.verdict == "not_yet"
    assert "GB" in result.reasons[0]


def test_every_right_choice_passes_and_every_wrong_one_has_its_feedback(lesson):
    graded = 0
    for question in lesson.questions:
        if question.kind not in ("single", "multi"):
            continue
        right = [choice.id for choice in question.choices if choice.correct]
        assert grade(question, right).verdict == "pass"
        for choice in question.choices:
            result = grade(question, choice.id)
            assert choice.feedback in result.reasons
            assert (result.verdict == "pass") == (right == [choice.id])
            graded += 1
    assert graded > 60


def test_a_choice_may_be_named_by_its_text(lesson):
    answer = "Keeping the frozen base model  quantized while training adapters."
    assert grade(lesson["quick-qlora"], answer).verdict == "pass"
    assert grade(lesson["quick-adapters"], ["They make overfitting impossible"]).verdict == "not_yet"


def test_some_of_the_right_choices_are_partial(lesson):
    question = lesson["peft-benefits"]
    assert grade(question, ["memory", "rollback"]).verdict == "partial"
    assert grade(question, ["memory", "small-file", "rollback", "never-worse"]).verdict == "partial"
    assert grade(question, ["never-worse"]).verdict == "not_yet"
    assert grade(question, []).verdict == "not_yet"


@pytest.mark.parametrize("answer", [None, 3, {"a": 1}, [1], ["nonsense"], "", [["lora"]], "x" * 10**6])
def test_a_strange_answer_is_graded_and_never_raises(lesson, answer):
    for question in lesson.questions:
        assert grade(question, answer).verdict in ("not_yet", "review")


def test_two_students_get_their_own_number(lesson):
    question = lesson["lora-count"]
    answers = {}
    for seed in ("ada", "bob", "cy", "di"):
        values = values_for(question, seed)
        answers[seed] = values["r"] * (values["d_in"] + values["d_out"])
        assert grade(question, answers[seed], Learner(seed)).verdict == "pass"
    assert len(set(answers.values())) > 1
    values = values_for(question, "ada")
    slip = grade(question, values["d_in"] * values["d_out"], Learner("ada"))
    assert slip.reasons == ["That is the frozen matrix itself. Count the two thin ones beside it."]


def test_the_own_run_is_asked_and_graded(lesson):
    learner = Learner("", RUNS)
    right = {
        "run-percent": 100 * 240_000 / 6_110_000, "run-gradient-bytes": "960 kB",
        "run-scale": 2, "run-artifact": "0.97 MB",
        "run-base-ratio": 23.48 / 7.4, "predict-component": "optimizer", "predict-speed": "lora",
    }  # fmt: skip
    for name, answer in right.items():
        assert grade(lesson[name], answer, learner).verdict == "pass", name
    assert grade(lesson["predict-component"], "base-weights", learner).verdict == "not_yet"
    assert "averages" in grade(lesson["run-gradient-bytes"], 1_920_000, learner).reasons[0]


def test_without_the_run_the_answer_is_kept(lesson):
    waiting = [
        question for question in lesson.questions if any(name.startswith("run_") for name in question.quantities)
    ]
    assert len(waiting) >= 6
    for question in waiting:
        answer = question.choices[0].id if question.choices else 1
        for runs in ((), ({"method": "lora"},), ({"method": "lora", "memory": {"measured": []}},), ("junk",)):
            result = grade(question, answer, Learner("", runs))
            assert result.verdict == "review"
            assert result.reasons[0].startswith("Kept.")


def test_no_quantity_is_left_unused_or_unknown(lesson):
    used = {name for question in lesson.questions for name in question.quantities}
    assert used <= set(QUANTITIES)
    assert len(used) >= 15


def test_a_bad_line_is_an_error_for_that_line_only(tmp_path, lesson):
    path = tmp_path / "answers.jsonl"
    lines = [
        json.dumps({"question": "quick-qlora", "answer": "quantized-base"}), "{broken", "[1]", '{"answer": 1}',
        '{"question": "none", "answer": 1}', '{"question": "quick-qlora"}', "", "[" * 100_000,
        '{"question": "quick-qlora", "answer": NaN}',
        json.dumps({"question": "quick-qlora", "answer": ["quantized-base"]}),
    ]  # fmt: skip
    path.write_bytes("\n".join(lines).encode() + b"\n\xff\xfe\n")
    results = list(grade_file(path, [lesson], Learner()))
    assert [getattr(result, "verdict", "error") for result in results] == [
        "pass",
        *["error"] * 6,
        "not_yet",
        "pass",
        "error",
    ]
    assert [result.line for result in results if isinstance(result, LineError)] == [2, 3, 4, 5, 6, 8, 11]


def test_an_unreadable_file_is_an_error(tmp_path, lesson):
    with pytest.raises(BankError, match="can't be read"):
        grade_file(tmp_path / "missing.jsonl", [lesson], Learner())
    with pytest.raises(BankError, match="can't be read"):
        grade_file(tmp_path, [lesson], Learner())


def test_a_line_may_carry_its_own_seed(tmp_path, lesson):
    values = values_for(lesson["lora-count"], "ada")
    entry = {"question": "lora-count", "answer": values["r"] * (values["d_in"] + values["d_out"]), "seed": "ada"}
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps(entry), encoding="utf-8")
    (result,) = grade_file(path, [lesson], Learner("bob"))
    assert result.verdict == "pass"
