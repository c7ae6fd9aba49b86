"""The four verdicts, and a graded answer."""

from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["pass", "partial", "not_yet", "review"]
VERDICTS: tuple[Verdict, ...] = ("pass", "partial", "not_yet", "review")


@dataclass(frozen=True)
class Grade:
    """The verdict on one answer. `score` is from 0 to 1; `fired` names the rules, for whoever looks after the bank."""

    question: str
    verdict: Verdict
    score: float
    reasons: list[str]
    fired: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """One line of `quiz grade --json`."""
        return {"question": self.question, "verdict": self.verdict, "score": self.score, "reasons": self.reasons}
