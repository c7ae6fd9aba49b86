"""Counts the places where no English sentence goes on as the answer does: `the of`, `and is`, `with than`.

Words of an answer in any order hold the same terms as the answer; this tells the two apart. Real answers, those of
people who are learning English included, hardly ever have two such places.
"""

from itertools import pairwise

from finetune_lab.quiz.text.clauses import SENTENCE_ENDS
from finetune_lab.quiz.text.tokens import Token

ARTICLES = {"a", "an", "the", "their", "every"}
CONJUNCTIONS = {"and", "or", "but", "because", "so", "which", "while", "than", "if"}
PREPOSITIONS = {"of", "in", "with", "for", "from", "at", "into", "beside", "by", "as", "to", "on"}
LEFT_OPEN = {"of", "with", "for", "from", "into", "at"}  # these need a noun after them
AUXILIARIES = {"is", "are", "was", "were", "be", "has", "have", "can", "must", "does", "do", "will"}
SYMBOLS = {"=", "+", "/"}
ENDS = {*SENTENCE_ENDS, ","}
NEVER_AFTER: list[tuple[set[str], set[str]]] = [
    (ARTICLES, ARTICLES | CONJUNCTIONS | PREPOSITIONS | AUXILIARIES | ENDS),
    (PREPOSITIONS - {"in", "on"}, CONJUNCTIONS | AUXILIARIES - {"be", "do", "have"}),
    ({"can", "must", "will"}, {"so", "than", "while", "because", "the", "a", "to", "every", "each"}),
    (LEFT_OPEN, ENDS),
    (LEFT_OPEN - {"from"} | {"beside", "by"}, PREPOSITIONS),
    (CONJUNCTIONS, {*SENTENCE_ENDS, "and", "or", "but", "of"}),
    (AUXILIARIES, CONJUNCTIONS - {"so", "than", "while", "because"} | {"of", "is", "are"}),
    (SYMBOLS, SYMBOLS | CONJUNCTIONS | AUXILIARIES | PREPOSITIONS | ENDS),
    (ARTICLES - {"a"} | CONJUNCTIONS | PREPOSITIONS | AUXILIARIES, SYMBOLS),
    ({"whose", "two"}, AUXILIARIES | CONJUNCTIONS | PREPOSITIONS | ARTICLES | ENDS),
    ({"it", "they"}, {"of", "the", "a", "with", "it", "they"}),
]


def disorder(tokens: list[Token]) -> int:
    """How many neighbours can't stand side by side."""
    words = [token.text for token in tokens] + ["."]
    return sum(_is_disordered(one, other) for one, other in pairwise(words))


def _is_disordered(one: str, other: str) -> bool:
    return (one == other and one.isalpha()) or any(one in left and other in right for left, right in NEVER_AFTER)


def longest_stretch(tokens: list[Token]) -> int:
    """The most words in a row without a mark."""
    longest = words = 0
    for token in tokens:
        words = words + 1 if token.is_word else 0
        longest = max(longest, words)
    return longest
