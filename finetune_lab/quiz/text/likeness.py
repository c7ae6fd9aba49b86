"""How much an answer reads like those that examiners passed: a second opinion beside the rules, learned from marks.

    "all the weights get nudged"
      words:    all  weight  all weight  weight get ...            a weight for each, learned by multinomial logistic
      concepts: @all  @weights  @all weights  @weights get change     regression over the labelled answers
      -> P(not_yet), P(partial), P(pass)

The rules know what an answer must say and miss what is said in words they were not given; this knows how answers are
worded and nothing of what they mean. `settling` has the two agree. data/build/learn_likeness.py learns the weights.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from finetune_lab.quiz.text.tokens import Token
from finetune_lab.quiz.verdict import Verdict
from finetune_lab.resources import shipped

VERDICTS: tuple[Verdict, ...] = ("not_yet", "partial", "pass")
EDGE = "|"  # the start and the end of an answer
LONGEST_WORDS, LONGEST_CONCEPTS = 2, 3  # of a run that is looked up
MOST_TELLING = 2  # of an answer's words are quoted
Span = tuple[int, int]  # of tokens: the first, and one past the last


@dataclass(frozen=True)
class Opinion:
    """A probability for each verdict, and what the words of the subject weigh, in the order of VERDICTS."""

    shares: Mapping[Verdict, float]
    weighed: Mapping[Span, tuple[float, ...]]

    def telling(self, verdict: Verdict) -> list[Span]:
        """The words that speak most for a verdict, none twice, in the order of the answer; none for `review`."""
        if verdict not in VERDICTS:
            return []
        speaks = {span: weights[VERDICTS.index(verdict)] for span, weights in self.weighed.items()}
        chosen: list[Span] = []
        for span in sorted(speaks, key=lambda one: -speaks[one]):
            apart = all(span[1] <= other[0] or other[1] <= span[0] for other in chosen)
            if apart and speaks[span] > 0 and len(chosen) < MOST_TELLING:
                chosen.append(span)
        return sorted(chosen)


@dataclass(frozen=True)
class Likeness:
    """What was learned of one question's answers."""

    bias: tuple[float, ...]  # one a verdict, as in VERDICTS
    weights: Mapping[str, tuple[float, ...]]  # run of words or concepts -> the same

    def of(self, tokens: Sequence[Token]) -> Opinion | None:
        """What this says of an answer; None where it knows no part of it."""
        known = {name: span for name, span in runs(tokens) if name in self.weights}
        if not known:
            return None
        length = math.sqrt(len(known))  # answers are compared by what they hold, not by how long they are
        sums = [sum(self.weights[name][at] for name in known) / length for at in range(len(VERDICTS))]
        odds = [math.exp(bias + total) for bias, total in zip(self.bias, sums, strict=True)]
        shares = {verdict: one / sum(odds) for verdict, one in zip(VERDICTS, odds, strict=True)}
        of_subject = {span: self.weights[name] for name, span in known.items() if _is_of_the_subject(tokens, span)}
        return Opinion(shares, of_subject)


def _is_of_the_subject(tokens: Sequence[Token], span: Span) -> bool:
    return any(token.concepts for token in tokens[span[0] : span[1]])


def runs(tokens: Sequence[Token]) -> Iterator[tuple[str, Span]]:
    """The words of an answer and their concepts, alone and in runs, each with its place."""
    words = [_word(token) for token in tokens]
    concepts = ["+".join(sorted(token.concepts)) or word for token, word in zip(tokens, words, strict=True)]
    for mark, line, longest in (("", words, LONGEST_WORDS), ("@", concepts, LONGEST_CONCEPTS)):
        edged = [EDGE, *line, EDGE]
        for length in range(1, longest + 1):
            for start in range(len(edged) - length + 1):
                span = (max(0, start - 1), min(len(line), start - 1 + length))
                if span[0] < span[1]:  # not an edge alone
                    yield mark + " ".join(edged[start : start + length]), span


def _word(token: Token) -> str:
    return "_".join(token.stems) or token.text


@lru_cache(maxsize=16)
def likeness_named(name: str) -> Likeness | None:
    """What ships under this name, in quizzes/likeness; None where nothing does."""
    file = shipped("quizzes", "likeness") / f"{name}.json"
    if not file.is_file():
        return None
    data = json.loads(file.read_text(encoding="utf-8"))
    weights = {run: tuple(hundredth / 100 for hundredth in learned) for run, learned in data["weights"].items()}
    return Likeness(tuple(hundredth / 100 for hundredth in data["bias"]), weights)
