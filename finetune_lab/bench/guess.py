"""Guess first: the learner commits to a number before it is shown, and sees afterwards how near it was.

A guess of twice the truth is as good as one of half of it, so distance is counted in factors:

    score = 1 - |log2(guess / truth)| / 2, at least 0        exact: 1    off by 2 times: 0.5    by 4 times or more: 0
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

from finetune_lab.errors import ConfigError
from finetune_lab.tables import readable

About = Literal["peak_memory", "trainable_parameters", "winner"]
QUESTIONS: dict[About, str] = {
    "peak_memory": "How much memory will a step need at its peak?",
    "trainable_parameters": "How many weights will move?",
    "winner": "Which method will have the lowest evaluation loss?",
}
FACTOR_FOR_NOTHING = 4  # off by so many times, in either direction, earns nothing
RULE = "an exact guess earns 1, one that is off by a factor of 2 earns a half, by 4 or more nothing; a winner 1 or 0"


@dataclass(frozen=True)
class Guess:
    """What a learner expects: bytes, a count, or a method's name.

    Raises:
        ConfigError: it is no number above 0, or no method's name.
    """

    about: About
    value: float | str

    def __post_init__(self) -> None:
        if self.about not in QUESTIONS:
            raise ConfigError(f"There is nothing to guess about {self.about!r}.", f"Choose: {', '.join(QUESTIONS)}.")
        if self.about == "winner":
            if not isinstance(self.value, str) or not self.value.strip():
                raise ConfigError(f"{self.value!r} names no method.", "Guess full, lora or qlora.")
        elif isinstance(self.value, bool) or not isinstance(self.value, int | float) or not 0 < self.value < math.inf:
            raise ConfigError(f"{self.value!r} can't be guessed: it is no number above 0.", "Guess a number.")

    @property
    def question(self) -> str:
        return QUESTIONS[self.about]


@dataclass(frozen=True)
class Scored:
    """A guess beside what came out."""

    guess: Guess
    outcome: float | str
    score: float  # 0 to 1
    words: str


def score(guess: Guess, outcome: float | str) -> Scored:
    """How near a guess was. `RULE` says how it is counted.

    Args:
        guess: made before.
        outcome: bytes, a count, or the method's name, as measured.

    Raises:
        ConfigError: the outcome is of another kind than the guess.
    """
    true = Guess(guess.about, outcome)
    if isinstance(guess.value, str) or isinstance(true.value, str):
        right = str(guess.value).strip().lower() == str(true.value).strip().lower()
        words = f"Right: {outcome}." if right else f"You expected {guess.value}; it was {outcome}. What tipped it?"
        return Scored(guess, outcome, float(right), words)
    ratio = guess.value / true.value
    points = max(0.0, 1 - abs(math.log(ratio, FACTOR_FOR_NOTHING)))
    return Scored(guess, outcome, points, _words(guess, true, ratio))


def _words(guess: Guess, true: Guess, ratio: float) -> str:
    said, was = _shown(guess), _shown(true)
    factor = max(ratio, 1 / ratio)
    if factor < 1.1:
        return f"Within a tenth: you said {said}, it was {was}."
    side = "high" if ratio > 1 else "low"
    size = f"{100 * (factor - 1):.0f} %" if factor < 2 else f"{factor:.1f} times"
    return f"You said {said}, it was {was}: too {side} by {size}."


def _shown(guess: Guess) -> str:
    value: Any = guess.value
    return readable(round(value)) if guess.about == "peak_memory" else f"{value:,.0f}"
