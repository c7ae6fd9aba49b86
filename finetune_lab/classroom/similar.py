"""`class similar`: texts of two students that share more than the question and the class's common words explain.

Compared are passages of five words. What stands in the bank or in two fifths of all answers counts for nothing. It is
a list for a person to look at: no mark ever depends on it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations

from finetune_lab.classroom.batch import Batch, Note
from finetune_lab.classroom.faults import printable
from finetune_lab.classroom.submission import Submission
from finetune_lab.classroom.wording import words_of
from finetune_lab.quiz.bank import Bank, Question

LENGTH = 5  # words of a passage
COMMON = 0.4  # share of the answers from which a passage is everyone's
FEWEST_COMMON = 6  # answers
FEWEST_SHARED = 8  # passages, twelve words in a row
ALIKE = 0.4  # of the shorter text's own passages
MOST_WORDS = 4_000  # of a student, for one question
END = "\n"  # of an attempt; no word is this
Passage = tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """Two students' texts for a question: the share of the shorter one that stands in the other, and the passages."""

    question: str
    students: tuple[str, str]
    share: float
    passages: tuple[str, ...]


def similar_texts(batch: Batch, bank: Bank) -> list[Pair]:
    """The pairs that are too much alike, the most alike first."""
    given = {
        passage
        for question in bank.questions
        for text in _bank_texts(question)
        for passage in _passages(words_of(text))
    }
    asked = [question.id for question in bank.questions if question.rubric]
    found = [pair for question in asked for pair in _pairs(question, dict(_texts(batch, bank.id, question)), given)]
    return sorted(found, key=lambda pair: (-round(pair.share, 6), pair.question, pair.students))


def shared_records(batch: Batch) -> list[Note]:
    """Seeds, run records and timed loss curves that stand in the submissions of two or more students.

    Equal losses alone prove nothing: the same settings and seed give them to everyone. Equal times do.
    """
    owners: dict[tuple[str, str], list[str]] = {}
    for one in batch.counted:
        for mark in dict.fromkeys(_marks(one.submission)):
            owners.setdefault(mark, []).append(printable(one.submission.student))
    notes = [
        Note(", ".join(students), f"the same {what} in {len(students)} submissions.")
        for (what, _), students in owners.items()
        if len(students) > 1
    ]
    return list(dict.fromkeys(notes))


def _marks(submission: Submission) -> Iterator[tuple[str, str]]:
    if submission.seed:
        yield "seed", submission.seed
    for run in submission.runs:
        if found := run["hashes"].get("events.jsonl"):
            yield "run record", found
        seconds, losses = run["summary"].get("seconds"), run["curve"]["losses"]
        if isinstance(seconds, float) and losses:
            yield "loss curve with the same time", repr((seconds, losses))


def _bank_texts(question: Question) -> Iterator[str]:
    """What everybody has read: the question, its choices, what is said about them."""
    yield from (question.prompt, question.explanation, *question.hints)
    for choice in question.choices:
        yield from (choice.text, choice.feedback)


def _pairs(question: str, texts: dict[str, list[str]], given: set[Passage]) -> Iterator[Pair]:
    passages = {student: _passages(words) for student, words in texts.items()}
    spread = Counter(one for own in passages.values() for one in own)
    often = max(FEWEST_COMMON, COMMON * len(texts))
    common = {one for one, count in spread.items() if count >= often} | given
    own = {student: found - common for student, found in passages.items()}
    for one, other in combinations(texts, 2):
        shared = own[one] & own[other]
        share = len(shared) / max(1, min(len(own[one]), len(own[other])))
        if len(shared) >= FEWEST_SHARED and share >= ALIKE:
            yield Pair(question, (one, other), share, _shared(texts[one], texts[other], shared))


def _texts(batch: Batch, bank: str, question: str) -> Iterator[tuple[str, list[str]]]:
    """Each student's words, all attempts one after another; no passage goes over the end of one."""
    for handed in batch.counted:
        for one in handed.submission.answers:
            if (one.bank, one.question) == (bank, question):
                texts = [attempt.answer for attempt in one.attempts if isinstance(attempt.answer, str)]
                words = [word for text in texts for word in [*words_of(text)[:MOST_WORDS], END]]
                yield handed.submission.student, words[:MOST_WORDS]


def _passages(words: Sequence[str]) -> set[Passage]:
    found = (tuple(words[at : at + LENGTH]) for at in range(len(words) - LENGTH + 1))
    return {one for one in found if END not in one}


def _shared(one: list[str], other: list[str], shared: set[Passage]) -> tuple[str, ...]:
    """The longest passages that both have, with at least one that isn't common, in the order of the first text."""
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    runs = [one[block.a : block.a + block.size] for block in blocks if block.size >= LENGTH]
    return tuple(dict.fromkeys(" ".join(run).replace(END, "/").strip(" /") for run in runs if _passages(run) & shared))
