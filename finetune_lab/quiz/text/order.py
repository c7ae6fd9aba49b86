"""Tells words in an order from words in none: how often does a word of this class follow one of that class?

    a small matrix learns   article -> quality -> thing -> verb        each follows often: a high sum
    matrix a learns small   thing -> article -> verb -> quality        hardly ever: a low sum

Words of a right answer in any order hold the same terms as the answer; only their order tells the two apart. The table,
quizzes/words/order.toml, was counted by `order_table` over answers and prose, and knows no word of the subject.
"""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from finetune_lab.quiz.text.tokens import Token
from finetune_lab.resources import shipped

EDGE = "edge"  # the start and the end of an answer
MARKS = frozenset(".,;:!?\n()")
ROLES = ("method", "verb", "quality", "thing")
ENDINGS = {"ly": "adverb", "ing": "doing", "ed": "done", "s": "plural"}
LEAST_OF_NOTES = -0.3  # notes leave out words of grammar, so that terms side by side count little, and so do formulas
SHORTEST_PILE = 4  # words; three terms are a note
NOTE_MARKS = {"mark", "sign", "formula"}
SYMBOLS = ("formula", "number", "sign", "method", "mark")


@dataclass(frozen=True)
class Order:
    """Log-odds that a class follows another more often than by chance; `unseen` for pairs that never came."""

    classes: dict[str, str]  # words of grammar -> their class
    follows: dict[tuple[str, str], float]
    unseen: dict[str, float]

    def score(self, left: str, right: str, is_bare: bool, is_list: bool) -> float:
        """Above zero where `right` likes to follow `left`.

        Where all is bare, terms alone have to show an order; the lines of a list may break off anywhere.
        """
        score = self.follows.get((left, right), self.unseen.get(left, 0.0))
        if is_list and not {"mark", "sign"}.isdisjoint((left, right)):
            return max(score, 0.0)
        is_grammar = not {left, right}.isdisjoint(self.grammar) and {left, right}.isdisjoint(SYMBOLS)
        return score if is_grammar or is_bare else max(score, LEAST_OF_NOTES)

    @property
    def grammar(self) -> frozenset[str]:
        return _grammar(tuple(self.classes.values()))


@lru_cache(maxsize=4)
def _grammar(classes: tuple[str, ...]) -> frozenset[str]:
    return frozenset(classes) | {"function"}


@lru_cache(maxsize=1)
def shipped_order() -> Order:
    """The table that comes with the course."""
    data = tomllib.loads(shipped("quizzes", "words", "order.toml").read_text(encoding="utf-8"))
    follows = {
        (left, right): int(hundredths) / 100
        for left, text in data["follows"].items()
        for right, hundredths in (pair.split(":") for pair in text.split())
    }
    return Order(classes_from(data["classes"]), follows, {name: value / 100 for name, value in data["unseen"].items()})


def classes_from(listed: dict[str, str]) -> dict[str, str]:
    """Word -> class, of `class = "word word ..."`. A class named `itself` makes each of its words its own class."""
    return {word: word if name == "itself" else name for name, text in listed.items() for word in text.split()}


def class_of(token: Token, classes: dict[str, str], function_words: frozenset[str]) -> str:
    """What part the token has in a sentence, seen from outside: its word, its role, its ending."""
    if token.text in classes:
        return classes[token.text]
    if not token.is_word and not token.text[0].isdigit():
        return "mark" if token.text in MARKS else "sign"
    if token.is_formula or (token.text[0].isdigit() and not token.concepts):
        return "formula" if token.is_formula else "number"
    role = next((role for role in ROLES if token.has(role)), "")
    if not role and token.text in function_words:
        return "function"
    return _with_ending(role, token)


def _with_ending(role: str, token: Token) -> str:
    last = token.text.split()[-1]
    ending = next((name for ending, name in ENDINGS.items() if last.endswith(ending)), "")
    if role == "verb":
        return "doing" if ending == "doing" else "participle" if token.is_participle else f"verb_{ending or 'plain'}"
    if role == "thing":
        return "things" if ending == "plural" else "thing"
    return role or ending or "word"


def class_sequence(tokens: list[Token], classes: dict[str, str], function_words: frozenset[str]) -> list[str]:
    """The classes of an answer's tokens, between two edges."""
    return [EDGE, *(class_of(token, classes, function_words) for token in tokens), EDGE]


def fluency(tokens: list[Token], function_words: frozenset[str]) -> float:
    """The sum over neighbours: far above zero for sentences, around zero for notes, below for words in no order."""
    order = shipped_order()
    sequence = class_sequence(tokens, order.classes, function_words)
    is_bare = len(tokens) >= SHORTEST_PILE and order.grammar.isdisjoint(sequence) and NOTE_MARKS.isdisjoint(sequence)
    is_list = sum(token.text == "\n" for token in tokens) > 1
    return sum(order.score(left, right, is_bare, is_list) for left, right in pairwise(sequence))
