"""How alike two texts are: the words and pairs of words they share, rare ones weighing more (TF-IDF, cosine).

w(term) = (1 + ln count) * ln((1 + n) / (1 + n with the term)) + 1), vectors of length 1, likeness = their dot product.
(Salton and Buckley 1988, "Term-weighting approaches in automatic text retrieval".)
"""

import math
import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

Vector = dict[str, float]


def words_of(text: str) -> list[str]:
    """The words and numbers, in lower case, without signs."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter if letter.isalnum() else " " for letter in plain).split()


def vectors(texts: Sequence[str]) -> list[Vector]:
    """A vector of length 1 for each text; of no length where it has no word."""
    counts = [Counter(_terms(text)) for text in texts]
    spread = Counter(term for count in counts for term in count)
    rare = {term: math.log((1 + len(texts)) / (1 + found)) + 1 for term, found in spread.items()}
    return [_unit({term: (1 + math.log(n)) * rare[term] for term, n in sorted(count.items())}) for count in counts]


def likeness(one: Vector, other: Vector) -> float:
    """From 0, nothing in common, to 1, the same words and pairs."""
    short, long = sorted((one, other), key=len)
    return sum(weight * long[term] for term, weight in short.items() if term in long)


def _terms(text: str) -> list[str]:
    words = words_of(text)
    return [*words, *(f"{first} {second}" for first, second in pairwise(words))]


def _unit(vector: Vector) -> Vector:
    length = math.sqrt(sum(weight * weight for weight in vector.values()))
    return {term: weight / length for term, weight in vector.items()} if length else {}
