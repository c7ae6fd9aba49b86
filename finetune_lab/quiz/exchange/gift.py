"""Writes a bank as Moodle GIFT: https://docs.moodle.org/en/GIFT_format.

Moodle takes every text for HTML and drops tags that it doesn't know, so a text's `<eos>` is written `&lt;eos&gt;`.
"""

import re
from decimal import Decimal
from html import escape

from finetune_lab.quiz.bank import Bank, Choice, NumberKey, Question
from finetune_lab.quiz.quantities import MissingRunError, quantity_number
from finetune_lab.quiz.variants import choices_for, prompt_for, values_for

SPECIAL = re.compile(r"([\\~=#{}:])")
FIRST = re.compile(r"^[%\[]")  # at the start of a text, `%20%` is a share of the points and `[html]` a format


def escaped(text: str) -> str:
    """The text with GIFT's own signs escaped, on one line."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))


def shown(text: str) -> str:
    """Plain text as Moodle shows it: HTML with GIFT's own signs escaped."""
    return escaped(FIRST.sub(lambda match: f"&#{ord(match[0])};", escape(text.strip(), quote=False)))


def to_gift(bank: Bank, seed: str = "") -> tuple[str, list[str]]:
    """The bank as GIFT, and the ids of the questions that it can't hold: those about a run of one's own.

    A free-text question becomes an essay: Moodle has no grader for its rubric.
    """
    parts, left_out = [f"// {bank.title}\n$CATEGORY: {escaped(bank.id)}\n"], []
    for question in bank.questions:
        body = _body(question, seed)
        if body is None:
            left_out.append(question.id)
        else:
            parts.append(f"::{escaped(question.id)}::[html]{shown(prompt_for(question, seed))} {{{body}}}\n")
    return "\n".join(parts), left_out


def _body(question: Question, seed: str) -> str | None:
    if question.kind == "predict":
        return None
    if question.kind == "text":
        return f"####{shown(question.explanation)}" if question.explanation else ""
    general = f"\n####{shown(question.explanation)}" if question.explanation else ""
    if question.number is not None:
        number = _number(question, question.number, seed)
        return None if number is None else number + general
    lines = [_choice(question, choice) for choice in choices_for(question, seed)]
    return "\n" + "\n".join(lines) + general + "\n"


def _choice(question: Question, choice: Choice) -> str:
    """`single`: = and ~. `multi`: shares that add up to 100 for the right ones and to -100 for the wrong ones."""
    text = f"{shown(choice.text)}#{shown(choice.feedback)}"
    if question.kind == "single":
        return ("=" if choice.correct else "~") + text
    alike = sum(other.correct == choice.correct for other in question.choices)
    share = (100 if choice.correct else -100) / alike
    return f"~%{share:.5f}".rstrip("0").rstrip(".") + f"%{text}"


def _number(question: Question, key: NumberKey, seed: str) -> str | None:
    value = fixed_value(question, key, seed)
    if value is None:
        return None
    return f"#\n={_digits(value)}:{_digits(abs(value) * key.tolerance)}#{shown(key.right)}\n~#{shown(key.wrong)}\n"


def _digits(value: float) -> str:
    """In full: not every reader of GIFT takes an exponent."""
    return f"{Decimal(f'{value:.10g}'):f}"


def fixed_value(question: Question, key: NumberKey, seed: str) -> float | None:
    """The right number, where it does not depend on the learner's own run."""
    if key.value is not None:
        return key.value
    try:
        return quantity_number(key.quantity or "", values_for(question, seed))
    except MissingRunError:
        return None
