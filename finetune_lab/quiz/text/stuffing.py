"""Tells a pile of terms from a statement: long runs of words without grammar, lists of single terms, things in a row.

Notes are not piles. "small trainable low-rank matrices" describes one thing; "less memory faster runs" pairs each thing
with what is said of it; "base weights" is a usual pair of nouns.
"""

from dataclasses import dataclass, field
from itertools import pairwise

from finetune_lab.quiz.text.clauses import SENTENCE_ENDS
from finetune_lab.quiz.text.tokens import Token
from finetune_lab.quiz.text.words import Lexicon

LONGEST_RUN = 6  # terms with nothing between them
SHORT_RUN = 5  # the same, where they also jump from thing to thing
MOST_IN_A_ROW = 3  # different things side by side
MOST_SINGLES = 5  # list entries of one term
MOST_BARE_THINGS = 3  # list entries that only name a thing
LEAST_LISTED = 0.3  # of the words; `so it needs memory (weights, gradients, optimizer)` only ends in a list
SEPARATORS = {*SENTENCE_ENDS, ",", "/", "&", "+", "(", ")", "->", "=>", "→", "⇒", "-", "\u2013", "\u2014"}
FIRST_OF_A_PAIR = {"base", "model", "adapter", "weights", "optimizer", "gradients", "layers", "data", "small_hardware"}


@dataclass
class _Shape:
    """The answer as runs of terms, and as the segments between marks."""

    runs: list[list[Token]] = field(default_factory=lambda: [[]])
    segments: list[list[Token]] = field(default_factory=lambda: [[]])


def is_stuffed(tokens: list[Token], lexicon: Lexicon, is_flowing: bool) -> bool:
    """Whether these are terms without a statement. A row of terms within flowing sentences is none."""
    shape = _shape(tokens, lexicon)
    single = [part[0] for part in shape.segments if len(part) == 1 and part[0].concepts]
    bare = {tuple(token.of_role("thing")) for token in single if token.has("thing")}
    listed = len(single) >= MOST_SINGLES or len(bare) >= MOST_BARE_THINGS
    listed = listed and len(single) >= LEAST_LISTED * sum(token.is_word for token in tokens)
    piled = any(
        (sum(bool(token.concepts) and not token.is_formula for token in run) >= LONGEST_RUN and not _pairs(run))
        or _jumps(run)
        for run in shape.runs
    )
    return listed or (not is_flowing and (piled or _is_dense(tokens, lexicon)))


def is_functional(token: Token, lexicon: Lexicon) -> bool:
    """Whether it is a word of grammar, such as `the` or `with`."""
    if token.concepts:
        return False
    return token.text in lexicon.function_words or any(token.stems in part for part in lexicon.grammar.values())


def _shape(tokens: list[Token], lexicon: Lexicon) -> _Shape:
    shape = _Shape()
    for token in tokens:
        separates = token.text in SEPARATORS or lexicon.is_a("joins", token.stems)
        if separates:
            shape.segments.append([])
        elif token.is_word:
            shape.segments[-1].append(token)
        if separates or token.text == ":" or (token.is_word and _is_grammar(token, lexicon)):
            shape.runs.append([])
        elif token.is_word:
            shape.runs[-1].append(token)
    return shape


def _is_grammar(token: Token, lexicon: Lexicon) -> bool:
    """A word of grammar, or a verb that goes with a subject: `needs`."""
    verb = token.text.split()[0]
    inflected = token.has("verb") and verb.endswith("s") and not token.has("thing")
    return inflected or is_functional(token, lexicon)


def _jumps(run: list[Token]) -> bool:
    """Things in a row that are no usual pair, or a thing, words about another, that other."""
    things = [token for token in run if token.has("thing")]
    if len(run) < SHORT_RUN or len({tuple(token.of_role("thing")) for token in things}) < 2 or _pairs(run):
        return False
    unlike = sum(_are_unlike(one, other) for one, other in pairwise(run))
    turns = sum(_is_head(one) and _describes(other) for one, other in pairwise(run))
    return unlike + turns >= 2 or (turns >= 1 and len(run) > SHORT_RUN) or _most_in_a_row(run) >= MOST_IN_A_ROW


def _most_in_a_row(run: list[Token]) -> int:
    """The most different things that stand side by side."""
    most = 0
    row: set[tuple[str, ...]] = set()
    for token in run:
        row = row | {tuple(token.of_role("thing"))} if _is_head(token) and not token.is_formula else set()
        most = max(most, len(row))
    return most


def _pairs(run: list[Token]) -> bool:
    """`less memory faster runs`, `base quantized adapters trained`."""
    shape = [_is_head(token) for token in run]
    return len(run) % 2 == 0 and shape in ([False, True] * (len(run) // 2), [True, False] * (len(run) // 2))


def _is_head(token: Token) -> bool:
    return token.has("thing") and not token.has("verb") and not token.text.endswith("'s")


def _describes(token: Token) -> bool:
    return not token.has("thing") and (token.has("quality") or (token.has("verb") and token.is_participle))


def _are_unlike(one: Token, other: Token) -> bool:
    if not (_is_head(one) and _is_head(other)) or one.is_formula or other.is_formula:
        return False
    return one.of_role("thing") != other.of_role("thing") and not FIRST_OF_A_PAIR & set(one.concepts)


def _is_dense(tokens: list[Token], lexicon: Lexicon) -> bool:
    """Many different terms, hardly a word of grammar: no sentence is written like that."""
    words = [token for token in tokens if token.is_word]
    terms = {concept for token in words for concept in token.concepts}
    grammar = sum(is_functional(token, lexicon) for token in words)
    marks = sum(token.text in SEPARATORS or token.text == ":" for token in tokens)
    return len(words) >= 9 and len(terms) >= 7 and grammar + marks < 0.15 * len(words)
