"""Marks for one submission, by the instructor's own bank. What the student's copy said of an answer is never read."""

from collections.abc import Iterable
from dataclasses import dataclass

from finetune_lab.classroom.seeding import student_seed
from finetune_lab.classroom.submission import Answered, Submission
from finetune_lab.quiz.bank import Bank, Question
from finetune_lab.quiz.grading import Learner, grade
from finetune_lab.quiz.verdict import Grade, Verdict

LONGEST_GRADED = 4_000  # characters; a longer text goes to a person, since the time to judge one grows with its square


@dataclass(frozen=True)
class Try:
    """What the grader made of one attempt."""

    verdict: Verdict
    score: float
    fired: tuple[str, ...]
    confidence: int | None = None  # percent that the student wrote beside it


@dataclass(frozen=True)
class Mark:
    """What a student has for a question, and why. `attempt` counts from 1; 0 where nothing was answered."""

    question: str
    points: float
    verdict: Verdict
    score: float
    attempt: int
    reasons: tuple[str, ...] = ()
    fired: tuple[str, ...] = ()
    manual: bool = False
    note: str = ""
    tries: tuple[Try, ...] = ()  # every attempt that the question allows, in order


def marks_of(submission: Submission, bank: Bank, secret: str | None = None) -> list[Mark]:
    """A mark for every question of the bank, in its order.

    Of the attempts that the question allows, the best one counts. With the course's secret the variants are those that
    the student was given; without it, those of the seed that the submission names.
    """
    seed = submission.seed if secret is None else student_seed(secret, submission.course, submission.student)
    learner = Learner(seed, submission.summaries)
    answers = {one.question: one for one in submission.answers if one.bank == bank.id}
    return [_mark(question, answers.get(question.id), learner) for question in bank.questions]


def unknown_questions(submission: Submission, bank: Bank) -> list[str]:
    """Answers to this bank whose question it does not have."""
    return [one.question for one in submission.answers if one.bank == bank.id and one.question not in bank.ids]


def points(marks: Iterable[Mark]) -> float:
    """The sum, rounded so that it is the same in whatever way it was reached."""
    return round(sum(mark.points for mark in marks), 4)


def _mark(question: Question, answered: Answered | None, learner: Learner) -> Mark:
    if answered is None:
        return Mark(question.id, 0.0, "not_yet", 0.0, 0)
    allowed = answered.attempts[: question.attempts]
    grades = [_grade(question, attempt.answer, learner) for attempt in allowed]
    best = max(
        range(len(grades)), key=lambda number: (grades[number].score, grades[number].verdict == "review", -number)
    )
    chosen = grades[best]
    return Mark(
        question.id, round(chosen.score * question.points, 4), chosen.verdict, chosen.score, best + 1,
        tuple(chosen.reasons), tuple(chosen.fired),
        tries=tuple(
            Try(one.verdict, one.score, tuple(one.fired), attempt.confidence)
            for one, attempt in zip(grades, allowed, strict=True)
        ),
    )  # fmt: skip


def _grade(question: Question, answer: object, learner: Learner) -> Grade:
    """The grader's verdict; an answer or a run record that it can't cope with is one for a person, not an end."""
    if isinstance(answer, str) and len(answer) > LONGEST_GRADED:
        return Grade(question.id, "review", 0.0, [f"It has over {LONGEST_GRADED} characters."], ["too_long"])
    try:
        return grade(question, answer, learner)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        return Grade(question.id, "review", 0.0, ["The grader could not read it."], [f"fault {type(error).__name__}"])
