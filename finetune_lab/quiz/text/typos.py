"""Finds the known words that a typo may stand for, without a look at all of them.

Two words that are two edits apart share a form once up to two letters are left out of each: `wieghts` and `weights`
share `weghts`. So the known words are filed under all their shorter forms, once, and a typo is looked up under its own.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations

SHORTEST = 4  # letters: shorter words are taken as they are written
MOST_EDITS = 2
LONGEST = 24  # letters: a longer word is no typo of a known one


class TypoIndex:
    """Known words by their shorter forms; the files are made when the first typo is looked up."""

    def __init__(self, known: Iterable[str]) -> None:
        self.known = [word for word in known if SHORTEST <= len(word) <= LONGEST]
        self._files: dict[str, list[str]] = {}

    def candidates(self, *words: str) -> set[str]:
        """Every known word that is at most two edits from one of the words, and some more."""
        if not self._files:
            self._files = _filed(self.known)
        forms = {form for word in words if len(word) <= LONGEST + MOST_EDITS for form in shorter_forms(word)}
        return {word for form in forms for word in self._files.get(form, ())}


def _filed(words: list[str]) -> dict[str, list[str]]:
    files: dict[str, list[str]] = defaultdict(list)
    for word in words:
        for form in set(shorter_forms(word)):
            files[form].append(word)
    return dict(files)


def shorter_forms(word: str) -> Iterator[str]:
    """The word, and what is left of it without any one or two of its letters."""
    for edits in range(MOST_EDITS + 1):
        for places in combinations(range(len(word)), edits):
            yield "".join(letter for place, letter in enumerate(word) if place not in places)
