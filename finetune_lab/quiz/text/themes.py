"""Finds what a word of a clause is said of: a passive's subject, an active verb's object, a noun beside it."""

from dataclasses import replace
from itertools import pairwise

from finetune_lab.quiz.text import chunks as chunking
from finetune_lab.quiz.text.chunks import Chunk
from finetune_lab.quiz.text.context import Context
from finetune_lab.quiz.text.tokens import Token
from finetune_lab.quiz.text.words import Lexicon

BITS = {"low_bit", "high_bit"}
CARRIERS = {"memory", "precision", "less", "more", "small"}  # `14 GB at 16 bits`: the bits are not the gigabytes'
FORMS = BITS | {"numbers", "small", "less", "precision"}  # `stored in rough 4-bit numbers`
AGENTS = {"you", "we", "i", "one", "people", "they"}
COUNTS = frozenset({"some", "less", "small", "only"})
TOPIC = frozenset({"topic"})  # `it` or `they` where nothing was named before: what was asked about


def themes_of(current: Context, place: int, role: str, lexicon: Lexicon) -> list[Chunk]:
    """What the word at `place` is said of."""
    tokens = current.clause.tokens
    if BITS & set(tokens[place].concepts):
        current = replace(current, chunks=[chunk for chunk in current.chunks if not _only_carries(chunk)])
    found = current.chunks
    inside = [chunk for chunk in found if chunk.start <= place < chunk.end]
    if inside:
        before = tokens[inside[0].start - 1].text if inside[0].start else ""
        is_form = before == "as" or (before == "in" and inside[0].features <= FORMS)  # `stored as 4-bit numbers`
        of_form = _left(current, inside[0].start, lexicon) if is_form else []
        return inside + of_form + (_shared(current, inside[0], lexicon) if role == "quality" else [])
    left, right = _left(current, place, lexicon), _right(current, place, role, lexicon)
    if role == "verb" and tokens[0].text in ("what", "what's"):
        return _after_what(current, place, lexicon) or left or current.inherited
    if role == "verb" and not tokens[place].is_participle:
        return (
            (left if left and _is_a_bit(current, right) else right)
            or left
            or ([] if current.has_agent else current.inherited)
        )
    if lexicon.is_a("relatives", (current.clause.opener,)) and _resumes(tokens, place, lexicon):
        return current.inherited
    auxiliary = any(lexicon.is_a("auxiliaries", token.stems) for token in tokens[max(0, place - 4) : place])
    if auxiliary or left:
        return left or current.inherited
    return right or current.inherited


def _resumes(tokens: list[Token], place: int, lexicon: Lexicon) -> bool:
    """`the numbers that the model consists of | are changed`: back to what stands before the clause."""
    for before, here in pairwise(tokens[:place]):
        is_over = before.has("verb") or any(
            lexicon.is_a(part, before.stems) for part in ("light_verbs", "prepositions")
        )
        if is_over and here.text in ("is", "are", "was", "were", "gets", "get"):
            return True
    return False


def _after_what(current: Context, place: int, lexicon: Lexicon) -> list[Chunk]:
    """`what is trained is a pair of matrices`, `what you train is small`: the noun behind the last `is`."""
    tokens = current.clause.tokens
    later = [chunk for chunk in current.chunks if chunk.start > place]
    between = tokens[place + 1 : later[0].start] if later else []
    return later[:1] if any(lexicon.is_a("auxiliaries", token.stems) for token in between) else []


def _is_a_bit(current: Context, chunks: list[Chunk]) -> bool:
    """`each weight shifts a bit`: how much, not what."""
    here = [chunk for chunk in chunks if chunk in current.chunks and chunk.end == chunk.start + 1]
    said = [current.clause.tokens[chunk.start].text for chunk in here]
    return len(chunks) == 1 and said in (["a bit"], ["a little"], ["lil bit"], ["little bit"])


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
    tokens = current.clause.tokens
    before = [
        group
        for group in chunking.groups(current.chunks, tokens, lexicon)
        if group[-1].end <= place and not _is_a_place(group[0], tokens)
    ]
    for group in reversed(before):
        real = [one for chunk in group for one in unfold(current, chunk)]
        said = [chunk for chunk in real if not _is_put_aside(current, chunk)]
        if said:
            return said
    return []


def _is_a_place(chunk: Chunk, tokens: list[Token]) -> bool:
    """`every synapse in it gets nudged`: where, not what."""
    is_bare = tokens[chunk.start].text in ("it", "them")  # not `in all of them`
    return is_bare and chunk.start > 0 and tokens[chunk.start - 1].text in ("in", "inside", "within")


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
        if group[0].start > place and not current.scope.contrasted[group[0].start]:
            between = _after_joined_verbs(tokens[place + 1 : group[0].start], lexicon)
            blocked = any(
                _blocks(token, lexicon) for token in between if not (is_noun and token.text in ("for", "to", "per"))
            )
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
    is_object = chunk.start > 0 and current.clause.tokens[chunk.start].text in ("that", "these", "those", "them")
    stands_for = (
        before or (current.nearest if is_object else []) or current.inherited or [Chunk(chunk.start, chunk.end, TOPIC)]
    )
    counts = COUNTS if "all" in chunk.features else frozenset()  # `all of them`, of `a few weights`
    return [
        replace(one, features=one.features - counts | chunk.features, denied=one.denied or chunk.denied)
        for one in stands_for
    ]


def _is_just_before(current: Context, one: Chunk, chunk: Chunk) -> bool:
    """`the weights they are`, `the knobs, all of them`."""
    between = current.clause.tokens[one.end : chunk.start]
    return one.end <= chunk.start and all(token.text == "," for token in between)
