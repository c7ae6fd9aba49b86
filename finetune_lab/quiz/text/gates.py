"""Answers that are none: empty, copied, stuffed with terms, repeated, written to the grader, too long, foreign."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from finetune_lab.quiz.text.claims import Reading
from finetune_lab.quiz.text.clauses import HARD_MARKS
from finetune_lab.quiz.text.cleaning import cleaned
from finetune_lab.quiz.text.order import MARKS, fluency
from finetune_lab.quiz.text.stems import stem
from finetune_lab.quiz.text.stuffing import is_functional, is_stuffed
from finetune_lab.quiz.text.tokens import READ, Token
from finetune_lab.quiz.text.words import Lexicon

LEFT_OPEN = {"a", "an", "the", "and", "or", "but", "plus", "because", "than", "every", "their"}
LEAST_FLUENT = -1.2  # the sum over neighbours below which words are in no order
FLOWING_A_WORD = 0.4  # a row of terms within such sentences is no pile
ORDERLY_A_WORD = 0.2  # where the wording alone is to pass an answer
LONG, LEAST_FLUENT_A_WORD = 11, 0.1  # in a long answer without marks, chance alone reaches a sum above zero


GATES: dict[str, tuple[Literal["not_yet", "review"], str]] = {
    "language": ("review", "This seems to be in another language than English: a person reads it."),
    "empty": ("not_yet", "There is no answer yet: write a sentence in your own words."),
    "to_the_grader": ("not_yet", "Part of this speaks to the grader instead of answering the question."),
    "too_long": ("review", f"This has over {READ} characters: a person reads it. Two or three sentences do."),
    "repeated": ("not_yet", "The same words come again and again; say it once, as a sentence."),
    "stuffed": ("not_yet", "These are terms without a statement; say what happens to what."),
    "disordered": ("not_yet", "These words don't form sentences; say it as you would say it aloud."),
    "elsewhere": ("not_yet", "This speaks of something else than the question does."),
    "guessing": ("not_yet", "You offer several answers; decide for one and say it as a statement."),
    "forgotten": ("not_yet", "You name a word, not a thought: what happens to what? Look it up and try again."),
    "copied": ("not_yet", "This repeats the question; answer it in your own words."),
}


@dataclass(frozen=True)
class Gate:
    """A gate that an answer did not get through."""

    name: str
    verdict: Literal["not_yet", "review"]
    reason: str


def gate_of(reading: Reading, prompt: str, lexicon: Lexicon) -> Gate | None:
    """The first gate that stops the answer; None where it may be judged by its ideas."""
    words = [token for token in reading.tokens if token.is_word]
    is_empty = not words and not any(token.concepts for token in reading.tokens)
    to_the_grader = bool(lexicon.frames["to_the_grader"].search(reading.text))
    stops = (
        ("language", _is_foreign(reading.text, words, lexicon)),
        ("empty", is_empty),
        ("to_the_grader", to_the_grader),
        ("too_long", len(reading.text) > READ),
        ("repeated", _is_repeated(words)),
        ("stuffed", is_stuffed(reading.tokens, lexicon, is_in_order(reading.tokens, lexicon, FLOWING_A_WORD))),
        ("guessing", _is_guessing(reading.tokens)),
        ("forgotten", bool(lexicon.frames["forgotten"].search(reading.text))),
        ("disordered", _is_disordered(reading.tokens, lexicon)),
        ("elsewhere", _is_elsewhere(reading.text, lexicon)),
        ("copied", _is_copied(words, prompt, lexicon)),
    )
    return next((Gate(name, *GATES[name]) for name, stopped in stops if stopped), None)


def _is_disordered(tokens: list[Token], lexicon: Lexicon) -> bool:
    """Words in no order, or words that break off: `... and faster and`."""
    words = sum(token.is_word for token in tokens)
    unmarked = not any(token.text in MARKS or token.text in HARD_MARKS for token in tokens[:-1])
    least = LEAST_FLUENT_A_WORD * words if words >= LONG and unmarked else LEAST_FLUENT
    return fluency(tokens, lexicon.function_words) < least or bool(tokens and tokens[-1].text in LEFT_OPEN)


def is_in_order(tokens: list[Token], lexicon: Lexicon, least_a_word: float = ORDERLY_A_WORD) -> bool:
    """Whether the words follow each other as in sentences, by more than the gate asks for."""
    return fluency(tokens, lexicon.function_words) >= least_a_word * sum(token.is_word for token in tokens)


def _is_foreign(text: str, words: list[Token], lexicon: Lexicon) -> bool:
    letters = [char for char in text if char.isalpha()]
    other = sum(not unicodedata.name(char, "").startswith("LATIN") for char in letters)
    if letters and other > 0.5 * len(letters):
        return True
    foreign = sum(token.text in lexicon.foreign_words for token in words)
    english = sum(token.text in lexicon.function_words for token in words)
    return len(words) >= 5 and foreign >= 2 and foreign > english


def _is_elsewhere(text: str, lexicon: Lexicon) -> bool:
    """`A travel adapter is cheap, and you can swap it between sockets`; a comparison says that it is one."""
    words = set(re.findall(r"[a-z]+", text.lower()))
    is_comparison = bool(words & {"like", "as", "imagine", "think", "analogy", "similar"})
    return len(words & lexicon.elsewhere) >= 1 and not words & lexicon.subject and not is_comparison


def _is_guessing(tokens: list[Token]) -> bool:
    """`maybe the weights, maybe the data, maybe the prompt`, `weights? data? prompt?`."""
    guesses = sum(token.text in ("maybe", "perhaps", "possibly", "probably", "either") for token in tokens)
    choices = sum(token.text == "or" for token in tokens)
    is_either = choices >= 2 and any(token.text == "either" for token in tokens)
    said = [token.text for token in tokens if token.text != "\n"]
    asked = sum(
        one == "?" and later not in ("yes", "no", "nope")  # `Another model? No.` is no guess
        for one, later in zip(said, [*said[1:], ""], strict=False)  # of nothing, none
    )
    return guesses >= 3 or (guesses >= 2 and choices > 0) or is_either or asked >= 3


def _is_repeated(words: list[Token]) -> bool:
    """One word is over half of the answer, or most groups of three words came before."""
    texts = [token.text for token in words]
    if len(texts) < 5:
        return False
    triples = list(zip(texts, texts[1:], texts[2:], strict=False))
    again = len(triples) - len(set(triples))
    return Counter(texts).most_common(1)[0][1] > 0.5 * len(texts) or (len(texts) >= 9 and again > 0.4 * len(triples))


def _is_copied(words: list[Token], prompt: str, lexicon: Lexicon) -> bool:
    """Nothing but words of the question and of grammar."""
    asked = {stem(word) for word in re.findall(r"[a-z]+", cleaned(prompt).lower())}
    own = [part for token in words for part in token.stems if not is_functional(token, lexicon)]
    new = [part for part in own if part not in asked and part != "formula" and part not in lexicon.function_words]
    formulas = any(token.is_formula for token in words)
    return bool(own) and not new and not formulas
