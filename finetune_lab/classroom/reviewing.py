"""`class review`: the answers that need a person, in groups of alike ones; their marks become overrides."""

import hashlib
from dataclasses import dataclass

from finetune_lab.classroom.clusters import clusters
from finetune_lab.classroom.gradebook import Row
from finetune_lab.classroom.grading import Graded
from finetune_lab.classroom.marking import Mark
from finetune_lab.quiz.bank import Question


@dataclass(frozen=True)
class Answer:
    """A student's text for a question and what the grader made of it."""

    student: str
    text: str
    mark: Mark

    @property
    def print_of(self) -> str:
        """A short hash of the text: shows whether a mark was given for another one.

        It begins with a letter: spreadsheets make numbers of hashes such as 00345678 and 1234e567.
        """
        return f"t{hashlib.sha256(self.text.encode()).hexdigest()[:8]}"

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the rules that fired, without the learner's words."""
        return tuple(sorted({one.partition(":")[0] for one in self.mark.fired}))


@dataclass(frozen=True)
class Cluster:
    """Alike answers to one question; the first is most like all."""

    name: str  # question and number, as checkpoint-qlora/2
    question: Question
    answers: tuple[Answer, ...]


def clusters_of(graded: Graded, question: str | None = None) -> list[Cluster]:
    """The free-text answers that need a person and have not had one; with `question`, all of it without a mark by hand.

    Raises:
        BankError: there is no such question.
    """
    asked = [graded.bank[question]] if question else list(graded.bank.questions)
    found = []
    for one in asked:
        answers = [
            answer
            for row in graded.book.rows
            for mark in (row.marks if question else row.open)
            if mark.question == one.id and not mark.manual and (answer := answer_of(row, mark, graded.bank.id))
        ]
        groups = clusters([answer.text for answer in answers], [answer.rules for answer in answers])
        found += [
            Cluster(f"{one.id}/{number}", one, tuple(answers[at] for at in group))
            for number, group in enumerate(groups, 1)
        ]
    return found


def answer_of(row: Row, mark: Mark, bank: str) -> Answer | None:
    """The text that a mark is for; None where there is none."""
    if row.handed is None or not mark.attempt:
        return None
    for one in row.handed.submission.answers:
        if (one.bank, one.question) == (bank, mark.question):
            text = one.attempts[mark.attempt - 1].answer
            return Answer(row.student, text, mark) if isinstance(text, str) else None
    return None
