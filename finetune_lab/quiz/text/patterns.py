"""The small language in which a rubric says what it looks for.

change(weights -adapter)     something is said to change, and its words include weights but not adapter
less(memory|hardware)        `|` is or
!change(base)                the same, denied: "the base does not change", "frozen base"
names(matrix low_rank)       the thing is named at all: "a low-rank matrix"
fragment(weights all)        named where nothing is said of it: the answer "all the weights"
cheap()                      said of anything
full:more(memory)            said of another method than the question's: "full tuning needs much memory"
a(x) & b(y)                  both, anywhere in the answer
"""

import re
from dataclasses import dataclass

from finetune_lab.quiz.text.context import Claim

TERM = re.compile(r"^(?:(full|lora|qlora|peft):)?(!?)([a-z_]+(?:\|[a-z_]+)*)\(([a-z_|\- ]*)\)$")


@dataclass(frozen=True)
class Term:
    """One `saying(features)`."""

    sayings: frozenset[str]
    needed: tuple[frozenset[str], ...]  # of each group, one
    barred: frozenset[str]
    positive: bool
    about: str = ""  # the method it is said of, where that is another than the question's

    def matches(self, claim: Claim, topic: frozenset[str], flipped: bool = False) -> bool:
        """Whether the claim says it (or, flipped, the opposite)."""
        about = frozenset({self.about}) if self.about else topic | {""}
        if (self.about or topic) and claim.about not in about:
            return False
        if claim.saying not in self.sayings or claim.positive != (self.positive != flipped):
            return False
        return not self.barred & claim.features and all(group & claim.features for group in self.needed)


@dataclass(frozen=True)
class Pattern:
    """Terms that must all be said."""

    terms: tuple[Term, ...]
    text: str

    def found(self, claims: list[Claim], topic: frozenset[str]) -> list[Claim]:
        """One claim for each term, or none at all."""
        hits = [next((claim for claim in claims if term.matches(claim, topic)), None) for term in self.terms]
        return [hit for hit in hits if hit] if all(hits) else []

    def opposed(self, claims: list[Claim], topic: frozenset[str]) -> Claim | None:
        """A claim that says the opposite of a one-term pattern."""
        if len(self.terms) > 1 or not self.terms[0].positive or {"names", "fragment"} & self.terms[0].sayings:
            return None
        return next((claim for claim in claims if self.terms[0].matches(claim, topic, flipped=True)), None)


def parse(text: str, concepts: set[str]) -> Pattern | str:
    """The pattern, or what is wrong with it."""
    terms = []
    for part in text.split("&"):
        match = TERM.match(part.strip())
        if not match:
            return f"{part.strip()!r} is no pattern; write saying(concepts), such as change(weights -adapter)"
        words = match[4].split()
        needed = tuple(frozenset(word.split("|")) for word in words if not word.startswith("-"))
        barred = frozenset(word[1:] for word in words if word.startswith("-"))
        sayings = frozenset(match[3].split("|"))
        unknown = sorted(
            {*sayings, *barred, *(one for group in needed for one in group)} - concepts - {"names", "fragment"}
        )
        if unknown:
            return f"{part.strip()!r} names unknown concepts: {', '.join(unknown)}"
        terms.append(Term(sayings, needed, barred, not match[2], match[1] or ""))
    return Pattern(tuple(terms), text)
