"""Says for each word of a clause whether it is denied, and whether it is said of something else than what was asked."""

from dataclasses import dataclass

from finetune_lab.quiz.text.chunks import Chunk
from finetune_lab.quiz.text.clauses import Clause, is_verb
from finetune_lab.quiz.text.tokens import Token
from finetune_lab.quiz.text.words import Lexicon


@dataclass(frozen=True)
class Scope:
    """For each token of a clause: is it denied, and is it outside of what the answer says of its subject."""

    denied: list[bool]
    aside: list[bool]
    contrasted: list[bool]
    about: str  # the method that the clause speaks of; empty where it names none


def scope_of(clause: Clause, chunks: list[Chunk], lexicon: Lexicon) -> Scope:
    """The scope of every negation, contrast and comparison in the clause."""
    tokens = clause.tokens
    denied, aside, contrasted = ([False] * len(tokens) for _ in range(3))
    for i, token in enumerate(tokens):
        if lexicon.is_a("comparisons", token.stems):
            _mark(aside, i, _comparison_end(tokens, i, lexicon))
        elif lexicon.is_a("contrasts", token.stems):
            end = _before_predicate(tokens, i, _phrase_end(tokens, i, lexicon))
            _flip(denied, i, end)
            _mark(contrasted, i, end)
        elif token.text == "from" and any(later.text in ("to", "into") for later in tokens[i:]):
            _mark(aside, i, next(place for place in range(i, len(tokens)) if tokens[place].text in ("to", "into")))
        elif (
            token.text == "not"
            and i + 1 < len(tokens)
            and tokens[i + 1].text in ("just", "only")
            and (_is_verbless(tokens, lexicon) or _before_the_rest(tokens, i) < len(tokens))
        ):
            _mark(aside, i, _before_the_rest(tokens, i))  # `not just the adapter, but ...`
        elif lexicon.is_a("negators", token.stems) and not _is_harmless(tokens, i):
            start, end = _negated_span(tokens, i, chunks, lexicon)
            if clause.opener in ("that", "which", "who"):
                end = _before_preposition(tokens, start, end)
            _flip(denied, start, end)
    return Scope(denied, aside, contrasted, _about(tokens, aside, denied))


def _before_the_rest(tokens: list[Token], i: int) -> int:
    """`not just the last layer | , rather all layers`."""
    places = range(i, len(tokens))
    return next((place for place in places if tokens[place].text in ("rather", "instead")), len(tokens))


def _is_harmless(tokens: list[Token], i: int) -> bool:
    """`not only`, `no matter`, `not sure but`: nothing is denied."""
    following = tokens[i + 1].text if i + 1 < len(tokens) else ""
    return following in ("only", "just", "sure", "matter", "longer sure", "idea", "to", "merely", "doubt", "certain")


def _negated_span(tokens: list[Token], i: int, chunks: list[Chunk], lexicon: Lexicon) -> tuple[int, int]:
    """From where to where the negator at `i` reaches."""
    inside = next((chunk for chunk in chunks if chunk.start <= i < chunk.end or chunk.start == i + 1), None)
    if i == len(tokens) - 1 and i and tokens[i - 1].text == ":":  # `frozen: none`
        return 0, i
    before_a_verb = tokens[i].text == "neither" and tokens[i + 1 : i + 2] and tokens[i + 1].has("verb")
    if lexicon.is_a("determiner_negators", tokens[i].stems) and inside is not None and not before_a_verb:
        return i, i  # the chunk itself is marked as denied
    if inside is not None and inside.denied and inside.start == i + 1:
        return i, i  # `not all weights`: the same
    if (
        inside is not None
        and tokens[i].stems == ("not",)
        and inside.start == i + 1
        and _opens_with_a_noun(tokens[i + 1], lexicon)
    ):
        says_more = i == 0 and inside.end < len(tokens) and tokens[inside.end].text in ("is", "are", "gets", "get")
        return inside.start, len(tokens) if says_more else inside.end  # `not the adapter is quantized | but the base`
    return i + 1, _end_of_denial(tokens, i, lexicon)


def _opens_with_a_noun(token: Token, lexicon: Lexicon) -> bool:
    """`not the adapter`; an unknown word may be a verb: `do not hurt performance`."""
    return bool(token.concepts) or lexicon.is_a("determiners", token.stems)


def _end_of_denial(tokens: list[Token], i: int, lexicon: Lexicon) -> int:
    """At a comma, or where another predicate begins: `the part that does not learn | is held at ...`."""
    for place in range(i + 1, len(tokens)):
        if (
            place > i + 1
            and lexicon.is_a("negators", tokens[place].stems)
            and not lexicon.is_a("determiner_negators", tokens[place].stems)
        ):
            return place
        if (
            place > i + 2
            and lexicon.is_a("subjects", tokens[place].stems)
            and _has_a_verb(tokens[place + 1 : place + 4], lexicon)
        ):
            return place
        doing = place > i + 1 and tokens[place - 1].has("verb") and tokens[place - 1].text.endswith("ing")
        if doing and is_verb(tokens[place], lexicon):
            return place  # `the model you aren't training | sits in memory`
        auxiliary = tokens[place].text in ("is", "are", "was", "were", "gets", "get", "stays")
        if tokens[place].text == "," or (
            auxiliary
            and place > i + 1
            and tokens[place - 1].is_word
            and not lexicon.is_a("auxiliaries", tokens[place - 1].stems)
            and any(one.has("verb") for one in tokens[i + 1 : place])
        ):
            return place
    return len(tokens)


def _before_preposition(tokens: list[Token], start: int, end: int) -> int:
    """`it stores the weights that do not change | in a smaller format`: the rest belongs to `stores`."""
    places = range(start + 1, end)
    return next((place for place in places if tokens[place].text.split()[0] in ("in", "at", "as", "with")), end)


def _has_a_verb(tokens: list[Token], lexicon: Lexicon) -> bool:
    return any(is_verb(token, lexicon) for token in tokens)


def _is_verbless(tokens: list[Token], lexicon: Lexicon) -> bool:
    return not any(is_verb(token, lexicon) and not token.is_participle for token in tokens)


def _phrase_end(tokens: list[Token], i: int, lexicon: Lexicon) -> int:
    """Where `instead of ...` or `than ...` ends: at a comma, or where a new subject has its verb."""
    for place in range(i + 2, len(tokens)):
        if tokens[place].text == ",":
            return place
        follows = place + 1 < len(tokens) and (
            is_verb(tokens[place + 1], lexicon) or tokens[place + 1].text in ("only", "just")
        )
        if lexicon.is_a("subjects", tokens[place].stems) and follows:
            return place
    return len(tokens)


def _comparison_end(tokens: list[Token], i: int, lexicon: Lexicon) -> int:
    """`different from PEFT | the base moves`, `what sets it apart from LoRA | is the base in 4 bits`."""
    if tokens[i].text.startswith(("different", "diferent")):
        return i + 1  # what it is compared with is in the same token
    end = _phrase_end(tokens, i, lexicon)
    return _before_predicate(tokens, i, end) if tokens[i].text.endswith("apart from") else end


def _before_predicate(tokens: list[Token], i: int, end: int) -> int:
    """`training a few instead of billions | takes minutes`."""
    for place in range(i + 2, end):
        if tokens[place].text in ("takes", "needs", "costs", "uses", "makes", "saves", "means", "is", "are", "gets"):
            return place
    return end


def _mark(flags: list[bool], start: int, end: int) -> None:
    for place in range(start, end):
        flags[place] = True


def _flip(flags: list[bool], start: int, end: int) -> None:
    for place in range(start, end):
        flags[place] = not flags[place]


def _about(tokens: list[Token], aside: list[bool], denied: list[bool]) -> str:
    """The method that the clause begins with."""
    for place, token in enumerate(tokens):
        if token.has("method") and not aside[place] and not denied[place]:
            likened = place > 0 and tokens[place - 1].text in ("like", "as")  # `like LoRA it trains ...`
            return "" if likened else token.of_role("method")[0]
        if token.concepts and not aside[place] and not denied[place]:
            return ""  # something else comes first: `a quantized base with LoRA`
    return ""


def denied_sentences(sentences: list[str], lexicon: Lexicon) -> set[int]:
    """Sentences that a frame turns round: `it is a myth that ...`, or `That's wrong` after them."""
    turned = {number for number, text in enumerate(sentences) if lexicon.frames["denying"].search(text)}
    return turned | {
        number - 1
        for number, text in enumerate(sentences)
        if number and lexicon.frames["denying_the_last"].search(text)
    }
