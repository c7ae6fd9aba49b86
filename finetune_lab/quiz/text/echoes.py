"""What a clause says by breaking off: `the base is not`, `and so are the adapters`, `but the weights`.

Such a clause has no statement of its own. It says again of its own subject what the clause before said, or denies it.
"""

from dataclasses import replace

from finetune_lab.quiz.text.context import Claim, Context
from finetune_lab.quiz.text.tokens import Token
from finetune_lab.quiz.text.words import Lexicon

TOO = ("too", "as", "well", "also", "either")
INVERTED = ("so", "neither", "nor", "as", "and")


def echoes(current: Context, last: Context | None, claims: list[Claim], lexicon: Lexicon) -> list[Claim]:
    """The claims of the clause before, said of the subject of this one."""
    if last is None or not current.chunks:
        return []
    was_denied = _denies(last.clause.tokens, lexicon) or any(one.denied for one in last.inherited)
    turns = _turns(current, was_denied, lexicon)
    if turns is None:
        return []
    said = [claim for claim in claims if claim.clause == last.number and claim.saying not in ("names", "fragment")]
    return [_said_again(claim, current, turns) for claim in said]


def _turns(current: Context, was_denied: bool, lexicon: Lexicon) -> bool | None:
    """Whether the clause says the opposite of the one before; None where it says something of its own."""
    tokens = _without_too(current.clause.tokens)
    if not tokens or any(token.has("verb") for token in tokens):
        return None
    is_auxiliary = [lexicon.is_a("auxiliaries", token.stems) for token in tokens]
    if not any(is_auxiliary) and not _denies(tokens, lexicon):
        return True if current.clause.opener == "but" and was_denied else None  # `not the adapter but the weights`
    if any(token.has("quality") for token in tokens):
        return None
    if is_auxiliary[0] and current.clause.opener in INVERTED:
        return False  # `and so are the adapters`
    if lexicon.is_a("negators", tokens[-1].stems) or is_auxiliary[-1]:
        return _denies(tokens, lexicon) != was_denied
    return None


def _without_too(tokens: list[Token]) -> list[Token]:
    while tokens and tokens[-1].text in TOO:
        tokens = tokens[:-1]
    return tokens


def _denies(tokens: list[Token], lexicon: Lexicon) -> bool:
    return any(lexicon.is_a("negators", token.stems) for token in tokens)


def _said_again(claim: Claim, current: Context, turns: bool) -> Claim:
    tokens, subject = current.clause.tokens, current.chunks[0]
    return replace(
        claim,
        features=claim.features if subject.is_pronoun else subject.features,
        positive=claim.positive != turns,
        about=current.about,
        start=tokens[0].start,
        end=tokens[-1].end,
        clause=current.number,
    )
