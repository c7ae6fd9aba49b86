"""The grader's second reader: what it learned, when it overrules the rules and when it may not, and its reasons."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from finetune_lab.quiz.agreement import SET_ASIDE, read_labelled
from finetune_lab.quiz.grading import grade
from finetune_lab.quiz.loading import BankError, load_bank
from finetune_lab.quiz.text.claims import read
from finetune_lab.quiz.text.likeness import VERDICTS, Likeness, Opinion, likeness_named, runs
from finetune_lab.quiz.text.settling import settled
from finetune_lab.quiz.text.words import lexicon
from finetune_lab.resources import shipped

BUILD = Path(__file__).resolve().parents[1] / "data" / "build"
NAMES = ["checkpoint-full", "checkpoint-adapters", "checkpoint-lora", "checkpoint-qlora"]


def tokens(text):
    return read(text, lexicon()).tokens


def opinion(not_yet, partial, passed):
    return Opinion(dict(zip(VERDICTS, (not_yet, partial, passed), strict=True)), {})


@pytest.fixture(scope="module")
def learner():
    spec = importlib.util.spec_from_file_location("learn_likeness", BUILD / "learn_likeness.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_shipped_weights_are_what_is_learned_of_the_answers(learner):
    name = "checkpoint-lora"
    again = json.loads(learner.learned(name, load_bank("lesson")[name].rubric.words))
    kept = json.loads(shipped("quizzes", "likeness", f"{name}.json").read_text(encoding="utf-8"))
    assert len(kept["weights"]) >= 3_000
    assert kept["weights"].keys() == again["weights"].keys()
    apart = [
        abs(one - other)
        for run in kept["weights"]
        for one, other in zip(kept["weights"][run], again["weights"][run], strict=True)
    ]
    assert max(apart) <= 1  # hundredths: another processor may round the last digit otherwise


def test_every_file_was_learned_without_the_parts_that_are_set_aside(learner):
    assert {path.stem for path in shipped("quizzes", "likeness").glob("*.json")} == set(NAMES)
    splits = {one.split for one in read_labelled(shipped("quizzes", "answers", "checkpoint-lora.jsonl"))}
    assert splits >= SET_ASIDE
    assert learner.SET_ASIDE == SET_ASIDE


def test_learning_tells_the_kinds_apart(learner):
    answers = [{"frozen base": 1, "@freeze": 1}] * 9 + [{"whole model": 1}] * 9 + [{"dunno": 1}] * 9
    learned = json.loads(learner.as_json(learner.learn(answers, ["pass"] * 9 + ["partial"] * 9 + ["not_yet"] * 9)))
    best = {run: VERDICTS[weights.index(max(weights))] for run, weights in learned["weights"].items()}
    assert best == {"frozen base": "pass", "@freeze": "pass", "whole model": "partial", "dunno": "not_yet"}


def test_runs_are_words_and_concepts_with_their_places():
    found = dict(runs(tokens("weights move")))
    assert found["weight"] == found["@weights"] == (0, 1)
    assert found["weight mov"] == found["@weights change"] == (0, 2)
    assert found["| weight"] == (0, 1)
    assert found["@weights change |"] == (0, 2)


def test_shares_add_up_and_unknown_words_leave_it_silent():
    likeness = Likeness((0.0, 0.0, 0.0), {"weight": (-1.0, 0.0, 2.0), "mov": (0.0, 0.5, 0.0)})
    assert likeness.of(tokens("cucumber salad")) is None
    heard = likeness.of(tokens("weights move"))
    assert sum(heard.shares.values()) == pytest.approx(1)
    assert max(heard.shares, key=heard.shares.get) == "pass"
    assert heard.telling("pass") == [(0, 1)]
    assert heard.telling("partial") == [(1, 2)]


@pytest.mark.parametrize(
    ("found", "shares", "may_pass", "expected"),
    [
        ("pass", (0.2, 0.2, 0.6), True, "pass"),
        ("not_yet", (0.01, 0.01, 0.98), True, "pass"),  # a sure reader outvotes an unsure one
        ("not_yet", (0.01, 0.01, 0.98), False, "not_yet"),  # not where words can't tell
        ("not_yet", (0.2, 0.1, 0.7), True, "not_yet"),
        ("partial", (0.0, 0.2, 0.8), True, "partial"),  # 34 % to pass: not likely
        ("pass", (0.4, 0.4, 0.2), True, "pass"),  # the rules have reasons
        ("pass", (0.1, 0.9, 0.0), True, "partial"),
        ("review", (0.0, 0.0, 1.0), True, "review"),  # a person reads it
        ("review", (0.9, 0.05, 0.05), True, "not_yet"),
    ],
)
def test_one_verdict_of_two_readers(found, shares, may_pass, expected):
    verdict, sure = settled(found, opinion(*shares), may_pass)
    assert verdict == expected
    assert 0 <= sure <= 1


def test_without_an_opinion_the_rules_stand():
    assert settled("partial", None, True) == ("partial", 1.0)


def test_a_right_answer_in_words_that_no_rule_has_passes_with_its_own_words_as_the_reason():
    result = grade(
        load_bank("lesson")["checkpoint-full"],
        "literally all of it lol. every single knob in the base model gets wiggled",
    )
    assert result.verdict == "pass"
    assert "found not_yet, reads like pass" in result.fired[-1]
    assert result.reasons[0].endswith("reads like answers that are right.")
    assert '"knob"' in result.reasons[0]
    assert not any(reason.startswith("Still missing") for reason in result.reasons)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("checkpoint-adapters", "They are neither cheaper nor faster."),
        ("checkpoint-full", "There is no weight that is updated."),
        ("checkpoint-full", "The adapter is trained, but the base isn't."),
        ("checkpoint-qlora", "The frozen base isn't stored in 4 bits."),
    ],
)
def test_the_opposite_in_the_same_words_never_passes(name, answer):
    question = load_bank("lesson")[name]
    assert question.rubric.likeness is not None
    assert grade(question, answer).verdict != "pass"


def test_a_gate_stops_what_reads_well():
    heap = "weights base all the of model update every gets trained and parameters are changed"
    result = grade(load_bank("lesson")["checkpoint-full"], heap)
    assert (result.verdict, result.fired[0][:4]) == ("not_yet", "gate")


def test_a_rubric_that_names_nothing_learned_is_a_fault(tmp_path):
    bank = tmp_path / "bank.toml"
    text = shipped("quizzes", "lesson.toml").read_text(encoding="utf-8")
    bank.write_text(text.replace('likeness = "checkpoint-lora"', 'likeness = "nobody-knows"'), encoding="utf-8")
    with pytest.raises(BankError, match=r"checkpoint-lora.*nothing was learned of answers to 'nobody-knows'"):
        load_bank(bank)
    assert likeness_named("nobody-knows") is None
