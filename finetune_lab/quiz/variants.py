"""Each student's own numbers, and the order of the choices, from a seed: the same seed gives the same ones for ever."""

import hashlib
import re

from finetune_lab.quiz.bank import Choice, Question


def values_for(question: Question, seed: str) -> dict[str, float]:
    """One value of each list of the question's variant; without a seed, the first of each."""
    if not seed:
        return {name: values[0] for name, values in question.variant.items()}
    return {name: values[_draw(seed, question.id, name) % len(values)] for name, values in question.variant.items()}


def prompt_for(question: Question, seed: str) -> str:
    """The prompt with the variant's numbers in it."""
    values = values_for(question, seed)
    return re.sub(
        r"\{(\w+)\}", lambda match: f"{values[match[1]]:,g}" if match[1] in values else match[0], question.prompt
    )


def choices_for(question: Question, seed: str) -> list[Choice]:
    """The choices, shuffled where the question allows it."""
    if not (seed and question.shuffle):
        return list(question.choices)
    return sorted(question.choices, key=lambda choice: _draw(seed, question.id, choice.id))


def _draw(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256("\x00".join(parts).encode()).digest()[:8], "big")
