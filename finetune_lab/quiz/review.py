"""Spaced review: what was missed comes back later, at growing distances.

The rule, after Leitner's boxes (So lernt man lernen, 1972), with days between:

    missed at first, or right while at most 50 % sure  ->  box 1: back after 1 day
    right when it is due                               ->  next box: after 3, 7, 14, then 30 days; after that, learned
    missed, at any time                                ->  box 1 again

Growing distances over days keep recall high all the way (Kang, Lindsey, Mozer and Pashler, 2014, doi
10.3758/s13423-014-0636-z). A right answer by luck needs its feedback again as much as a wrong one does (Butler,
Karpicke and Roediger, 2008). A right answer before its day moves nothing: what was read a minute ago is no recall.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from finetune_lab.quiz.attempts import Attempt
from finetune_lab.quiz.bank import Question

DAYS = (1, 3, 7, 14, 30)  # until a question of box 1, 2, ... is due


@dataclass(frozen=True)
class Due:
    """A question that waits in a box, and from when on it is due."""

    question: Question
    box: int
    at: datetime

    def is_due(self, now: datetime) -> bool:
        return now >= self.at

    def __str__(self) -> str:
        return f"{self.question.id}: {self.question.objective} (box {self.box}, due {self.at:%Y-%m-%d %H:%M} UTC)"


def box_of(attempts: Iterable[Attempt]) -> tuple[int, datetime] | None:
    """The box of a question after its attempts, and when it was put there; None where nothing needs a review."""
    place: tuple[int, datetime] | None = None
    for attempt in attempts:
        if attempt.missed:
            place = (1, attempt.at)
        elif attempt.verdict == "pass" and place is None:
            place = (1, attempt.at) if attempt.lucky else None
        elif attempt.verdict == "pass" and place is not None and attempt.at >= due_after(*place):
            place = _after_recall(place[0], attempt)
    return place


def _after_recall(box: int, attempt: Attempt) -> tuple[int, datetime] | None:
    """One box on; a lucky answer stays; behind the last box it is learned."""
    if attempt.lucky:
        return box, attempt.at
    return (box + 1, attempt.at) if box < len(DAYS) else None


def due_after(box: int, since: datetime) -> datetime:
    """When a question is due that came into the box then."""
    return since + timedelta(days=DAYS[box - 1])


def schedule(questions: Sequence[Question], attempts: Sequence[Attempt]) -> list[Due]:
    """Every question that waits for its review, the one due first in front; never a prediction, which is made once."""
    waiting = []
    for question in questions:
        place = box_of(attempt for attempt in attempts if attempt.question == question.id)
        if place is not None and question.kind != "predict":
            waiting.append(Due(question, place[0], due_after(*place)))
    return sorted(waiting, key=lambda due: due.at)
