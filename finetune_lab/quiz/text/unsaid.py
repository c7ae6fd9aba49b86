"""Words that say something elsewhere and nothing here: `drops a lot` is no `more`, `during training` no `change`."""

from finetune_lab.quiz.text.clauses import is_verb
from finetune_lab.quiz.text.tokens import Token
from finetune_lab.quiz.text.words import Lexicon

EASE = {"fast", "slow", "cheap", "expensive", "simple"}


def is_unsaid(tokens: list[Token], place: int, concept: str, lexicon: Lexicon) -> bool:
    """Whether this meaning of the word at `place` is not what it says there."""
    token, before = tokens[place], tokens[place - 1] if place else None
    match concept:
        case "remove":  # `drops it from 16 bits to 4`: nothing is taken away
            return "reduce" in token.concepts and any(later.text in ("from", "to") for later in tokens[place:])
        case "more":  # `drops a lot`, `brings it down a lot`
            return before is not None and ("reduce" in before.concepts or before.text == "down")
        case "change":  # `training goes quicker`, `during training`, `quick to train`: it is spoken of, not said
            after = tokens[place + 1] if place + 1 < len(tokens) else None
            is_subject = after is not None and is_verb(after, lexicon) and not after.is_participle
            is_purpose = place > 1 and tokens[place - 1].text == "to" and bool(EASE & set(tokens[place - 2].concepts))
            is_named = token.text == "training" and (is_subject or (before is not None and before.text == "during"))
            return is_named or is_purpose
    return False
