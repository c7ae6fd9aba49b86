"""Signs that other tools take for theirs: every text comes out of Moodle, text2qti and jupyterquiz as it stands."""

import json
import re
from html import unescape

import pytest
from test_quiz_exchange import gift_questions

from finetune_lab.quiz.exchange.gift import to_gift
from finetune_lab.quiz.exchange.jupyterquiz import from_jupyterquiz, to_jupyterquiz
from finetune_lab.quiz.exchange.text2qti import to_text2qti
from finetune_lab.quiz.loading import load_bank

HOSTILE = """
schema_version = 1
id = "hostile"
title = "What $x$ and _y_ are"

[[question]]
id = "signs"
kind = "single"
objective = "o"
source = ["S1"]
attempts = 1
prompt = "Is <eos> a & b, $5 and $10, [a](b) ![c](d.png), --site, \\\\(x\\\\)?"
[[question.choice]]
id = "a"
text = "1. <|end|> -> x"
correct = true
feedback = "# &lt; stays"
[[question.choice]]
id = "b"
text = "%20% of {it}"
feedback = "[html]- no"

[[question]]
id = "exact"
kind = "number"
objective = "o"
source = ["S1"]
attempts = 1
prompt = "6 * 7?"
number = { value = 42, tolerance = 0, unit = "", right = "<y>", wrong = "$n" }

[[question]]
id = "small"
kind = "number"
objective = "o"
source = ["S1"]
attempts = 1
prompt = "Which rate?"
number = { value = 0.00002, tolerance = 0.1, unit = "", right = "y", wrong = "n" }
"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    path = tmp_path_factory.mktemp("bank") / "hostile.toml"
    path.write_text(HOSTILE, encoding="utf-8")
    return load_bank(path)


def test_moodle_shows_a_text_as_it_stands(hostile):
    """Moodle takes texts for HTML, `%20%` at a start for a share and `[html]` for a format."""
    text, _ = to_gift(hostile)
    prompt, answers = gift_questions(text)["signs"]
    assert prompt == "[html]" + hostile["signs"].prompt
    assert "<" not in text
    assert [(one, two) for _, one, two in answers] == [(one.text, one.feedback) for one in hostile["signs"].choices]
    assert re.search(r"(?m)^~[%\[]|#\[", text) is None
    assert "=0.00002:0.000002#" in text  # no exponent


def test_text2qti_gets_no_markup_and_no_number_that_it_refuses(hostile):
    text, left_out = to_text2qti(hostile)
    assert left_out == ["small"]
    assert text.startswith("Quiz title: What $x$ and _y_ are\n")
    assert "1. Is &lt;eos&gt; a &amp; b, \\$5 and \\$10, \\[a\\](b) !\\[c\\](d.png), \\--site, \\\\(x\\\\)?" in text
    assert "*a) 1\\. &lt;|end|&gt; -&gt; x\n... \\# &amp;lt; stays" in text


def test_jupyterquiz_shows_a_text_as_it_stands_and_takes_the_ends_of_a_range(hostile, tmp_path):
    text, _ = to_jupyterquiz(hostile)
    signs, exact, _ = json.loads(text)
    shown = [signs["question"], *(answer[key] for answer in signs["answers"] for key in ("answer", "feedback"))]
    assert not re.search(r"[<$\[]", "".join(shown))
    assert unescape(signs["question"]) == hostile["signs"].prompt
    low, high = exact["answers"][0]["range"]
    assert low <= 42 < high  # as jupyterquiz compares
    toml, problems = from_jupyterquiz(text, "back", "Back")
    (tmp_path / "back.toml").write_text(toml, encoding="utf-8")
    assert problems == []
    back = load_bank(tmp_path / "back.toml")
    assert back["signs"].choices == hostile["signs"].choices
    assert back["signs"].prompt == hostile["signs"].prompt
    assert (back["exact"].number.right, back["exact"].number.wrong) == ("<y>", "$n")
    assert back["exact"].number.tolerance == pytest.approx(0, abs=1e-9)
