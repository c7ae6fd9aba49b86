"""Turns clauses into claims: what is said (`change`), of what (`base weights`), truly or denied, about which method."""

from dataclasses import dataclass, replace

from finetune_lab.quiz.text import chunks as chunking
from finetune_lab.quiz.text.chunks import Chunk
from finetune_lab.quiz.text.clauses import SENTENCE_ENDS, Clause, is_verb, split
from finetune_lab.quiz.text.polarity import Scope, denied_sentences, scope_of
from finetune_lab.quiz.text.stems import stem
from finetune_lab.quiz.text.tokens import Token, cleaned, tokenize
from finetune_lab.quiz.text.words import Lexicon

PASSED_OVER = {"low_bit": {"memory"}, "high_bit": {"memory"}}  # `14 GB at 16 bits`: the bits are not the gigabytes'
TOPIC = frozenset({"topic"})  # `it` or `they` where nothing was named before: what was asked about
NOUN_ONLY = {"all", "some", "only", "extra", "pair"}  # these qualify their noun; alone they say nothing


@dataclass(frozen=True)
class Claim:
    """`saying` said of a thing with `features`. `names`: the thing is there; `fragment`: and nothing is said of it."""

    saying: str
    features: frozenset[str]
    positive: bool
    about: str  # full, lora, qlora, peft; empty where no method is named
    aside: bool  # inside `than ...`, `unlike ...`: not said of the subject
    conditional: bool  # under `if ...`: not held against the answer
    start: int
    end: int
    clause: int


@dataclass(frozen=True)
class Reading:
    """An answer as the grader understands it."""

    text: str
    tokens: list[Token]
    clauses: list[Clause]
    claims: list[Claim]

    def quote(self, claim: Claim) -> str:
        """The learner's own words."""
        return " ".join(self.text[claim.start : claim.end].split())


@dataclass(frozen=True)
class _Clause:
    """A clause while it is read."""

    number: int
    clause: Clause
    chunks: list[Chunk]
    scope: Scope
    about: str
    aside: bool
    conditional: bool
    inherited: list[Chunk]  # what a pronoun or a missing subject stands for
    turned: bool


def read(answer: str, lexicon: Lexicon) -> Reading:
    """The claims of an answer, in the order in which they are made."""
    text = cleaned(answer)
    tokens = tokenize(text, lexicon)
    clauses = split(tokens, lexicon)
    turned = denied_sentences(_sentence_texts(text, tokens))
    claims: list[Claim] = []
    last: _Clause | None = None
    for number, clause in enumerate(clauses):
        current = _prepare(number, clause, last, turned, lexicon)
        claims += _claims_of(current, lexicon)
        last = current
    return Reading(text, tokens, clauses, claims)


def _sentence_texts(text: str, tokens: list[Token]) -> list[str]:
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token.text in SENTENCE_ENDS:
            parts.append([])
        else:
            parts[-1].append(token)
    return [text[part[0].start : part[-1].end] for part in parts if part]


def _prepare(number: int, clause: Clause, last: _Clause | None, turned: set[int], lexicon: Lexicon) -> _Clause:
    found = chunking.find(clause.tokens, lexicon)
    scope = scope_of(clause, found, lexicon)
    goes_on = last is not None and last.clause.sentence == clause.sentence
    relative = lexicon.is_a("relatives", (stem(clause.opener),))
    about, aside = scope.about, False
    if last is not None and not about:
        refers = clause.tokens[0].text in ("that", "this", "it", "which", "they", "there", "so")
        about = last.about if goes_on or refers else ""
        if relative and goes_on and any(last.scope.aside):
            aside = True
        elif goes_on and last.aside and clause.opener not in (",", ""):
            aside = last.aside
    inherited = _inherited(last, relative)
    conditional = lexicon.is_a("conditions", (stem(clause.opener),))
    return _Clause(number, clause, found, scope, about, aside, conditional, inherited, clause.sentence in turned)


def _inherited(last: _Clause | None, relative: bool) -> list[Chunk]:
    """The subject of the clause before; for `which ...`, its nearest noun."""
    if last is None:
        return []
    named = [chunk for chunk in last.chunks if not chunk.is_pronoun]
    if not named:
        return last.inherited
    return [named[-1]] if relative else [replace(named[0], denied=False)]


def _claims_of(current: _Clause, lexicon: Lexicon) -> list[Claim]:
    claims = []
    for chunk in current.chunks:
        if not chunk.is_pronoun:
            positive = current.scope.denied[chunk.start] == chunk.denied
            kinds = ["names"] if any(is_verb(token, lexicon) for token in current.clause.tokens) else ["names", "fragment"]
            claims += [_claim(current, kind, chunk.features, positive, (chunk.start, chunk.end)) for kind in kinds]
    for place, token in enumerate(current.clause.tokens):
        for concept, role in token.concepts.items():
            if role == "verb" or (role == "quality" and concept not in NOUN_ONLY):
                claims += _claims_at(current, place, concept, role, lexicon)
    return claims


def _claims_at(current: _Clause, place: int, concept: str, role: str, lexicon: Lexicon) -> list[Claim]:
    saying = lexicon.opposites.get(concept, concept)
    themes = _themes(current, place, role, lexicon) or [Chunk(place, place + 1, frozenset())]
    claims = []
    for theme in themes:
        positive = current.scope.denied[place] == theme.denied
        if saying != concept:
            positive = not positive
        span = (min(place, theme.start), max(place + 1, theme.end)) if theme in current.chunks else (place, place + 1)
        claims.append(_claim(current, saying, theme.features, positive, span))
    return claims


def _claim(current: _Clause, saying: str, features: frozenset[str], positive: bool, span: tuple[int, int]) -> Claim:
    tokens, scope = current.clause.tokens, current.scope
    aside = current.aside or any(scope.aside[span[0] : span[1]])
    start, end = tokens[span[0]].start, tokens[span[1] - 1].end
    positive = positive != current.turned
    return Claim(saying, features, positive, current.about, aside, current.conditional, start, end, current.number)


def _themes(current: _Clause, place: int, role: str, lexicon: Lexicon) -> list[Chunk]:
    """What the word at `place` is said of."""
    tokens = current.clause.tokens
    passed_over = {frozenset(names) for concept, names in PASSED_OVER.items() if concept in tokens[place].concepts}
    current = replace(current, chunks=[chunk for chunk in current.chunks if chunk.features not in passed_over])
    found = current.chunks
    inside = [chunk for chunk in found if chunk.start <= place < chunk.end]
    if inside:
        return inside
    left, right = _left(current, place, lexicon), _right(current, place, role, lexicon)
    if role == "verb" and not tokens[place].is_participle:
        return right or left or current.inherited
    auxiliary = any(lexicon.is_a("auxiliaries", token.stems) for token in tokens[max(0, place - 4) : place])
    if auxiliary or left:
        return left or current.inherited
    return right or current.inherited


def _left(current: _Clause, place: int, lexicon: Lexicon) -> list[Chunk]:
    """The nearest group of nouns before, those not denied first: `the base, not the adapter, is quantized`."""
    before = [group for group in chunking.groups(current.chunks, current.clause.tokens, lexicon) if group[-1].end <= place]
    for group in reversed(before):
        real = [one for chunk in group for one in _unfold(current, chunk)]
        said = [chunk for chunk in real if not _is_put_aside(current, chunk)]
        if said:
            return said
    return []


def _is_put_aside(current: _Clause, chunk: Chunk) -> bool:
    if chunk not in current.chunks:
        return False
    scope = current.scope
    outside = scope.denied[chunk.start] and not scope.denied[-1] and len(current.chunks) > 1
    return outside or scope.aside[chunk.start]


def _right(current: _Clause, place: int, role: str, lexicon: Lexicon) -> list[Chunk]:
    """The group of nouns right after, unless a preposition or another verb stands between."""
    tokens = current.clause.tokens
    for group in chunking.groups(current.chunks, tokens, lexicon):
        if group[0].start > place:
            between = tokens[place + 1 : group[0].start]
            blocked = any(_blocks(token, lexicon) for token in between if role == "verb" or token.text != "for")
            return [] if blocked else [one for chunk in group for one in _unfold(current, chunk)]
    return []


def _blocks(token: Token, lexicon: Lexicon) -> bool:
    if token.text in ("of", "to", "for", "up", "down", "out", "off", "away"):
        return token.text in ("to", "for")
    if token.has("verb") and not token.is_participle:
        return True
    return lexicon.is_a("prepositions", token.stems) or token.text == "," or lexicon.is_a("auxiliaries", token.stems)


def _unfold(current: _Clause, chunk: Chunk) -> list[Chunk]:
    if not chunk.is_pronoun:
        return [chunk]
    before = [one for one in current.chunks if one.end == chunk.start and not one.is_pronoun]  # `the weights they are ...`
    stands_for = before or current.inherited or [Chunk(chunk.start, chunk.end, TOPIC)]
    return [replace(one, features=one.features | chunk.features) for one in stands_for]
