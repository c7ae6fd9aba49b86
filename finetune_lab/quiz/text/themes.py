"""Finds what a word of a clause is said of: a passive's subject, an active verb's object, a noun beside it."""

from dataclasses import dataclass, replace

from finetune_lab.quiz.text import chunks as chunking
from finetune_lab.quiz.text.chunks import Chunk
from finetune_lab.quiz.text.clauses import Clause
from finetune_lab.quiz.text.polarity import Scope
from finetune_lab.quiz.text.tokens import Token
from finetune_lab.quiz.text.words import Lexicon

BITS = {"low_bit", "high_bit"}
CARRIERS = {"memory", "precision", "less", "more", "small"}  # `14 GB at 16 bits`: the bits are not the gigabytes'
AGENTS = {"you", "we", "i", "one", "people", "they"}
TOPIC = frozenset({"topic"})  # `it` or `they` where nothing was named before: what was asked about


@dataclass(frozen=True)
class Context:
    """A clause while it is read, with what it takes over from the one before."""

    number: int
    clause: Clause
    chunks: list[Chunk]
    scope: Scope
    about: str
    aside: bool
    conditional: bool
    inherited: list[Chunk]  # what a pronoun or a missing subject stands for
    turned: bool
    has_agent: bool  # its subject is `you`, `we`: an active verb is not said of what was named before


def themes_of(current: Context, place: int, role: str, lexicon: Lexicon) -> list[Chunk]:
    """What the word at `place` is said of."""
    tokens = current.clause.tokens
    if BITS & set(tokens[place].concepts):
        current = replace(current, chunks=[chunk for chunk in current.chunks if not _only_carries(chunk)])
    found = current.chunks
    inside = [chunk for chunk in found if chunk.start <= place < chunk.end]
    if inside:
        return inside + (_shared(current, inside[0], lexicon) if role == "quality" else [])
    left, right = _left(current, place, lexicon), _right(current, place, role, lexicon)
    if role == "verb" and not tokens[place].is_participle:
        return right or left or ([] if current.has_agent else current.inherited)
    auxiliary = any(lexicon.is_a("auxiliaries", token.stems) for token in tokens[max(0, place - 4) : place])
    if auxiliary or left:
        return left or current.inherited
    return right or current.inherited


def _only_carries(chunk: Chunk) -> bool:
    return bool(chunk.features) and chunk.features <= CARRIERS | BITS and bool(chunk.features & {"memory", "precision"})


def _shared(current: Context, chunk: Chunk, lexicon: Lexicon) -> list[Chunk]:
    """What a quality is also said of: `less memory and time`; not in `small adapters and the base`."""
    tokens = current.clause.tokens
    group = next(group for group in chunking.groups(current.chunks, tokens, lexicon) if chunk in group)
    shared = []
    for later in group[group.index(chunk) + 1 :]:
        if not tokens[later.start].has("thing"):
            break
        shared.append(later)
    return shared


def _left(current: Context, place: int, lexicon: Lexicon) -> list[Chunk]:
    """The nearest group of nouns before, those not denied first: `the base, not the adapter, is quantized`."""
    before = [
        group for group in chunking.groups(current.chunks, current.clause.tokens, lexicon) if group[-1].end <= place
    ]
    for group in reversed(before):
        real = [one for chunk in group for one in unfold(current, chunk)]
        said = [chunk for chunk in real if not _is_put_aside(current, chunk)]
        if said:
            return said
    return []


def _is_put_aside(current: Context, chunk: Chunk) -> bool:
    if chunk not in current.chunks:
        return False
    scope = current.scope
    outside = scope.denied[chunk.start] and not scope.denied[-1] and len(current.chunks) > 1
    return outside or scope.aside[chunk.start]


def _right(current: Context, place: int, role: str, lexicon: Lexicon) -> list[Chunk]:
    """The group of nouns right after, unless a preposition or another verb stands between."""
    tokens = current.clause.tokens
    is_noun = role == "quality" or tokens[place].text.endswith("ion")  # `quantization of the base`
    for group in chunking.groups(current.chunks, tokens, lexicon):
        if group[0].start > place:
            between = _after_joined_verbs(tokens[place + 1 : group[0].start], lexicon)
            blocked = any(_blocks(token, lexicon) for token in between if not (is_noun and token.text in ("for", "to")))
            return [] if blocked else [one for chunk in group for one in unfold(current, chunk)]
    return []


def _after_joined_verbs(between: list[Token], lexicon: Lexicon) -> list[Token]:
    """`train and save a tiny part`: the object of the second verb is the first one's too."""
    while len(between) > 1 and lexicon.is_a("joins", between[0].stems) and between[1].has("verb"):
        between = between[2:]
    return between


def _blocks(token: Token, lexicon: Lexicon) -> bool:
    if token.text in ("of", "to", "for", "up", "down", "out", "off", "away"):
        return token.text in ("to", "for")
    if (token.has("verb") and not token.is_participle and not token.text.endswith("ion")) or lexicon.is_a(
        "joins", token.stems
    ):
        return True
    return lexicon.is_a("prepositions", token.stems) or token.text == "," or lexicon.is_a("auxiliaries", token.stems)


def unfold(current: Context, chunk: Chunk) -> list[Chunk]:
    """The chunk itself, or what a pronoun stands for."""
    if not chunk.is_pronoun:
        return [chunk]
    before = [one for one in current.chunks if not one.is_pronoun and _is_just_before(current, one, chunk)]
    stands_for = before or current.inherited or [Chunk(chunk.start, chunk.end, TOPIC)]
    return [
        replace(one, features=one.features | chunk.features, denied=one.denied or chunk.denied) for one in stands_for
    ]


def _is_just_before(current: Context, one: Chunk, chunk: Chunk) -> bool:
    """`the weights they are`, `the knobs, all of them`."""
    between = current.clause.tokens[one.end : chunk.start]
    return one.end <= chunk.start and all(token.text == "," for token in between)
