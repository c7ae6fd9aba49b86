"""What the reading of clauses works with: a clause with what it takes over from the one before, and the claims made."""

from dataclasses import dataclass

from finetune_lab.quiz.text.chunks import Chunk
from finetune_lab.quiz.text.clauses import Clause
from finetune_lab.quiz.text.polarity import Scope


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
class Context:
    """A clause while it is read, with what it takes over from the one before."""

    number: int
    clause: Clause
    chunks: list[Chunk]
    scope: Scope
    about: str
    aside: bool
    conditional: bool
    nearest: list[Chunk]  # the last noun of the clause before: what `these` or `that` stands for
    inherited: list[Chunk]  # what a pronoun or a missing subject stands for
    turned: bool
    has_agent: bool  # its subject is `you`, `we`: an active verb is not said of what was named before
