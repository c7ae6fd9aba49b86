"""Reads and writes jupyterquiz's JSON: https://github.com/jmshea/jupyterquiz.

Its questions have no ids, so one is made from the text. What it lacks (objective, source, hints) stands in extra keys
that jupyterquiz passes over; without them, an import leaves a plain note to say what is missing.

Its texts are HTML in which `$` begins mathematics and `[` a link; ours are plain.
"""

import json
import math
import re
from collections.abc import Callable
from html import escape, unescape
from typing import Any

from finetune_lab.quiz.bank import Bank, BankError, Question
from finetune_lab.quiz.exchange.gift import fixed_value
from finetune_lab.quiz.variants import prompt_for

KINDS = {"multiple_choice": "single", "many_choice": "multi", "numeric": "number"}
TO_DO = "TO DO: say why."


def shown(text: str) -> str:
    """Plain text as jupyterquiz shows it."""
    return escape(text, quote=False).replace("$", "&#36;").replace("[", "&#91;")


def to_jupyterquiz(bank: Bank, seed: str = "") -> tuple[str, list[str]]:
    """The bank as JSON, and the ids of the questions that it can't hold: free text, and those about a run."""
    entries, left_out = [], []
    for question in bank.questions:
        entry = _entry(question, seed)
        if entry is None:
            left_out.append(question.id)
        else:
            entries.append(entry)
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n", left_out


def _entry(question: Question, seed: str) -> dict[str, Any] | None:
    extra = {
        "id": question.id, "objective": question.objective, "source": list(question.source),
        "hints": list(question.hints),
        "points": question.points, "attempts": question.attempts, "explanation": question.explanation,
    }  # fmt: skip
    if question.kind in ("single", "multi"):
        answers = [
            {
                "answer": shown(choice.text),
                "correct": choice.correct,
                "feedback": shown(choice.feedback),
                "id": choice.id,
            }
            for choice in question.choices
        ]
        kind = "multiple_choice" if question.kind == "single" else "many_choice"
        return {"question": shown(prompt_for(question, seed)), "type": kind, "answers": answers, **extra}
    if question.kind != "number" or question.number is None:
        return None
    value = fixed_value(question, question.number, seed)
    if value is None:
        return None
    width = abs(value) * question.number.tolerance
    right = {
        "type": "range",
        "range": [value - width, math.nextafter(value + width, math.inf)],  # its end is not in it
        "correct": True,
        "feedback": shown(question.number.right),
    }
    wrong = {"type": "default", "feedback": shown(question.number.wrong)}
    return {"question": shown(prompt_for(question, seed)), "type": "numeric", "answers": [right, wrong],
            "unit": question.number.unit, **extra}  # fmt: skip


def from_jupyterquiz(text: str, bank_id: str, title: str) -> tuple[str, list[str]]:
    """A bank in TOML, and what could not be taken over, by question.

    Raises:
        BankError: this is no jupyterquiz file.
    """
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BankError(f"This is not JSON: {error}.", "Name a file of jupyterquiz questions.") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BankError("This is not a list of jupyterquiz questions.", "Name a file of jupyterquiz questions.")
    parts = [f'schema_version = 1\nid = "{bank_id}"\ntitle = {quoted(title)}\n']
    problems: list[str] = []
    taken: set[str] = set()
    for number, entry in enumerate(entries, 1):
        try:
            parts.append(_question(entry, taken))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problems.append(f"question {number}: {type(error).__name__} {error}")
    return "\n".join(parts), problems


def _question(entry: dict[str, Any], taken: set[str]) -> str:
    kind = KINDS.get(entry["type"])
    if kind is None:
        raise ValueError(f"there is no kind for the type {entry['type']!r}")
    question_id = _fresh(entry.get("id") or slug(unescape(entry["question"])), taken)
    lines = ["[[question]]", f'id = "{question_id}"', f'kind = "{kind}"']
    lines += [
        f"objective = {quoted(entry.get('objective') or TO_DO)}",
        f"source = {quoted(entry.get('source') or ['S1'])}",
    ]
    lines += [f"prompt = {quoted(_without_names(unescape(entry['question'])))}"]
    lines += [f"{name} = {quoted(entry[name])}" for name in ("points", "attempts", "explanation") if entry.get(name)]
    lines += [f"hints = {quoted(entry.get('hints') or [TO_DO])}"]
    lines += _number(entry) if kind == "number" else _choices(entry)
    return "\n".join(lines) + "\n"


def _choices(entry: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    taken: set[str] = set()
    for answer in entry["answers"]:
        text = unescape(str(answer.get("answer") or answer["code"]))
        lines += [
            "",
            "[[question.choice]]",
            f'id = "{_fresh(answer.get("id") or slug(text), taken)}"',
            f"text = {quoted(text)}",
        ]
        lines += ["correct = true"] if answer.get("correct") else []
        lines += [f"feedback = {quoted(unescape(answer.get('feedback') or TO_DO))}"]
    return lines


def _number(entry: dict[str, Any]) -> list[str]:
    """A range becomes its middle and a relative tolerance."""
    right = next(answer for answer in entry["answers"] if answer.get("correct"))
    wrong: dict[str, Any] = next((answer for answer in entry["answers"] if not answer.get("correct")), {})
    low, high = right["range"] if right.get("type") == "range" else (right["value"], right["value"])
    value = (float(low) + float(high)) / 2
    tolerance = abs(float(high) - float(low)) / 2 / abs(value) if value else 0.0
    lines = [
        "",
        "[question.number]",
        f"value = {_digits(value)}",
        f"tolerance = {_digits(min(1.0, tolerance))}",
        f"unit = {quoted(str(entry.get('unit', '')))}",
    ]
    return [
        *lines,
        f"right = {quoted(unescape(right.get('feedback') or 'Right.'))}",
        f"wrong = {quoted(unescape(wrong.get('feedback') or TO_DO))}",
    ]


def _digits(value: float) -> str:
    return repr(float(f"{value:.12g}"))


def _without_names(text: str) -> str:
    """Braces name a variant's value in our prompts; a foreign question has none."""
    return re.sub(r"[{}]", lambda match: "(" if match[0] == "{" else ")", text)


def _fresh(wanted: str, taken: set[str]) -> str:
    name, number = slug(wanted), 2
    while name in taken:
        name, number = f"{slug(wanted)}-{number}", number + 1
    taken.add(name)
    return name


def slug(text: str) -> str:
    """An id from a text: `Why does QLoRA save memory?` -> `why-does-qlora-save-memory`."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    return "-".join(words)[:60].strip("-") or "question"


quoted: Callable[[Any], str] = json.dumps  # strings, numbers and lists of them are written alike in JSON and TOML
