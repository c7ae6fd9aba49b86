"""Grades one answer to one question, on the spot and with reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from finetune_lab.quiz.bank import NumberKey, Question
from finetune_lab.quiz.numbers import read_number
from finetune_lab.quiz.quantities import MissingRunError, quantity, quantity_number
from finetune_lab.quiz.text.judge import judge
from finetune_lab.quiz.variants import values_for
from finetune_lab.quiz.verdict import Grade

LONGEST_TEXT = 20_000  # characters that are read at all


@dataclass(frozen=True)
class Learner:
    """What a grade may depend on besides the answer: the seed of the variants, and the summaries of the own runs."""

    seed: str = ""
    runs: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


NOBODY = Learner()


def grade(question: Question, answer: object, learner: Learner = NOBODY) -> Grade:
    """The verdict on an answer: a text, a choice id or a list of them, or a number. Never raises for a bad answer."""
    if question.rubric is not None:
        return _grade_text(question, answer)
    if question.outcome is not None:
        return _grade_outcome(question, answer, learner)
    if question.number is not None:
        return _grade_number(question, question.number, answer, learner)
    return _grade_choices(question, answer)


def _grade_text(question: Question, answer: object) -> Grade:
    if not isinstance(answer, str) or question.rubric is None:
        return Grade(question.id, "not_yet", 0.0, ["This question is answered with a text."], ["wrong_type"])
    result = judge(answer[:LONGEST_TEXT], question.rubric, question.prompt)
    return Grade(question.id, result.verdict, result.score, result.reasons, result.fired)


def _chosen(question: Question, answer: object) -> list[str] | str:
    """The ids chosen, each once, be they given as ids or as the choices' own texts; or what is wrong."""
    given = [answer] if isinstance(answer, str) else answer
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        return "This question is answered with the id of a choice, or a list of ids."
    by_text = {_plain(choice.text): choice.id for choice in question.choices}
    chosen = list(dict.fromkeys(by_text.get(_plain(one), one.strip()) for one in given))
    known = [choice.id for choice in question.choices]
    unknown = [one for one in chosen if one not in known]
    if unknown:
        return f"There is no choice {', '.join(one[:40] for one in unknown)}; there are: {', '.join(known)}."
    if question.kind != "multi" and len(chosen) != 1:
        return "Choose exactly one."
    return chosen


def _plain(text: str) -> str:
    return " ".join(text.lower().split()).rstrip(".")


def _grade_choices(question: Question, answer: object) -> Grade:
    """Each choice that is rightly taken or left counts; half of the right ones, with none wrong, is partial."""
    chosen = _chosen(question, answer)
    if isinstance(chosen, str):
        return Grade(question.id, "not_yet", 0.0, [chosen], ["no_such_choice"])
    reasons = [choice.feedback for choice in question.choices if choice.id in chosen]
    right = {choice.id for choice in question.choices if choice.correct}
    fired = [f"chose {one}" for one in chosen]
    hits, misses = len(right & set(chosen)), len(set(chosen) - right)
    if hits == len(right) and not misses:
        return Grade(question.id, "pass", 1.0, reasons, fired)
    score = max(0.0, round((hits - misses) / len(right), 2)) if question.kind == "multi" else 0.0
    if question.kind == "multi" and not misses:
        reasons.append("So far right, but not complete." if chosen else "Choose at least one.")
    return Grade(question.id, "partial" if score > 0 else "not_yet", score, reasons, fired)


def _grade_outcome(question: Question, answer: object, learner: Learner) -> Grade:
    """A prediction with choices: right is what the run did."""
    chosen = _chosen(question, answer)
    if isinstance(chosen, str):
        return Grade(question.id, "not_yet", 0.0, [chosen], ["no_such_choice"])
    try:
        happened = str(quantity(question.outcome or "", _values(question, learner)))
    except (MissingRunError, ZeroDivisionError) as missing:
        return _waiting(question, missing)
    feedback = {choice.id: choice.feedback for choice in question.choices}
    fired = [f"predicted {chosen[0]}", f"happened {happened}"]
    if chosen[0] == happened:
        return Grade(question.id, "pass", 1.0, [f"Your run agrees. {feedback[happened]}"], fired)
    return Grade(
        question.id,
        "not_yet",
        0.0,
        [f"Your run says otherwise: {happened}. {feedback.get(happened, '')}".strip()],
        fired,
    )


def _values(question: Question, learner: Learner) -> dict[str, Any]:
    return {**values_for(question, learner.seed), "runs": list(learner.runs)}


def _waiting(question: Question, missing: Exception) -> Grade:
    """The answer can't be graded yet: it speaks of a run that isn't there."""
    what = str(missing.args[0]) if isinstance(missing, MissingRunError) else "a run with other numbers"
    return Grade(
        question.id, "review", 0.0, [f"Kept. It is graded by your own run; {what} is still needed."], ["no_run"]
    )


def _grade_number(question: Question, key: NumberKey, answer: object, learner: Learner) -> Grade:
    read = read_number(answer, key.unit)
    if read.value is None:
        return Grade(question.id, "not_yet", 0.0, [read.fault], ["no_number"])
    values = _values(question, learner)
    try:
        right = key.value if key.value is not None else quantity_number(key.quantity or "", values)
        slips = [
            (slip, slip.value if slip.value is not None else quantity_number(slip.quantity or "", values))
            for slip in key.slips
        ]
    except (MissingRunError, ZeroDivisionError) as missing:
        return _waiting(question, missing)
    fired = [f"expected {right:g}", f"read {read.value:g}"]
    if _is_close(read.value, right, key.tolerance):
        return Grade(question.id, "pass", 1.0, [key.right], fired)
    for slip, value in slips:
        if _is_close(read.value, value, key.tolerance):
            return Grade(question.id, "not_yet", 0.0, [slip.feedback], [*fired, f"slip {slip.id}"])
    return Grade(question.id, "not_yet", 0.0, [key.wrong], fired)


def _is_close(value: float, target: float, tolerance: float) -> bool:
    """Within the relative tolerance; a hair more, so that 0.05 of 100 takes 95 and 105."""
    return abs(value - target) <= tolerance * abs(target) + 1e-9 * max(1.0, abs(target))
