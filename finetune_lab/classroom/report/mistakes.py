"""Which known mistakes the class makes, and how often: misconceptions of a rubric, slips of a number, wrong choices."""

from collections.abc import Sequence
from dataclasses import dataclass

from finetune_lab.classroom.gradebook import Row
from finetune_lab.classroom.marking import Try
from finetune_lab.quiz.bank import Bank, Question


@dataclass(frozen=True)
class Mistake:
    """A rule that names a mistake, what the bank says of it, and how many students it fired on at any attempt."""

    question: str
    rule: str
    says: str
    students: int
    mended: int  # of them, those who passed at a later attempt


def mistakes_of(bank: Bank, rows: Sequence[Row]) -> list[Mistake]:
    """The mistakes of the class, the most common first."""
    found = []
    for at, question in enumerate(bank.questions):
        known = _known(question)
        made = [(mark.tries, rules) for row in rows if (rules := _rules((mark := row.marks[at]).tries, known))]
        for rule, says in known.items():
            own = [tries for tries, rules in made if rule in rules]
            mended = sum(any(one.verdict == "pass" for one in tries) for tries in own)
            if own:
                found.append(Mistake(question.id, rule, says, len(own), mended))
    return sorted(found, key=lambda one: (-one.students, bank.ids.index(one.question), one.rule))


def _rules(tries: tuple[Try, ...], known: dict[str, str]) -> set[str]:
    return {name for one in tries for fired in one.fired if (name := fired.partition(":")[0]) in known}


def _known(question: Question) -> dict[str, str]:
    """The rules that name a mistake, as they stand among those that fired, and what the bank says of each."""
    wrong = {f"chose {one.id}": one.text for one in question.choices if not one.correct and not question.outcome}
    slips = {f"slip {one.id}": one.feedback for one in question.number.slips} if question.number else {}
    thoughts = {f"misconception {one.id}": one.say for one in question.rubric.misconceptions} if question.rubric else {}
    return {**wrong, **slips, **thoughts}
