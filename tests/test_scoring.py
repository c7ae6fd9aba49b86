"""Scores of records and of free text, with answers as a model really writes them."""

import json

import pytest

from finetune_lab.errors import ConfigError
from finetune_lab.scoring import headline, score

WANTED = '{"intent": "refund", "order_id": null, "count": 1}'


def test_a_record_is_scored_field_by_field() -> None:
    answers = [
        WANTED,
        ' {"count":1, "order_id": null,\n"intent": "refund"}\n',  # order and spaces are free
        '{"intent": "refund", "order_id": "null", "count": 1}',
        '{"intent": "return", "count": 1}',
    ]
    assert score(answers, [WANTED] * 4) == {
        "valid_json": 1.0,
        "field:intent": 0.75,
        "field:order_id": 0.5,
        "field:count": 1.0,
        "fields": 0.75,
        "record": 0.5,
    }


ALMOST = [
    (WANTED + " Message: hello", 1.0, 1.0),  # text after the object
    (WANTED + WANTED, 1.0, 1.0),
    (WANTED[:-1] + ', "more": 1}', 1.0, 1.0),
    (WANTED.replace("1", "true"), 1.0, 0.0),
    (WANTED.replace("1", "1.0"), 1.0, 0.0),
    (WANTED.replace("1", '"1"'), 1.0, 0.0),
    (WANTED.replace("1", "NaN"), 0.0, 0.0),
    (WANTED.replace("1", "-Infinity"), 0.0, 0.0),
    (WANTED[:-1] + ', "count": 1}', 0.0, 0.0),  # a key twice
    ("Record: " + WANTED, 0.0, 0.0),
    (WANTED[:-1], 0.0, 0.0),
    ("[" + WANTED + "]", 0.0, 0.0),
    ("null", 0.0, 0.0),
    ("", 0.0, 0.0),
    ('{"count": ' * 100_000, 0.0, 0.0),
    ('{"count": ' + "1" * 5000 + "}", 0.0, 0.0),
]


@pytest.mark.parametrize(("answer", "valid", "count"), ALMOST)
def test_almost_right_is_no_record(answer: str, valid: float, count: float) -> None:
    scores = score([answer], [WANTED])
    assert (scores["valid_json"], scores["field:count"], scores["record"]) == (valid, count, 0.0)


@pytest.mark.parametrize("depth", range(300, 1100, 7))
def test_deep_answers_are_scored_or_invalid_but_never_raise(depth: int) -> None:
    answer = '{"count": ' * depth + "1" + "}" * depth
    assert score([answer], [WANTED])["record"] == 0.0


def test_a_field_counts_only_where_it_is_expected() -> None:
    scores = score(['{"a": 1}', '{"a": 1}'], ['{"a": 1}', '{"b": 2}'])
    assert scores == {"valid_json": 1.0, "field:a": 1.0, "field:b": 0.0, "fields": 0.5, "record": 0.5}


def test_free_text_is_scored_by_words() -> None:
    scores = score(["The Mill is a pub.\n", "a b b", ""], ["The Mill is a pub.", "A b c d", "x"])
    # second: 2 words in common of 3 and 4: 2 * 2 / 7
    assert scores == {"exact": pytest.approx(1 / 3), "overlap": pytest.approx((1 + 4 / 7 + 0) / 3)}
    assert score([" "], [""]) == {"exact": 1.0, "overlap": 1.0}


def test_one_completion_that_is_no_object_makes_it_free_text() -> None:
    assert set(score([WANTED, "1"], [WANTED, "1"])) == {"exact", "overlap"}
    assert set(score([WANTED], [WANTED + " x"])) == {"exact", "overlap"}


LINES = "ACTION: stop\nORDER: A-10000\nITEM: -"


def test_lines_of_names_and_values_are_a_record() -> None:
    answers = [
        LINES,
        " ORDER:A-10000 \nITEM: -\nACTION: stop\n",  # order and spaces are free
        LINES + "\nACTION: stop",  # a name twice is text that follows
        LINES.replace("stop", "Stop") + "\n\nThank you",
        "ACTION: stop",
        "The " + LINES.lower(),
        "",
    ]
    scores = score(answers, [LINES] * 7)
    assert scores == {
        "valid_lines": 6 / 7,
        "field:ACTION": 4 / 7,
        "field:ORDER": 4 / 7,
        "field:ITEM": 4 / 7,
        "fields": pytest.approx(4 / 7),
        "record": 2 / 7,
    }


@pytest.mark.parametrize("other", ["ANSWER: yes", "A: x\nB: y", LINES + "\nThank you", LINES + "\nITEM: -", "x"])
def test_lines_with_other_names_or_more_text_are_free_text(other: str) -> None:
    assert set(score([LINES, other], [LINES, other])) == {"exact", "overlap"}
    assert set(score(["Q: x"], ["Q: x"])) == {"exact", "overlap"}, "one line may be a sentence"


def test_headline() -> None:
    assert headline(score([WANTED], [WANTED])) == ("fields", 1.0)
    assert headline(score(["a"], ["b"])) == ("overlap", 0.0)
    with pytest.raises(ConfigError, match="nothing was generated"):
        headline({})


@pytest.mark.parametrize(("answers", "expected"), [(["a"], []), ([], []), (["a"], ["a", "b"])])
def test_lengths_have_to_fit(answers: list[str], expected: list[str]) -> None:
    with pytest.raises(ConfigError, match="expected"):
        score(answers, expected)


def test_scores_are_plain_numbers() -> None:
    assert json.loads(json.dumps(score([WANTED], [WANTED])))["record"] == 1.0
