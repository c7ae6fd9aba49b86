"""Whether a learner is ready for the next lesson, and what to look at again: by objective and source statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from finetune_lab.quiz.attempts import Attempt
from finetune_lab.quiz.bank import Question
from finetune_lab.tables import as_html

READY, NEARLY = 0.8, 0.6  # of the points; 80 percent is the usual mark of mastery learning (Bloom, 1968)
WEAK = 0.5  # a statement below this share holds readiness back, whatever the sum
UNANSWERED = "not answered"
FEW = 6  # statements that the sentence names
Word = Literal["ready", "nearly ready", "not ready yet"]


@dataclass(frozen=True)
class ToReview:
    """An objective that is not met yet."""

    question: str
    objective: str
    source: tuple[str, ...]
    why: str  # "not answered", "missed", "partly right"

    def __str__(self) -> str:
        return f"{self.objective} ({', '.join(self.source)}): {self.question}, {self.why}"


@dataclass(frozen=True)
class Readiness:
    """The verdict. It counts the newest answer to each question: what one knows now, not what one once got right."""

    verdict: Word
    share: float  # of the points, 0 to 1
    weak: tuple[str, ...]  # statements of the source below `WEAK`
    review: tuple[ToReview, ...]

    def rows(self) -> list[dict[str, str]]:
        """One row an objective that was missed, its cells ready to read; what was not answered is in `review` alone."""
        return [
            {
                "look again at": one.objective,
                "statement": ", ".join(one.source),
                "question": one.question,
                "why": one.why,
            }
            for one in self.review
            if one.why != UNANSWERED
        ]

    @property
    def said(self) -> str:
        """The verdict in words, with its reasons."""
        rest = f" and {len(self.weak) - FEW} more" if len(self.weak) > FEW else ""
        weak = f" Weak in the statements {', '.join(self.weak[:FEW])}{rest}." if self.weak else ""
        missing = sum(one.why == UNANSWERED for one in self.review)
        unanswered = f" Not answered: {missing}." if missing else ""
        return f"{self.verdict.capitalize()} for the next lesson: {self.share:.0%} of the points.{weak}{unanswered}"

    def __repr__(self) -> str:
        return "\n".join([self.said, *(f"  {one}" for one in self.review)])

    def _repr_html_(self) -> str:
        return f"<p>{self.said}</p>{as_html(self.rows()) if self.rows() else ''}"


def readiness(questions: Sequence[Question], attempts: Sequence[Attempt]) -> Readiness:
    """Ready: 80 % of the points, every free-text question passed, and no statement of the source below half.

    Nearly ready: 60 % of the points. Predictions don't count: nobody has to foresee what a run will do.
    """
    asked = [question for question in questions if question.kind != "predict"]
    newest = {attempt.question: attempt for attempt in attempts}
    scores = {question.id: _score(newest.get(question.id)) for question in asked}
    points = sum(question.points for question in asked)
    share = sum(scores[question.id] * question.points for question in asked) / points if points else 1.0
    weak = _weak_statements(asked, scores)
    told = all(scores[question.id] >= 1 for question in asked if question.kind == "text")
    verdict: Word = "not ready yet"
    if share >= NEARLY:
        verdict = "ready" if share >= READY and told and not weak else "nearly ready"
    review = [
        ToReview(question.id, question.objective, question.source, _why(newest.get(question.id)))
        for question in sorted(asked, key=lambda one: (one.id not in newest, scores[one.id]))
        if scores[question.id] < 1
    ]
    return Readiness(verdict, share, tuple(weak), tuple(review))


def _score(attempt: Attempt | None) -> float:
    if attempt is None:
        return 0.0
    return 1.0 if attempt.verdict == "pass" else attempt.score


def _weak_statements(questions: Sequence[Question], scores: dict[str, float]) -> list[str]:
    """The statements whose questions got less than half on average, in the source's order."""
    of: dict[str, list[float]] = {}
    for question in questions:
        for statement in question.source:
            of.setdefault(statement, []).append(scores[question.id])
    weak = [name for name, values in of.items() if sum(values) / len(values) < WEAK]
    return sorted(weak, key=lambda name: (int(name[1:]) if name[1:].isdigit() else 0, name))


def _why(attempt: Attempt | None) -> str:
    if attempt is None:
        return UNANSWERED
    words = {"review": "waits for a person", "partial": "partly right"}
    return words.get(attempt.verdict, "missed")
