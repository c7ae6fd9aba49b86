"""A bank is read whole or refused with every fault and its place; the shipped one covers the lesson."""

import json
import random
import re
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest

from finetune_lab.quiz.bank import Bank, BankError
from finetune_lab.quiz.grading import grade
from finetune_lab.quiz.loading import bank_schema, load_bank
from finetune_lab.quiz.schema import faults_of
from finetune_lab.quiz.variants import choices_for, prompt_for, values_for
from finetune_lab.resources import shipped

CHECKPOINTS = ("checkpoint-full", "checkpoint-adapters", "checkpoint-lora", "checkpoint-qlora")
GOOD = """
schema_version = 1
id = "small"
title = "A small bank"

[[question]]
id = "one"
kind = "single"
objective = "Know"
source = ["S1"]
prompt = "Which?"
hints = ["Think."]

[[question.choice]]
id = "a"
text = "This"
correct = true
feedback = "Yes."

[[question.choice]]
id = "b"
text = "That"
feedback = "No."
"""


@pytest.fixture(scope="module")
def lesson() -> Bank:
    return load_bank("lesson")


def fault_of(tmp_path: Path, text: str) -> str:
    path = tmp_path / "bank.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BankError) as caught:
        load_bank(path)
    return str(caught.value)


def test_the_lesson_has_the_named_questions_and_many_more(lesson):
    kinds = {question.id: question.kind for question in lesson.questions}
    assert {kinds[name] for name in CHECKPOINTS} == {"text"}
    assert {kinds[name] for name in ("quick-adapters", "quick-qlora")} == {"single"}
    assert len(kinds) >= 30
    assert set(kinds.values()) == {"single", "multi", "number", "predict", "text"}


def test_every_statement_of_the_source_is_asked(lesson):
    asked = {statement for question in lesson.questions for statement in question.source}
    assert asked == {f"S{number}" for number in range(1, 17)}


def test_the_quick_check_says_that_it_is_inferred(lesson):
    for name in ("quick-adapters", "quick-qlora"):
        assert lesson[name].provenance.startswith("Inferred:")


def test_choices_differ_and_the_right_one_is_not_always_first_or_longest(lesson):
    single = [question for question in lesson.questions if question.kind == "single"]
    first = sum(question.choices[0].correct for question in single)
    longest = sum(max(question.choices, key=lambda choice: len(choice.text)).correct for question in single)
    assert len(single) >= 15
    assert first < 0.6 * len(single)
    assert longest < 0.7 * len(single)
    for question in lesson.questions:
        texts = [choice.feedback for choice in question.choices]
        assert len(set(texts)) == len(texts)


def test_a_good_bank_is_read(tmp_path):
    path = tmp_path / "bank.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert load_bank(path).ids == ["one"]


def test_all_faults_are_listed_with_question_and_line(tmp_path):
    bad = (
        GOOD.replace('kind = "single"', 'kind = "riddle"')
        .replace('feedback = "No."', "")
        .replace('source = ["S1"]', 'source = ["S17"]')
    )
    message = fault_of(tmp_path, bad)
    assert message.startswith("bank.toml can't be used: 3 faults:")
    assert "line 8, question one, kind: 'riddle' is none of" in message
    assert "line 10, question one, source.0: 'S17' is not written like" in message
    assert "line 20, question one, choice.1: 'feedback' is missing" in message


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("correct = true\n", ""), "exactly one choice must be correct, not 0"),
        (('id = "b"', 'id = "a"'), "the choice id 'a' stands twice"),
        (('hints = ["Think."]', ""), "needs a hint"),
        (('prompt = "Which?"', 'prompt = "Which {r}?"'), "the prompt names {r}, but variant has no such list"),
        (("schema_version = 1", "schema_version = 2"), "this must be 1, not 2"),
        (('title = "A small bank"', "title = 3"), "this must be a text, not 3"),
        (('title = "A small bank"', 'title = "x"\nowner = "me"'), "there is no key 'owner'"),
        (('kind = "single"', 'kind = "number"'), "'number' is missing"),
        (('title = "A small bank"', "title = "), "is not TOML"),
    ],
)
def test_a_fault_is_named(tmp_path, change, fault):
    assert fault in fault_of(tmp_path, GOOD.replace(*change))


def test_a_question_twice_is_a_fault(tmp_path):
    question = GOOD[GOOD.index("[[question]]") :]
    assert "the id 'one' stands twice in the bank" in fault_of(tmp_path, GOOD + question)


def test_faults_of_a_rubric_are_named(tmp_path):
    rubric = """
[[question]]
id = "free"
kind = "text"
objective = "Say"
source = ["S1"]
prompt = "Why?"
hints = ["Hm."]

[question.rubric]
pass = 3.0
partial = 1.0

[[question.rubric.idea]]
id = "one"
accept = ["change(wheights)", "change weights"]
missing = "what?"

[[question.rubric.misconception]]
id = "wrong"
accept = ["change(data)"]
say = "No."
unless = ["two"]
"""
    message = fault_of(tmp_path, GOOD + rubric)
    assert "names unknown concepts: wheights" in message
    assert "'change weights' is no pattern" in message
    assert "unless names no idea 'two'" in message
    assert "no answer can reach pass = 3" in message


def test_unreadable_files_are_one_line(tmp_path):
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    broken = tmp_path / "broken.toml"
    broken.write_bytes(b"title = '\xff'")
    for path in (folder, broken, tmp_path / "missing.toml"):
        with pytest.raises(BankError) as caught:
            load_bank(path)
        assert "\n" not in str(caught.value)


def test_our_schema_reader_agrees_with_jsonschema(tmp_path):
    from jsonschema import Draft202012Validator

    reference = Draft202012Validator(bank_schema())
    source = shipped("quizzes", "lesson.toml").read_text(encoding="utf-8")
    data = tomllib.loads(source)
    chance = random.Random(0)
    refused = 0
    for _ in range(150):
        broken = json.loads(json.dumps(data["question"][chance.randrange(len(data["question"]))]))
        bank = {**{name: data[name] for name in ("schema_version", "id", "title")}, "question": [broken]}
        parts = [part for part in walk(bank) if part]
        part = chance.choice(parts)
        key = chance.choice(list(part)) if isinstance(part, dict) else chance.randrange(len(part))
        if chance.random() < 0.3:
            part.pop(key)
        else:
            part[key] = chance.choice([None, True, -1, 0.5, "", "x", "X Y", [], {}, ["S1"], 10**6])
        ours = next(faults_of(bank, bank_schema()), None) is None
        assert ours == reference.is_valid(bank), (part, key)
        refused += not ours
    assert 50 <= refused < 150


def walk(value):
    """Every table and list in the data."""
    if isinstance(value, dict | list):
        yield value
        for part in value.values() if isinstance(value, dict) else value:
            yield from walk(part)


def test_random_bytes_never_raise_anything_else(tmp_path):
    chance = random.Random(1)
    path = tmp_path / "bank.toml"
    read = 0
    for _ in range(150):
        text = bytearray(GOOD.encode())
        for _ in range(chance.randint(1, 6)):
            text[chance.randrange(len(text))] = chance.randrange(256)
        path.write_bytes(bytes(text))
        with suppress(BankError):  # nothing else may come out
            load_bank(path)
            read += 1
    assert read < 150


def test_a_seed_chooses_numbers_and_order_for_ever(lesson):
    question = lesson["lora-count"]
    seen = {tuple(values_for(question, f"student-{number}").values()) for number in range(40)}
    assert len(seen) >= 10
    assert values_for(question, "ada") == values_for(question, "ada")
    assert "{" not in prompt_for(question, "ada")
    orders = {tuple(choice.id for choice in choices_for(lesson["quick-qlora"], f"s{number}")) for number in range(30)}
    assert len(orders) == 6


def test_the_examples_of_the_guides_work(tmp_path):
    head = 'schema_version = 1\nid = "guide"\ntitle = "Guide"\n'
    readme, rubrics = (shipped("quizzes", name).read_text(encoding="utf-8") for name in ("README.md", "RUBRICS.md"))
    (tmp_path / "readme.toml").write_text(re.search(r"(?s)```toml\n(.*?)```", readme)[1], encoding="utf-8")
    (tmp_path / "rubrics.toml").write_text(head + re.search(r"(?s)```toml\n(.*?)```", rubrics)[1], encoding="utf-8")
    assert len(load_bank(tmp_path / "readme.toml").questions) == 3
    question = load_bank(tmp_path / "rubrics.toml")["why-freezing-saves"]
    samples = re.findall(r'(?m)^- "(.+?)" \((pass|partial|a misconception)\)$', rubrics)
    assert [label for _, label in samples] == ["pass", "partial", "a misconception"]
    assert [grade(question, answer).verdict for answer, _ in samples] == ["pass", "partial", "not_yet"]
    assert grade(question, samples[2][0]).fired[0].startswith("misconception")
