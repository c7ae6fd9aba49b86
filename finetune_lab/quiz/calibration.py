"""How well a learner's confidence fits: of the answers that you were N % sure of, how many were right?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from finetune_lab.quiz.verdict import Verdict
from finetune_lab.tables import as_html, as_text

BANDS = ((0, 39), (40, 59), (60, 84), (85, 100))  # percent; around the 25, 50, 75 and 95 that the panel offers
FEWEST = 5  # answers, before a judgement is more than chance


class Judged(Protocol):
    """An answer with its verdict, and how sure its writer was, in percent."""

    @property
    def verdict(self) -> Verdict: ...

    @property
    def confidence(self) -> int | None: ...


@dataclass(frozen=True)
class Band:
    """The answers whose confidence lay in a band: how many, the mean confidence and the right ones, both in percent."""

    answers: int
    said: float
    right: float


@dataclass(frozen=True)
class Calibration:
    """Confidence against outcome. `brier` is the mean of (confidence - outcome) squared (Brier, 1950).

    It is 0 for someone who is always sure and always right, and 0.25 for one who always says 50 %. `bias` is mean
    confidence less the share that was right, in percentage points: above 0 is overconfident.
    """

    answers: int
    bands: tuple[Band, ...]
    brier: float | None
    bias: float | None

    @property
    def said(self) -> str:
        """The judgement in one sentence."""
        if self.answers < FEWEST or self.bias is None:
            return f"Say how sure you are of at least {FEWEST} answers ({self.answers} so far) to see how well it fits."
        score = f"Brier score {self.brier:.2f} (0 is best, 0.25 is a coin)."
        if abs(self.bias) <= 10:
            return f"Your confidence fits how often you were right, within {abs(self.bias):.0f} points. {score}"
        word = "surer than you were right" if self.bias > 0 else "right more often than you were sure"
        return f"You were {word}, by {abs(self.bias):.0f} points on average. {score}"

    def rows(self) -> list[dict[str, str]]:
        """One row a band that has answers, its cells ready to read."""
        return [
            {
                "you were": f"{band.said:.0f} % sure",
                "answers": str(band.answers),
                "of them right": f"{band.right:.0f} %",
            }
            for band in self.bands
        ]

    def __repr__(self) -> str:
        return f"{as_text(self.rows())}\n{self.said}" if self.bands else self.said

    def _repr_html_(self) -> str:
        return (as_html(self.rows()) if self.bands else "") + f"<p>{self.said}</p>"


def calibration(attempts: Sequence[Judged]) -> Calibration:
    """Over every attempt with a confidence and a verdict; partly right is not right, and what waits does not count."""
    judged = [
        (attempt.confidence, attempt.verdict == "pass")
        for attempt in attempts
        if attempt.confidence is not None and attempt.verdict != "review"
    ]
    if not judged:
        return Calibration(0, (), None, None)
    bands = [[pair for pair in judged if low <= pair[0] <= high] for low, high in BANDS]
    brier = sum((said / 100 - right) ** 2 for said, right in judged) / len(judged)
    whole = _band(judged)
    return Calibration(len(judged), tuple(_band(band) for band in bands if band), brier, whole.said - whole.right)


def _band(pairs: Sequence[tuple[int, bool]]) -> Band:
    count = len(pairs)
    return Band(count, sum(said for said, _ in pairs) / count, 100 * sum(right for _, right in pairs) / count)
