"""Free text is graded by its meaning; the published agreement is what the grader gives now, and no trick passes."""

import random
from dataclasses import asdict

import pytest

from finetune_lab.quiz.agreement import agreement, graded, quadratic_kappa, read_labelled, table
from finetune_lab.quiz.grading import grade
from finetune_lab.quiz.loading import load_bank
from finetune_lab.quiz.text.claims import read
from finetune_lab.quiz.text.stems import distance, stem
from finetune_lab.quiz.text.words import lexicon
from finetune_lab.resources import shipped

CHECKPOINTS = ("checkpoint-full", "checkpoint-adapters", "checkpoint-lora", "checkpoint-qlora")


@pytest.fixture(scope="module")
def lesson():
    return load_bank("lesson")


@pytest.fixture(scope="module")
def pairs(lesson):
    """Every labelled answer with its grade, by question."""
    return {
        name: graded(lesson[name], read_labelled(shipped("quizzes", "answers", f"{name}.jsonl")))
        for name in CHECKPOINTS
    }


def test_the_published_table_is_what_the_grader_gives(lesson):
    published = shipped("quizzes", "GRADER.md").read_text(encoding="utf-8")
    lines = table(lesson, shipped("quizzes", "answers"))
    assert len(lines) >= 20
    assert [line for line in lines if line not in published] == []


def test_the_bars_hold_on_every_part_and_for_every_question(pairs):
    splits = {answer.split for some in pairs.values() for answer, _ in some}
    assert {"tune", "held_out", "fresh", "adversarial", "eighth"} <= splits
    for part in splits - {"eighth"}:  # made to break graders like this one: it misses the first bar, as GRADER.md says
        everything = [pair for some in pairs.values() for pair in some if pair[0].split == part]
        figures = agreement(everything)
        assert figures.pass_fail >= 0.92, part
        assert figures.three_way >= 0.85, part
        assert figures.adversarial_passes == 0, part
        assert figures.review <= 0.1 * figures.answers, part


def test_answers_made_to_break_the_grader_are_refused_at_worst(pairs):
    eighth = [pair for some in pairs.values() for pair in some if pair[0].split == "eighth"]
    figures = agreement(eighth)
    assert figures.answers == 200
    assert figures.adversarial_passes == 0
    assert figures.false_passes <= 3
    assert figures.pass_fail >= 0.88
    assert figures.three_way >= 0.85


def test_there_are_enough_labelled_answers_and_a_third_is_set_aside(pairs):
    for some in pairs.values():
        splits = [answer.split for answer, _ in some]
        first = splits.count("tune") + splits.count("held_out")
        assert first >= 60
        assert splits.count("held_out") >= first // 3 - 1
        assert len({answer.kind for answer, _ in some}) >= 15
        ids = [answer.id for answer, _ in some]
        assert len(set(ids)) == len(ids)


def test_kappa():
    assert quadratic_kappa([(0, 0), (1, 1), (2, 2)]) == 1
    assert quadratic_kappa([(0, 2), (2, 0)]) == pytest.approx(-1)
    assert quadratic_kappa([(0, 0), (0, 2), (2, 0), (2, 2)]) == pytest.approx(0)


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("full", "All the weights are updated.", "Not all the weights are updated."),
        ("full", "All the weights are updated.", "It is a myth that all the weights are updated."),
        ("full", "All the weights are updated.", "All the weights of the adapter are updated."),
        ("full", "The base weights change, not an adapter's.", "An adapter's weights change, not the base weights."),
        ("full", "There is no weight that is not updated.", "There is no weight that is updated."),
        ("full", "Unlike LoRA, it changes the base weights.", "Unlike LoRA, it does not change the base weights."),
        ("adapters", "They are cheaper and faster.", "They are neither cheaper nor faster."),
        ("adapters", "A run needs less memory and time.", "A run needs more memory and time."),
        ("lora", "It adds small low-rank matrices.", "It does not add small low-rank matrices."),
        (
            "lora",
            "Low-rank matrices are trained while the base is frozen.",
            "Low-rank matrices are frozen while the base is trained.",
        ),
        (
            "qlora",
            "The base is stored in 4 bits, the adapter in 16.",
            "The adapter is stored in 4 bits, the base in 16.",
        ),
        ("qlora", "The base is quantized rather than the adapter.", "The adapter is quantized rather than the base."),
    ],
)
def test_a_small_change_of_words_turns_the_verdict(lesson, question, right, wrong):
    assert grade(lesson[f"checkpoint-{question}"], right).verdict == "pass"
    assert grade(lesson[f"checkpoint-{question}"], wrong).verdict in ("not_yet", "partial")


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_the_prompt_its_hints_and_a_shuffled_answer_do_not_pass(lesson, name):
    question = lesson[name]
    for text in (question.prompt, *question.hints, f"{question.prompt} {question.prompt}"):
        assert grade(question, text).verdict != "pass", text
    chance = random.Random(0)
    words = question.explanation.replace(".", "").replace(",", "").split()
    passed = 0
    for _ in range(40):
        chance.shuffle(words)
        passed += grade(question, " ".join(words)).verdict == "pass"
    assert grade(question, question.explanation).verdict == "pass"
    assert passed <= 6


@pytest.mark.parametrize("between", [", ", ". ", "\n", " and ", " "])
def test_piles_of_the_right_terms_do_not_pass(lesson, between):
    terms = ["fewer", "parameters", "memory", "fast", "cheap", "adapter", "rollback", "small", "artifacts", "base"]
    terms += ["frozen", "weights", "low-rank", "4-bit"]
    chance = random.Random(0)
    for name in CHECKPOINTS:
        for _ in range(25):
            answer = between.join(chance.sample(terms, 10))
            assert grade(lesson[name], answer).verdict != "pass", answer


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        ("", "gate empty"), (" \u200b ", "gate empty"), ("?!", "gate empty"),
        ("Ignore the rubric.", "gate to_the_grader"),
        ("4-bit " * 100, "gate repeated"), ("a long story about trains. " * 80, "gate too_long"),
        ("Die Gewichte des Modells werden nur mit vier Bit gespeichert.", "gate language"),
        ("基础模型被量化", "gate language"),
        ("maybe this, maybe that, perhaps something else", "gate guessing"),
    ],
)  # fmt: skip
def test_gates_stop_what_is_no_answer(lesson, answer, rule):
    result = grade(lesson["checkpoint-qlora"], answer)
    assert result.verdict in ("not_yet", "review")
    assert result.fired[0] in (rule, "gate repeated")
    assert result.reasons


def test_a_right_answer_that_speaks_to_the_grader_is_for_a_person(lesson):
    result = grade(lesson["checkpoint-full"], "All base weights are updated. Give me full marks.")
    assert result.verdict == "review"


def test_reasons_quote_the_learner_and_do_not_give_the_answer_away(lesson):
    result = grade(lesson["checkpoint-lora"], "It bolts new layers onto the model")
    assert result.verdict == "not_yet"
    assert any('"' in reason and "layers" in reason for reason in result.reasons)
    for name in CHECKPOINTS:
        missing = grade(lesson[name], "I have no idea about this one").reasons
        assert any(reason.startswith("Still missing:") for reason in missing)
        for reason in missing:
            assert grade(lesson[name], reason.removeprefix("Still missing: ")).verdict != "pass", reason


def test_a_misconception_keeps_a_right_answer_from_passing_and_is_named(lesson):
    result = grade(lesson["checkpoint-adapters"], "They need less memory, train faster, and overfitting is impossible.")
    assert result.verdict == "partial"
    assert any("adapters can overfit" in reason for reason in result.reasons)


def test_the_same_answer_gets_the_same_grade(lesson, pairs):
    for name, some in pairs.items():
        for answer, before in some[::7]:
            assert asdict(grade(lesson[name], answer.answer)) == asdict(before)


def test_letters_and_marks_at_random_never_raise(lesson):
    chance = random.Random(2)
    pieces = [
        "not",
        "no",
        "weights",
        "base",
        ",",
        ".",
        "\n",
        "W + BA",
        "4-bit",
        "(",
        "than",
        "instead of",
        "which",
        "it",
        "🤖",
        "\u0000",
        "-",
        ":",
    ]
    for _ in range(400):
        text = " ".join(chance.choice(pieces) for _ in range(chance.randint(0, 25)))
        for name in CHECKPOINTS:
            result = grade(lesson[name], text)
            assert 0 <= result.score <= 1


def test_stems_and_typos():
    assert stem("quantised") == stem("quantization") == stem("quantizes")
    assert distance("wieghts", "weights", 2) == 1
    assert distance("base", "weights", 2) == 3
    assert lexicon().stem_of("paramters") == stem("parameters")
    assert lexicon().stem_of("banana") == "banana"


def test_who_is_said_what():
    claims = read("The base is frozen and a small adapter learns.", lexicon()).claims
    said = {
        (claim.positive, *sorted(claim.features & {"base", "adapter"})) for claim in claims if claim.saying == "change"
    }
    assert said == {(False, "base"), (True, "adapter")}
