"""How many heaps of right words pass: the shares of GRADER.md, counted again."""

import random

from test_quiz_text_order import CHECKPOINTS, TERMS, shuffled

from finetune_lab.quiz.agreement import SET_ASIDE, read_labelled
from finetune_lab.quiz.grading import grade
from finetune_lab.quiz.loading import load_bank
from finetune_lab.resources import shipped

LENGTHS = {"13 words and more": (13, 10_000), "8 to 12 words": (8, 12), "5 to 7 words": (5, 7), "all": (5, 10_000)}


def passes(question, heap):
    return grade(question, heap).verdict == "pass"


def share(passed):
    return f"{sum(passed) / len(passed):.1%}"


def shuffled_rows(lesson, labelled):
    """Every right answer of five words and more, its words in another order."""
    chance, found = random.Random(4), []
    for name, answers in labelled.items():
        for answer in (one for one in answers if one.label == "pass" and len(one.answer.split()) >= 5):
            heap = shuffled(answer.answer, chance)
            found.append((len(heap.split()), answer.split in SET_ASIDE, passes(lesson[name], heap)))
    assert len(found) >= 1_300
    rows = [
        f"| shuffled, {length} | {share([passed for size, _, passed in found if least <= size <= most])} |"
        for length, (least, most) in LENGTHS.items()
    ]
    aside = share([passed for _, is_aside, passed in found if is_aside])
    return [*rows, f"| shuffled, all of the parts that the table was not counted over | {aside} |"]


def term_row(lesson, between, sizes):
    chance, shares = random.Random(6), []
    for size in sizes:
        heaps = [(name, between.join(chance.sample(TERMS[name].split(), size))) for name in CHECKPOINTS * 25]
        shares.append(f"{sum(passes(lesson[name], heap) for name, heap in heaps)}%")
    marks = "with commas" if "," in between else "without marks"
    return f"| right terms by chance, {marks}: {', '.join(map(str, sizes))} | {', '.join(shares)} |"


def test_the_published_shares_of_heaps_are_those_that_pass():
    lesson = load_bank("lesson")
    labelled = {name: read_labelled(shipped("quizzes", "answers", f"{name}.jsonl")) for name in CHECKPOINTS}
    rows = [
        *shuffled_rows(lesson, labelled),
        term_row(lesson, " ", (4, 5, 6, 7, 8)),
        term_row(lesson, ", ", (4, 5, 6)),
    ]
    published = shipped("quizzes", "GRADER.md").read_text(encoding="utf-8")
    assert len(rows) == 7
    assert [row for row in rows if row not in published] == []
