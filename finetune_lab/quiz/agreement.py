"""How well the free-text grader agrees with labels that people gave: the figures of quizzes/GRADER.md."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune_lab.quiz.bank import Bank, Question
from finetune_lab.quiz.grading import grade
from finetune_lab.quiz.verdict import Grade

ORDER = {"not_yet": 0, "review": 0, "partial": 1, "pass": 2}
# Parts that nothing was learned or counted from: neither the likeness nor the order of words.
SET_ASIDE = {"held_out", "seventh", "eighth", "twenty_second", "twenty_third"}
ADVERSARIAL = {"empty", "copied", "stuffed", "injection", "repeated", "contradiction", "off_topic", "dump", "hedged"}


@dataclass(frozen=True)
class Labelled:
    """An answer with the verdict that an examiner gives it."""

    id: str
    answer: str
    label: str
    kind: str
    split: str


@dataclass(frozen=True)
class Agreement:
    """Shares from 0 to 1, and counts, over a set of labelled answers."""

    answers: int
    pass_fail: float
    three_way: float
    kappa: float  # quadratic, over not_yet < partial < pass
    false_passes: int  # passed, although the label is another
    adversarial_passes: int
    refused: int  # not passed, although the label is pass
    review: int


def read_labelled(path: Path) -> list[Labelled]:
    """The labelled answers of a question."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Labelled(**json.loads(line)) for line in lines if line.strip()]


def graded(question: Question, answers: Sequence[Labelled]) -> list[tuple[Labelled, Grade]]:
    """Each answer with its grade."""
    return [(answer, grade(question, answer.answer)) for answer in answers]


def agreement(pairs: Sequence[tuple[Labelled, Grade]]) -> Agreement:
    """The figures over graded answers."""
    count = max(1, len(pairs))
    passed = [(answer, result) for answer, result in pairs if result.verdict == "pass"]
    wrong = [answer for answer, _ in passed if answer.label != "pass"]
    return Agreement(
        answers=len(pairs),
        pass_fail=sum((result.verdict == "pass") == (answer.label == "pass") for answer, result in pairs) / count,
        three_way=sum(result.verdict == answer.label for answer, result in pairs) / count,
        kappa=quadratic_kappa([(ORDER[answer.label], ORDER[result.verdict]) for answer, result in pairs]),
        false_passes=len(wrong),
        adversarial_passes=sum(answer.kind in ADVERSARIAL or "adversarial" in answer.kind for answer in wrong),
        refused=sum(answer.label == "pass" and result.verdict != "pass" for answer, result in pairs),
        review=sum(result.verdict == "review" for _, result in pairs),
    )


def quadratic_kappa(pairs: Sequence[tuple[int, int]], levels: int = 3) -> float:
    """Cohen's kappa with quadratic weights; 1 is full agreement, 0 is chance."""
    count = len(pairs)
    if not count:
        return 1.0
    seen = sum((one - other) ** 2 for one, other in pairs) / count
    ones = [sum(one == level for one, _ in pairs) / count for level in range(levels)]
    others = [sum(other == level for _, other in pairs) / count for level in range(levels)]
    chance = sum(ones[i] * others[j] * (i - j) ** 2 for i in range(levels) for j in range(levels))
    return 1.0 if chance == 0 else 1 - seen / chance


def table(bank: Bank, folder: Path) -> list[str]:
    """The published table: for each part of the labelled answers, each question and all together."""
    questions = [question for question in bank.questions if (folder / f"{question.id}.jsonl").is_file()]
    pairs = {question.id: graded(question, read_labelled(folder / f"{question.id}.jsonl")) for question in questions}
    lines = [
        "| part, question | answers | pass/fail | three-way | kappa | false passes | adversarial | refused | review |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for part in dict.fromkeys(answer.split for answers in pairs.values() for answer, _ in answers):
        chosen = {name: [pair for pair in answers if pair[0].split == part] for name, answers in pairs.items()}
        lines += [row(f"{part}, {name}", agreement(some)) for name, some in chosen.items()]
        lines.append(row(f"**{part}**", agreement([pair for some in chosen.values() for pair in some])))
    return lines


def row(name: str, figures: Agreement) -> str:
    """One line of the published table."""
    return (
        f"| {name} | {figures.answers} | {figures.pass_fail:.1%} | {figures.three_way:.1%} | {figures.kappa:.2f} "
        f"| {figures.false_passes} | {figures.adversarial_passes} | {figures.refused} | {figures.review} |"
    )
