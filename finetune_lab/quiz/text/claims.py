"""Turns clauses into claims: what is said (`change`), of what (`base weights`), truly or denied, about which method."""

from dataclasses import dataclass, replace

from finetune_lab.quiz.text import chunks as chunking
from finetune_lab.quiz.text.chunks import Chunk
from finetune_lab.quiz.text.clauses import SENTENCE_ENDS, Clause, is_verb, split
from finetune_lab.quiz.text.cleaning import cleaned
from finetune_lab.quiz.text.context import Claim, Context
from finetune_lab.quiz.text.echoes import echoes
from finetune_lab.quiz.text.polarity import denied_sentences, scope_of
from finetune_lab.quiz.text.stems import stem
from finetune_lab.quiz.text.themes import AGENTS, COUNTS, TOPIC, themes_of, unfold
from finetune_lab.quiz.text.tokens import READ, Token, tokenize
from finetune_lab.quiz.text.unsaid import is_unsaid
from finetune_lab.quiz.text.words import Lexicon

NOUN_ONLY = {"all", "some", "only", "extra", "pair"}  # these qualify their noun; alone they say nothing


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


def read(answer: str, lexicon: Lexicon) -> Reading:
    """The claims of an answer, in the order in which they are made."""
    text = cleaned(answer)
    tokens = tokenize(text[:READ], lexicon)
    clauses = split(tokens, lexicon)
    turned = denied_sentences(_sentence_texts(text, tokens), lexicon)
    claims: list[Claim] = []
    last: Context | None = None
    for number, clause in enumerate(clauses):
        if clause.opener in (":", "but", "because", "instead"):
            turned.discard(clause.sentence)  # `it is wrong that the base is frozen: all of it is trained`
        current = _prepare(number, clause, last, turned, lexicon)
        claims += _claims_of(current, lexicon) + echoes(current, last, claims, lexicon)
        last = current
    return Reading(text, tokens, clauses, claims)


def _is_denied_cause(last: Context | None, clause: Clause, lexicon: Lexicon) -> bool:
    """`it is not because they are cheap`."""
    if last is None or clause.opener != "because":
        return False
    return lexicon.is_a("negators", last.clause.tokens[-1].stems)


def _turns_to_the_cause(last: Context, clause: Clause) -> bool:
    """`not because they are better, rather because they are light`, `... but because they are light`."""
    return clause.opener in ("because", "since") and last.clause.tokens[-1].text in ("rather", "instead", "but")


def _sentence_texts(text: str, tokens: list[Token]) -> list[str]:
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token.text in SENTENCE_ENDS:
            parts.append([])
        else:
            parts[-1].append(token)
    return [text[part[0].start : part[-1].end] for part in parts if part]


def _prepare(number: int, clause: Clause, last: Context | None, turned: set[int], lexicon: Lexicon) -> Context:
    found = chunking.find(clause.tokens, lexicon)
    scope = scope_of(clause, found, lexicon)
    goes_on = last is not None and last.clause.sentence == clause.sentence
    relative = lexicon.is_a("relatives", (stem(clause.opener),))
    about, aside = scope.about, _is_denied_cause(last, clause, lexicon)
    if last is not None and not about:
        refers = clause.tokens[0].text in ("that", "this", "it", "which", "they", "there", "so")
        is_here = clause.tokens[0].text == "here"  # with what was asked about
        about = last.about if (goes_on or refers) and not is_here else ""
        if about and lexicon.is_a("opposing", (stem(clause.opener),)):
            about = ""
        if last.about == "full" and found and "adapter" in found[0].features:
            about = "peft"  # `full tuning needs a cluster, an adapter does not`
        if relative and goes_on and (any(last.scope.aside) or last.scope.contrasted[-1]):
            aside = True
        elif goes_on and last.aside and clause.opener not in (",", "") and not _turns_to_the_cause(last, clause):
            aside = last.aside
    inherited = _inherited(last, relative)
    earlier = any(token.text.startswith(("pretraining", "pre training")) for token in clause.tokens)
    conditional = earlier or lexicon.is_a("conditions", (stem(clause.opener),))
    conditional = conditional or (clause.opener == "while" and len(clause.tokens) == 1)  # `while training`
    agent = clause.tokens[0].text in AGENTS or (goes_on and last is not None and last.has_agent and not found)
    turned_round = clause.sentence in turned
    nearest = _nearest(last, lexicon)
    return Context(number, clause, found, scope, about, aside, conditional, nearest, inherited, turned_round, agent)


def _nearest(last: Context | None, lexicon: Lexicon) -> list[Chunk]:
    """The last noun that is no place or means: not `the layers` in `it adds matrices to the layers`."""
    if last is None:
        return []
    before = {chunk.start: last.clause.tokens[chunk.start - 1] for chunk in last.chunks if chunk.start}
    depends = {start for start, one in before.items() if lexicon.is_a("prepositions", one.stems) and one.text != "by"}
    named = [chunk for chunk in last.chunks if not chunk.is_pronoun and chunk.start not in depends]
    return [replace(named[-1], denied=False)] if named else []


def _inherited(last: Context | None, relative: bool) -> list[Chunk]:
    """The subject of the clause before; for `which ...`, its nearest noun."""
    if last is None:
        return []
    named = [chunk for chunk in last.chunks if not chunk.is_pronoun]
    if not named:
        return last.inherited
    if not relative:
        held = [chunk for chunk in named if not last.scope.denied[chunk.start]]  # `not an add-on, rather the weights`
        return [replace((held or named)[0], denied=False)]
    nearest, opens = named[-1], last.clause.tokens[0].text
    is_denied = nearest.denied or (opens in ("there", "it") and last.scope.denied[nearest.start])
    features = nearest.features - COUNTS | {"all"} if is_denied else nearest.features
    return [replace(nearest, denied=is_denied, features=features)]  # `there isn't a weight that stays`


def _claims_of(current: Context, lexicon: Lexicon) -> list[Claim]:
    claims = []
    for chunk in current.chunks:
        if not current.scope.contrasted[chunk.start] and (chunk.features or not chunk.is_pronoun):
            said = (current.scope.denied[chunk.start] == chunk.denied, current.scope.aside[chunk.start])
            kinds = ["names", "fragment"] if _is_fragment(current, chunk, lexicon) else ["names"]
            features = chunk.features.union(*(one.features for one in unfold(current, chunk)))
            claims += [_claim(current, kind, features, said, (chunk.start, chunk.end)) for kind in kinds]
    for place, token in enumerate(current.clause.tokens):
        for concept, role in token.concepts.items():
            if is_unsaid(current.clause.tokens, place, concept, lexicon):
                continue
            if role == "verb" or (role == "quality" and concept not in NOUN_ONLY):
                claims += _claims_at(current, place, concept, role, lexicon)
    return claims


def _is_fragment(current: Context, chunk: Chunk, lexicon: Lexicon) -> bool:
    """Nothing is said of the thing, and it depends on no other word."""
    tokens = current.clause.tokens
    depends = chunk.start > 0 and lexicon.is_a("prepositions", tokens[chunk.start - 1].stems)
    return not depends and not any(is_verb(token, lexicon) for token in tokens)


def _claims_at(current: Context, place: int, concept: str, role: str, lexicon: Lexicon) -> list[Claim]:
    saying = lexicon.opposites.get(concept, lexicon.same.get(concept, concept))
    themes = themes_of(current, place, role, lexicon) or [Chunk(place, place + 1, _of_nothing(current))]
    claims = []
    for theme in themes:
        positive = current.scope.denied[place] == theme.denied
        if concept in lexicon.opposites:
            positive = not positive
        here = theme if theme in current.chunks else Chunk(place, place + 1, frozenset())
        aside = current.scope.aside[place] or current.scope.aside[here.start]
        span = (min(place, here.start), max(place + 1, here.end))
        twice = theme.denied and positive  # `no part of it is frozen`: all of it changes
        features = theme.features - COUNTS | {"all"} if twice else theme.features
        claims.append(_claim(current, saying, features, (positive, aside), span))
    return claims


def _of_nothing(current: Context) -> frozenset[str]:
    """`small + reversible`: where nothing was named yet, it is said of what was asked about."""
    return frozenset() if current.chunks or current.inherited else TOPIC


def _claim(
    current: Context, saying: str, features: frozenset[str], said: tuple[bool, bool], span: tuple[int, int]
) -> Claim:
    """`said`: is it positive, is it aside; `span`: the tokens to quote."""
    tokens = current.clause.tokens
    start, end = tokens[span[0]].start, tokens[span[1] - 1].end
    positive, aside = said[0] != current.turned, said[1] or current.aside
    conditional = current.conditional or (span[0] == 0 and _is_gerund(tokens))
    return Claim(saying, features, positive, current.about, aside, conditional, start, end, current.number)


def _is_gerund(tokens: list[Token]) -> bool:
    """`Updating the full model needs ...`: what is spoken of, not what is said to happen."""
    return tokens[0].text.endswith("ing") and any(token.has("verb") and not token.is_participle for token in tokens[1:])
