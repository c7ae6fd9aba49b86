"""Finds which words together name one thing: `a small fraction of the base model's weights`."""

from dataclasses import dataclass, replace

from finetune_lab.quiz.text.tokens import Token
from finetune_lab.quiz.text.words import Lexicon

LONGEST_RUN = 30  # tokens of one thing with all that belongs to it; a row of a thousand quotes is none
ANCHOR_QUALITIES = {"all", "some"}  # `everything changes`, `only a part is trained`


@dataclass(frozen=True)
class Chunk:
    """A named thing: where it stands in the clause and the concepts of its words."""

    start: int
    end: int  # one past the last token
    features: frozenset[str]
    denied: bool = False  # `no weights`, `none of the layers`
    is_pronoun: bool = False


def find(tokens: list[Token], lexicon: Lexicon) -> list[Chunk]:
    """The chunks of a clause, left to right."""
    chunks: list[Chunk] = []
    i = 0
    while i < len(tokens):
        chunk = _chunk_at(tokens, i, lexicon)
        if chunk is None:
            i += 1
        elif chunks and chunk.features == {"all"} and _only_auxiliaries(tokens[chunks[-1].end : chunk.start], lexicon):
            chunks[-1] = replace(chunks[-1], features=chunks[-1].features | chunk.features)  # `they are all updated`
            i = chunk.end
        else:
            chunks.append(chunk)
            i = chunk.end
    return chunks


def _only_auxiliaries(tokens: list[Token], lexicon: Lexicon) -> bool:
    return all(lexicon.is_a("auxiliaries", token.stems) for token in tokens)


def _chunk_at(tokens: list[Token], start: int, lexicon: Lexicon) -> Chunk | None:
    """The chunk that begins exactly at `start`, if one does."""
    if tokens[start].text in ("those", "that") and _is_of(tokens, start + 1):  # `those of the base model`
        end = _through_of(tokens, start + 1, lexicon)
        if end > start + 1:
            return Chunk(start, end, _features(tokens[start:end]))
    if lexicon.is_a("pronouns", tokens[start].stems) and not _opens_a_noun(tokens, start):
        whole = frozenset({"all"}) if tokens[start].text.startswith(("all ", "each ", "every")) else frozenset[str]()
        return Chunk(start, start + 1, whole, is_pronoun=True)
    end = _run(tokens, start, lexicon)
    end = _without_tail(tokens, start, end, lexicon)
    if end == start:
        return None
    end = _through_of(tokens, end, lexicon)
    features = set(_features(tokens[start:end]))
    denied = any(_denies(tokens, place, lexicon) for place in range(start, end)) or (
        start > 0 and (_denies(tokens, start - 1, lexicon) or _limits_all(tokens, start))
    )
    if any(token.stems == ("nothing",) for token in tokens[start:end]):
        features.add("all")
    of_them = (
        end - start > 1 and tokens[end - 2].text == "of" and lexicon.is_a("pronouns", tokens[end - 1].stems)
    )  # `none of them`
    return Chunk(start, end, frozenset(features), denied, is_pronoun=of_them)


def _features(tokens: list[Token]) -> frozenset[str]:
    return frozenset(concept for token in tokens for concept in token.concepts if concept)


def _is_of(tokens: list[Token], place: int) -> bool:
    return place < len(tokens) and tokens[place].text == "of"


def _opens_a_noun(tokens: list[Token], start: int) -> bool:
    """`these weights`, `its base`: the pronoun is only an article here."""
    following = tokens[start + 1 : start + 4]
    for token in following:
        if token.has("thing"):
            return tokens[start].text not in ("they", "them", "which", "one")
        if not token.has("quality") and not (token.has("verb") and token.is_participle):
            return False
    return False


def _denies(tokens: list[Token], place: int, lexicon: Lexicon) -> bool:
    return lexicon.is_a("determiner_negators", tokens[place].stems)


def _limits_all(tokens: list[Token], start: int) -> bool:
    """`not all weights`, `hardly every layer`."""
    return tokens[start - 1].text in ("not", "hardly", "barely") and "all" in tokens[start].concepts


def _run(tokens: list[Token], start: int, lexicon: Lexicon) -> int:
    end, named = start, False
    while end < min(len(tokens), start + LONGEST_RUN) and _may_belong(tokens, end, end == start, lexicon):
        owned = end > start and tokens[end - 1].text.endswith("'s")
        if named and not owned and lexicon.is_a("determiners", tokens[end].stems) and not tokens[end].concepts:
            break  # an article opens the next thing
        named = named or tokens[end].has("thing")
        end += 1
    return end


def _may_belong(tokens: list[Token], i: int, is_first: bool, lexicon: Lexicon) -> bool:
    token = tokens[i]
    if token.has("thing") or token.has("quality"):
        return True
    if token.has("verb"):
        return token.is_participle and _stands_before_a_thing(tokens, i)
    if token.has("method") or not (token.is_word or token.text[0].isdigit()):
        return token.text in ("'", '"', "-")
    if _denies(tokens, i, lexicon):
        return token.stems != ("no",) or _stands_before_a_thing(tokens, i)
    if lexicon.is_a("determiners", token.stems):
        return True
    grammatical = (
        any(token.stems in lexicon.grammar[part] for part in lexicon.grammar) or token.text in lexicon.function_words
    )
    return not grammatical and (is_first or not token.text.endswith("ly")) and _stands_before_a_thing(tokens, i)


def _stands_before_a_thing(tokens: list[Token], i: int) -> bool:
    for token in tokens[i + 1 : i + 5]:
        if token.has("thing"):
            return True
        if (
            not token.is_word
            or (token.has("verb") and not token.is_participle)
            or token.text in ("is", "are", "and", "of", "to", "in")
        ):
            return False
    return False


def _without_tail(tokens: list[Token], start: int, end: int, lexicon: Lexicon) -> int:
    """Cuts the run after its last thing; without a thing, after a word such as `everything` or `part`."""
    for place in range(end - 1, start - 1, -1):
        if tokens[place].has("thing"):
            return place + 1
    for place in range(end - 1, start - 1, -1):
        if ANCHOR_QUALITIES & set(tokens[place].concepts) or _stands_alone(tokens[place], lexicon):
            return place + 1
    return start


def _stands_alone(token: Token, lexicon: Lexicon) -> bool:
    return lexicon.is_a("determiner_negators", token.stems) and token.stems != ("no",)


def _through_of(tokens: list[Token], end: int, lexicon: Lexicon) -> int:
    """Goes on through `of the base model`, `in the network`."""
    while end < len(tokens) - 1 and lexicon.is_a("of", tokens[end].stems):
        run = _run(tokens, end + 1, lexicon)
        after = _without_tail(tokens, end + 1, run, lexicon)
        if after == end + 1:
            following = tokens[end + 1]
            return end + 2 if lexicon.is_a("pronouns", following.stems) and tokens[end].stems == ("of",) else end
        end = after
    return end


def groups(chunks: list[Chunk], tokens: list[Token], lexicon: Lexicon) -> list[list[Chunk]]:
    """Chunks joined by `and`, `or` and commas, as groups: `the base and the adapter`."""
    found: list[list[Chunk]] = []
    for chunk in chunks:
        between = tokens[found[-1][-1].end : chunk.start] if found else []
        joined = bool(between) and all(
            token.text in (",", "&", "/", "both") or lexicon.is_a("joins", token.stems) for token in between
        )
        anew = [token.text for token in between] == [","] and _opens_anew(tokens, found[-1][0], chunk)
        formula = bool(found) and tokens[found[-1][-1].end - 1].is_formula  # `y = Wx + BAx, W fixed`
        if joined and not anew and not formula and not chunk.is_pronoun and not _limits(tokens[chunk.start], lexicon):
            found[-1].append(chunk)
        else:
            found.append([chunk])
    return found


def _opens_anew(tokens: list[Token], before: Chunk, chunk: Chunk) -> bool:
    """`extra learnable stuff, the base is left alone`: an article after a noun that has none."""
    articles = ("the", "a", "an")
    return tokens[chunk.start].text in articles and tokens[before.start].text not in articles


def _limits(token: Token, lexicon: Lexicon) -> bool:
    """`just a bit`, `only the adapter`, `not the base` open another statement."""
    return "only" in token.concepts or lexicon.is_a("negators", token.stems)
