"""What the class's answers say of each question: how hard it is, and whether it tells strong from weak work.

difficulty       mean share of the points, over those who answered; 1 is easy
discrimination   correlation of the share on this question with the points on all the others, over the same students:
                 the point-biserial coefficient r = (M1 - M0) / s * sqrt(p (1 - p)) where answers are right or wrong
                 (corrected item-total, Crocker and Algina 1986, section 14). Below zero, look at the key.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from finetune_lab.classroom.gradebook import Row
from finetune_lab.classroom.marking import Mark
from finetune_lab.classroom.wording import words_of
from finetune_lab.quiz.bank import Bank, Question

FEWEST = 8  # students; with fewer a correlation says nothing
UNSURE = re.compile(  # words without signs: "don't" is "don t"
    r"(i )?(really |honestly |just )?"
    r"((do not|don t|dont) (know|remember|recall)|have no idea|can t (say|remember)|cannot say)( .{0,20})?"
    r"|idk|(i m |i am )?(not |un)sure( .{0,20})?|no (idea|clue)|pass|skip|dunno|"
)


@dataclass(frozen=True)
class Item:
    """A question's figures; None where there are too few answers."""

    question: Question
    answered: int
    difficulty: float | None
    first_try: float | None  # share that passed at the first attempt
    discrimination: float | None
    attempts: float | None  # mean, as far as they count
    unsure: float | None  # share that left it blank or wrote that they don't know
    waiting: int  # answers for a person


def items_of(bank: Bank, rows: Sequence[Row]) -> list[Item]:
    """The figures of each question, from the students who handed something in."""
    came = [row for row in rows if row.handed]
    return [_item(question, at, came, bank.id) for at, question in enumerate(bank.questions)]


def is_unsure(answer: object) -> bool:
    """Whether an answer is blank or says that its writer doesn't know."""
    if isinstance(answer, str):
        return UNSURE.fullmatch(" ".join(words_of(answer))) is not None
    return answer is None or answer == []


def correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Pearson's r; None for fewer than FEWEST pairs or where one side never changes."""
    if len(pairs) < FEWEST:
        return None
    ours, others = ([pair[side] for pair in pairs] for side in (0, 1))
    middle, other_middle = (math.fsum(side) / len(pairs) for side in (ours, others))
    spread = math.fsum((one - middle) ** 2 for one in ours) * math.fsum((one - other_middle) ** 2 for one in others)
    if spread < 1e-18:
        return None
    return math.fsum((one - middle) * (other - other_middle) for one, other in pairs) / math.sqrt(spread)


def mean(values: Iterable[float]) -> float | None:
    """The mean; None of nothing."""
    found = list(values)
    return math.fsum(found) / len(found) if found else None


def _item(question: Question, at: int, rows: list[Row], bank: str) -> Item:
    answered = [(row, row.marks[at]) for row in rows if row.marks[at].attempt]
    # Without those that are no verdict yet: a run is missing, or nobody has read them.
    judged = [(row, mark) for row, mark in answered if mark.manual or mark.verdict != "review"]
    shares = [(_share(mark, question), row.raw - mark.points) for row, mark in judged]
    tried = [mark for _, mark in judged if mark.tries]
    last = [_last_answer(row, question.id, bank) for row, _ in answered]
    return Item(
        question=question,
        answered=len(answered),
        difficulty=mean(share for share, _ in shares),
        first_try=mean(float(mark.tries[0].verdict == "pass") for mark in tried),
        discrimination=correlation(shares),
        attempts=mean(len(mark.tries) for _, mark in answered),
        unsure=mean(float(is_unsure(one)) for one in last),
        waiting=sum(
            mark.verdict == "review" and not mark.manual and "no_run" not in mark.fired for _, mark in answered
        ),
    )


def _share(mark: Mark, question: Question) -> float:
    return min(1.0, mark.points / question.points) if question.points else mark.score


def _last_answer(row: Row, question: str, bank: str) -> object:
    submission = row.handed.submission if row.handed else None
    found = [one for one in submission.answers if (one.bank, one.question) == (bank, question)] if submission else []
    return found[0].attempts[-1].answer if found else None
