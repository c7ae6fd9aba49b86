"""Where a question stands for a learner: open, closed, due for review, or locked.

open     no answer yet, or attempts left
closed   passed, or the attempts used up; its answer has been shown
due      closed once, and its review has come: one more answer, which does not count for the points
locked   a prediction whose run is there already
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from finetune_lab.quiz.attempts import Attempt
from finetune_lab.quiz.bank import Question
from finetune_lab.quiz.grading import Learner, grade
from finetune_lab.quiz.review import box_of, due_after
from finetune_lab.quiz.verdict import Verdict

LOCKED = (
    "Locked: the run that decides this is there already, and a prediction is made before it. "
    "Predict first next time, or name an empty folder with runs=... and run again."
)


@dataclass(frozen=True)
class Standing:
    """A question with what was answered. `seen` are the attempts that the learner may see in this mode."""

    question: Question
    seen: tuple[Attempt, ...]
    left: int  # attempts that may still be made now
    due: bool
    locked: bool
    counts: bool  # whether the next attempt is one for the points
    back: datetime | None  # when it comes back for review

    @property
    def closed(self) -> bool:
        """It needs no first answer any more."""
        return not self.counts

    @property
    def is_open(self) -> bool:
        return self.left > 0 and not self.locked

    @property
    def verdict(self) -> Verdict | None:
        """Of the newest attempt that can be seen."""
        return self.seen[-1].verdict if self.seen else None

    @property
    def why_closed(self) -> str:
        """Why no answer is taken, and when one is again."""
        if self.locked:
            return LOCKED
        if self.question.kind == "predict":
            return "Your prediction is kept as it is; a run decides."
        back = f" It comes back on {self.back:%Y-%m-%d}." if self.back else ""
        return f"This question is closed; its answer has been shown.{back} from_memory=True asks all of them again."


def standing_of(
    question: Question, attempts: Sequence[Attempt], now: datetime, learner: Learner, from_memory: bool = False
) -> Standing:
    """The standing after these attempts. From memory, only attempts from memory are seen, and have their own number."""
    seen = tuple(attempt for attempt in attempts if attempt.from_memory or not from_memory)
    place = box_of(attempts)
    back = due_after(*place) if place and question.kind != "predict" else None
    left, counts = attempts_left(question, seen), attempts_left(question, attempts) > 0
    due = left == 0 and back is not None and now >= back
    locked = question.kind == "predict" and not attempts and has_happened(question, learner)
    return Standing(question, seen, 1 if due else left, due, locked, counts, back)


def attempts_left(question: Question, attempts: Sequence[Attempt]) -> int:
    """None after a pass; a prediction has one attempt, whatever the bank says: the second would be no prediction."""
    if any(attempt.verdict == "pass" for attempt in attempts):
        return 0
    allowed = 1 if question.kind == "predict" else question.attempts
    return max(0, allowed - len(attempts))


def has_happened(question: Question, learner: Learner) -> bool:
    """Whether the run that decides a prediction is there: any answer then gets a verdict."""
    answer = question.choices[0].id if question.choices else 0
    return grade(question, answer, learner).verdict != "review"


def points_of(question: Question, attempts: Sequence[Attempt]) -> float:
    """The best of the attempts that count."""
    scores = [attempt.score for attempt in attempts if attempt.counts]
    return question.points * max(scores, default=0.0)
