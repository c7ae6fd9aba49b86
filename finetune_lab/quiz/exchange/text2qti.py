"""Writes a bank as the plain text that text2qti turns into QTI for Canvas: https://github.com/gpoore/text2qti."""

import re
from html import escape

from finetune_lab.quiz.bank import Bank, Question
from finetune_lab.quiz.exchange.gift import fixed_value
from finetune_lab.quiz.variants import choices_for, prompt_for

MARKUP = re.compile(r"[\\`*_$\[\]]|-(?=-)")
FIRST = re.compile(r"^(\d*)([#+.-])")  # a heading or a list
SMALLEST = 1e-4  # what Canvas keeps of a number, and text2qti refuses to go below


def one_line(text: str) -> str:
    """Plain text on one line: what text2qti would read as Markdown, HTML or mathematics is escaped."""
    flat = escape(" ".join(text.split()), quote=False)
    return FIRST.sub(r"\1\\\2", MARKUP.sub(r"\\\g<0>", flat))


def to_text2qti(bank: Bank, seed: str = "") -> tuple[str, list[str]]:
    """The bank as text2qti's input, and the ids of the questions that it can't hold.

    These are the questions about a run of one's own and those whose right number is, or may be, below 0.0001.
    """
    parts, left_out = [f"Quiz title: {' '.join(bank.title.split())}\n"], []  # the title is no Markdown
    for question in bank.questions:
        body = _body(question, seed)
        if body is None:
            left_out.append(question.id)
            continue
        head = [f"Title: {question.id}", f"Points: {_points(question.points)}"]
        parts.append("\n".join([*head, f"{len(parts)}. {one_line(prompt_for(question, seed))}", *body]) + "\n")
    return "\n".join(parts), left_out


def _points(points: float) -> str:
    return f"{round(points * 2) / 2 or 0.5:g}"  # text2qti takes whole and half points


def _body(question: Question, seed: str) -> list[str] | None:
    general = [f"... {one_line(question.explanation)}"] if question.explanation else []
    if question.kind == "predict":
        return None
    if question.kind == "text":
        return [*general, "____"]
    if question.number is not None:
        value = fixed_value(question, question.number, seed)
        if value is None or abs(value) * (1 - question.number.tolerance) < SMALLEST:
            return None
        right, wrong = f"+ {one_line(question.number.right)}", f"- {one_line(question.number.wrong)}"
        return [*general, right, wrong, f"=   {value:.10g} +- {abs(value) * question.number.tolerance:.10g}"]
    lines = list(general)
    for letter, choice in zip("abcdefghijkl", choices_for(question, seed), strict=False):
        lines += [_mark(question, letter, choice.correct) + one_line(choice.text), f"... {one_line(choice.feedback)}"]
    return lines


def _mark(question: Question, letter: str, correct: bool) -> str:
    if question.kind == "multi":
        return "[*] " if correct else "[ ] "
    return f"*{letter}) " if correct else f"{letter}) "
