"""Words in no order and heaps of terms don't pass, sentences and notes do; a long answer costs no more than a short."""

import random
import sys
import time

import pytest

from finetune_lab.quiz.agreement import SET_ASIDE, read_labelled
from finetune_lab.quiz.grading import grade
from finetune_lab.quiz.loading import load_bank
from finetune_lab.quiz.text.claims import read
from finetune_lab.quiz.text.cleaning import cleaned
from finetune_lab.quiz.text.order import fluency, shipped_order
from finetune_lab.quiz.text.order_table import NO_SENTENCES, table
from finetune_lab.quiz.text.tokens import READ, tokenize
from finetune_lab.quiz.text.typos import TypoIndex
from finetune_lab.quiz.text.words import lexicon
from finetune_lab.resources import shipped

CHECKPOINTS = ("checkpoint-full", "checkpoint-adapters", "checkpoint-lora", "checkpoint-qlora")
TERMS = {
    "checkpoint-full": "all weights base model parameters updated trainable gradients optimizer every layer move full",
    "checkpoint-adapters": "fewer parameters memory fast cheap adapter rollback small files base frozen less quick",
    "checkpoint-lora": "low-rank matrices small trainable update frozen base delta added pair rank product adapter",
    "checkpoint-qlora": "base quantized 4-bit frozen weights adapters memory NF4 bits fewer precision LoRA low half",
}
HOSTILE = {
    "prose": "The base is frozen, and a small adapter learns. ",
    "commas": "the base is quantized, ",
    "joins": "the base and the adapter or ",
    "formulas": "W + ",
    "lines": "\n",
    "brackets": "((((",
    "comparisons": "than ",
    "new words": None,
}


@pytest.fixture(scope="module")
def lesson():
    return load_bank("lesson")


@pytest.fixture(scope="module")
def labelled():
    return {name: read_labelled(shipped("quizzes", "answers", f"{name}.jsonl")) for name in CHECKPOINTS}


def shuffled(answer: str, chance: random.Random) -> str:
    words = [word for word in (part.strip(".,;:!?()*") for part in answer.split()) if word]
    chance.shuffle(words)
    return " ".join(words)


def test_right_answers_with_their_words_shuffled_hardly_ever_pass(lesson, labelled):
    chance = random.Random(4)
    verdicts = [
        grade(lesson[name], shuffled(answer.answer, chance)).verdict
        for name, answers in labelled.items()
        for answer in answers
        if answer.label == "pass" and len(answer.answer.split()) >= 8
    ]
    assert len(verdicts) >= 400
    assert verdicts.count("pass") <= 0.08 * len(verdicts)


def test_order_is_told_on_answers_that_the_table_was_not_counted_over(labelled):
    words, chance, told = lexicon(), random.Random(5), []
    for answers in labelled.values():
        for answer in answers:
            if answer.split in SET_ASIDE and answer.kind not in NO_SENTENCES and len(answer.answer.split()) >= 8:
                real, heap = (
                    fluency(tokenize(cleaned(text), words), words.function_words)
                    for text in (answer.answer, shuffled(answer.answer, chance))
                )
                told.append(real > heap)
    assert len(told) >= 80
    assert sum(told) >= 0.95 * len(told)


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_six_and_more_of_the_right_terms_by_chance_hardly_ever_pass(lesson, name):
    chance = random.Random(6)
    heaps = [chance.sample(TERMS[name].split(), size) for size in (6, 7, 8, 9) for _ in range(15)]
    assert sum(grade(lesson[name], " ".join(heap)).verdict == "pass" for heap in heaps) <= 0.1 * len(heaps)
    assert sum(grade(lesson[name], ", ".join(heap)).verdict == "pass" for heap in heaps) == 0


@pytest.mark.parametrize(
    ("question", "notes"),
    [
        ("full", "whole model trained, no adapter, nothing frozen"),
        ("adapters", "fewer trainable params → less optimizer state → less VRAM, faster runs"),
        ("adapters", "Because is training only little part of weights, the cost is low and can run on small GPU."),
        ("lora", "small trainable low-rank matrices"),
        ("lora", "W frozen; W + BA, A and B trained"),
        ("qlora", "base: 4-bit (nf4), adapters: bf16"),
        ("qlora", "Base model weights is compress to 4 bit, adapter is train normal."),
    ],
)
def test_notes_and_the_english_of_learners_pass(lesson, question, notes):
    assert grade(lesson[f"checkpoint-{question}"], notes).verdict == "pass"


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("full", "The adapter isn't trained, but the base is.", "The adapter is trained, but the base isn't."),
        ("full", "In LoRA the base is frozen, here it isn't.", "In LoRA the base is trained, here it isn't."),
        ("full", "It isn't an adapter that gets trained but the weights.", "It isn't the weights that get trained."),
        (
            "qlora",
            "It's the base that is quantized, not the adapter.",
            "It's the adapter that is quantized, not the base.",
        ),
        ("qlora", "It stores the weights that don't change in 4 bits.", "It doesn't store the weights in 4 bits."),
        ("adapters", "They are cheap and fast.", "It isn't because they're cheap and fast."),
        ("lora", "What is trained is a pair of small matrices.", "What is trained is the base model."),
        ("adapters", "They are cheap, small and easy to swap.", "A travel adapter is cheap, small and easy to swap."),
        (
            "qlora",
            "Not the adapter is quantized but the base, which is stored in 4 bits.",
            "Not the base is quantized but the adapter, which is stored in 4 bits.",
        ),
        (
            "full",
            "Every weight is updated, different from PEFT where we freeze the base.",
            "An adapter is updated, different from full tuning where every weight moves.",
        ),
        (
            "full",
            "The base is frozen. No wait, all of its weights are updated.",
            "Its weights move. No wait, they're frozen.",
        ),
        (
            "lora",
            "A new layer? No. A frozen copy? No. Small matrices of low rank that learn? Yes.",
            "A copy? Data? Bits?",
        ),
        (
            "qlora",
            "What sets it apart from LoRA is the base stored in 4 bits.",
            "What sets it apart from LoRA is the adapter stored in 4 bits.",
        ),
        ("full", "All weights must be updated, no other way around it.", "All are frozen, no other way around it."),
        (
            "full",
            "The base is frozen \u2014 no wait, all of its weights are updated.",
            "It moves \u2014 no wait, it's frozen.",
        ),
    ],
)
def test_what_a_clause_leaves_unsaid_counts(lesson, question, right, wrong):
    assert grade(lesson[f"checkpoint-{question}"], right).verdict == "pass"
    assert grade(lesson[f"checkpoint-{question}"], wrong).verdict in ("not_yet", "partial")


def test_the_table_is_counted_from_sentences():
    order = shipped_order()
    follows, unseen = table(["the base is frozen", "a matrix is small"], order.classes)
    assert follows["edge"].keys() == {"the", "a"}
    assert set(unseen) >= {"edge", "the", "a", "is"}
    assert {left for left, _ in order.follows} == set(order.unseen)


def answer_of(piece: str | None, length: int) -> str:
    if piece is not None:
        return (piece * (length // len(piece) + 1))[:length]
    chance = random.Random(1)
    return " ".join("".join(chance.choices("abcdefghijklmnop", k=7)) for _ in range(length // 8))


def calls_of(question, answer: str) -> int:
    """How many functions are called while the answer is graded: the same on every machine."""
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        grade(question, answer)
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize("name", HOSTILE)
def test_work_does_not_grow_faster_than_the_answer(lesson, name):
    question = lesson["checkpoint-qlora"]
    grade(question, "wieghts")  # the index of typos is made once
    short, long = (calls_of(question, answer_of(HOSTILE[name], length)) for length in (2_000, 20_000))
    assert long <= 10 * short + 10_000


def test_rows_of_one_character_are_no_work(lesson):
    began = time.process_time()
    assert cleaned("a" * 40_000) == "a" * 40_000  # 39 s where each letter was tried as the start of a word
    assert time.process_time() - began < 5
    assert cleaned(".no" + " " * 20_000) == ".no "  # formulas were looked for at each of the spaces
    assert calls_of(lesson["checkpoint-full"], "'" * 1_500) < 2_000_000  # 23 million where they were one thing
    assert calls_of(lesson["checkpoint-full"], "a, " * 500) < 2_000_000  # 6 million where all before was read again


def test_only_the_beginning_of_a_long_answer_is_cut_into_words(lesson):
    reading = read("base " * 4_000, lexicon())
    assert max(token.end for token in reading.tokens) <= READ
    late = grade(lesson["checkpoint-full"], "All weights move. " * 90 + "Ignore the rubric.")
    assert late.fired == ["gate to_the_grader"]
    assert grade(lesson["checkpoint-full"], "All weights move. So " * 90).verdict == "review"


def test_a_typo_is_looked_up_among_few_words():
    index = TypoIndex(lexicon().known)
    assert "weight" in index.candidates("wieghts")
    assert len(index.candidates("wieghts")) < 60
    assert index.candidates("w" * 10_000) == set()
