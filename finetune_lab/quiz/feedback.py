"""What a learner is told after an answer, and what not yet.

attempts left      what was wrong in this answer, and a hint; nothing that tells right from wrong among the rest
passed, or used up the feedback of all that was chosen, the right answer, and the explanation
"""

from collections.abc import Sequence
from dataclasses import dataclass

from finetune_lab.quiz.attempts import Attempt
from finetune_lab.quiz.bank import Question
from finetune_lab.quiz.grading import Learner
from finetune_lab.quiz.quantities import MissingRunError, quantity, quantity_number
from finetune_lab.quiz.variants import values_for
from finetune_lab.quiz.verdict import Grade, Verdict

WORDS: dict[Verdict, str] = {"pass": "✓ Right", "partial": "◐ Partly right", "not_yet": "✗ Not yet", "review": "… Kept"}


@dataclass(frozen=True)
class Feedback:
    """What is said about an answer. `verdict` is None where it could not be taken; `reasons` then say why."""

    question: str
    verdict: Verdict | None
    score: float = 0.0
    reasons: tuple[str, ...] = ()
    hint: str = ""
    left: int = 0  # attempts
    solution: str = ""
    explanation: str = ""
    trouble: str = ""  # where the answer could not be written to disk

    @property
    def word(self) -> str:
        """The verdict as a symbol and a word, so that no colour carries it."""
        return "! Not taken" if self.verdict is None else WORDS[self.verdict]

    def lines(self) -> list[str]:
        """All of it in plain text."""
        left = [f"Attempts left: {self.left}."] if self.left and self.verdict != "pass" else []
        labelled = {"Hint": self.hint, "Answer": self.solution, "Why": self.explanation}
        more = [f"{name}: {text}" for name, text in labelled.items() if text]
        return [self.word, *self.reasons, *more, *left, *([self.trouble] if self.trouble else [])]

    def __repr__(self) -> str:
        return f"{self.question}: " + "\n    ".join(self.lines())


def reasons_to_show(question: Question, answer: object, result: Grade, *, closed: bool) -> tuple[str, ...]:
    """The grader's reasons; while attempts are left at a question with several right choices, only what was wrong.

    A "Yes" to each right choice of a wrong answer would leave the rest to be worked out by elimination.
    """
    if closed or question.kind != "multi" or not isinstance(answer, list):
        return tuple(reason.removeprefix("Kept. ") for reason in result.reasons)  # the verdict's word says so
    wrong = [choice.feedback for choice in question.choices if choice.id in answer and not choice.correct]
    return tuple(wrong) or ("Nothing in it is wrong, but it is not complete.",)


def feedback_on(question: Question, seen: Sequence[Attempt], left: int, learner: Learner, *, hints: bool) -> Feedback:
    """The feedback on the newest attempt; `left` is 0 where the question is closed, and then the solution is shown."""
    newest = seen[-1]
    feedback = Feedback(question.id, newest.verdict, newest.score, newest.reasons, left=left)
    if newest.verdict == "review" and question.kind == "predict":
        return feedback
    if left:
        missed = sum(attempt.missed for attempt in seen)
        hint = question.hints[min(missed, len(question.hints)) - 1] if hints and missed and question.hints else ""
        return Feedback(question.id, newest.verdict, newest.score, newest.reasons, hint, left)
    solution = "" if newest.verdict == "pass" else solution_of(question, learner)
    return Feedback(
        question.id, newest.verdict, newest.score, newest.reasons, left=0, solution=solution,
        explanation=question.explanation,
    )  # fmt: skip


def solution_of(question: Question, learner: Learner) -> str:
    """The right answer in words; nothing where it is not known yet, and for a text, whose explanation says it."""
    values = {**values_for(question, learner.seed), "runs": list(learner.runs)}
    try:
        if question.number is not None:
            key = question.number
            right = key.value if key.value is not None else quantity_number(key.quantity or "", values)
            return f"{right:,.6g} {key.unit}".strip()
        happened = str(quantity(question.outcome, values)) if question.outcome else ""
    except (MissingRunError, ZeroDivisionError):
        return ""
    return "; ".join(choice.text for choice in question.choices if choice.correct or choice.id == happened)
