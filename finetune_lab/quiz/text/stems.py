"""Reduces a word to a stem that its forms share, and measures how far two words are apart."""

import re
from functools import lru_cache

IRREGULAR = {
    "frozen": "freez", "froze": "freez", "matrices": "matrix", "weighs": "weight", "shrunk": "shrink",
    "shrank": "shrink",
    "kept": "keep", "held": "hold", "took": "take", "taken": "take", "threw": "throw", "thrown": "throw", "cut": "cut",
    "fell": "fall", "fallen": "fall", "went": "go", "gone": "go", "broke": "break", "broken": "break", "ran": "run",
    "running": "run", "lost": "lose", "gpus": "gpu", "cpus": "cpu",
    "easier": "easy", "easiest": "easy", "easily": "easy",
    "put": "put", "stood": "stand", "brought": "bring", "spent": "spend",
    "embeddings": "embedding", "series": "series", "lets": "let", "bias": "bias", "biases": "bias", "this": "this",
    "note": "note", "notes": "note", "noted": "note",  # not "not"
    "tried": "try", "tries": "try", "loss": "loss", "losses": "loss", "less": "less", "always": "always", "ate": "eat",
    "one's": "one", "during": "during", "thing": "thing", "nothing": "nothing", "everything": "everything",
    "anything": "anything", "something": "something", "string": "string",
    "need": "need", "speed": "speed",
}  # fmt: skip
BRITISH = re.compile(r"is(e|ed|es|ing|ation|ations)$")
ENDINGS = ("ations", "ation", "ing", "ed", "es", "s", "e")
SHORTEST = {"ations": 6, "ation": 6, "ing": 3, "ed": 3, "es": 3, "s": 3, "e": 3}  # letters that must be left
VOWELS = set("aeiouy")


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """The stem of a lower-case word: `quantised`, `quantizes` and `quantization` share `quantiz`."""
    word = word.removesuffix("'s")
    if word in IRREGULAR:
        return IRREGULAR[word]
    if len(word) >= 8:
        word = BRITISH.sub(lambda match: "iz" + match[1], word)
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    for ending in ENDINGS:
        rest = word.removesuffix(ending)
        if (
            rest != word
            and len(rest) >= SHORTEST[ending]
            and VOWELS & set(rest)
            and not word.endswith(("ss", "us", "is"))
        ):
            return _without_double(rest) if ending in ("ing", "ed") else rest
    return word


def _without_double(rest: str) -> str:
    doubled = len(rest) > 3 and rest[-1] == rest[-2] and rest[-1] not in "lsez"
    return (rest[:-1] if doubled else rest).removesuffix("e")


@lru_cache(maxsize=65536)
def distance(one: str, other: str, limit: int) -> int:
    """Edits (a letter put in, left out, replaced, or two swapped) from one word to the other; `limit + 1` if more."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, above, row = row, before, [i]
        for j, target in enumerate(other, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != target))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == target:
                best = min(best, above[j - 2] + 1)
            row.append(best)
        if min(row) > limit:
            return limit + 1
    return row[-1]


def typo_limit(length: int) -> int:
    """How many edits still make a typo of a word this long: none below four letters, two from eight on."""
    return 0 if length < 4 else 1 if length < 8 else 2
