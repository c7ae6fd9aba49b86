"""One attempt at a question, as the learner's progress file keeps it."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from finetune_lab.quiz.bank import BankError
from finetune_lab.quiz.verdict import VERDICTS, Verdict

MOMENT = r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|\+00:00)\Z"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["question", "answer", "at", "verdict", "score"],
    "properties": {
        "question": {"type": "string", "minLength": 1, "maxLength": 200},
        "at": {"type": "string", "pattern": MOMENT},
        "confidence": {"type": "integer", "minimum": 0, "maximum": 100},
        "verdict": {"enum": list(VERDICTS)},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
        "reasons": {"type": "array", "items": {"type": "string"}},
        "from_memory": {"type": "boolean"},
        "counts": {"type": "boolean"},
    },
}


@dataclass(frozen=True)
class Attempt:
    """An answer, when it was given, how sure the learner was, and the verdict that was shown."""

    question: str
    answer: Any  # a text, a list of choice ids, or a number
    at: datetime  # UTC, to the second
    verdict: Verdict
    score: float
    reasons: tuple[str, ...] = ()
    confidence: int | None = None  # percent; None where the learner did not say
    from_memory: bool = False
    counts: bool = True  # for the points; a review after the question was closed does not

    @property
    def missed(self) -> bool:
        return self.verdict in ("partial", "not_yet")

    @property
    def lucky(self) -> bool:
        """Right, by the learner's own word no better than a coin."""
        return self.verdict == "pass" and self.confidence is not None and self.confidence <= 50

    def settled(self, verdict: Verdict, score: float, reasons: tuple[str, ...]) -> "Attempt":
        """The same attempt with the verdict that it had to wait for."""
        return replace(self, verdict=verdict, score=score, reasons=reasons)

    def to_dict(self) -> dict[str, Any]:
        """What the progress file holds; what is not known is left out."""
        known = {} if self.confidence is None else {"confidence": self.confidence}
        return {
            "question": self.question, "answer": self.answer, "at": self.at.isoformat(timespec="seconds"), **known,
            "verdict": self.verdict, "score": self.score, "reasons": list(self.reasons),
            "from_memory": self.from_memory, "counts": self.counts,
        }  # fmt: skip


def attempt_from(entry: dict[str, Any]) -> Attempt:
    """The attempt of an entry that fits `SCHEMA`.

    Raises:
        ValueError: its time does not exist.
    """
    return Attempt(
        entry["question"], entry["answer"], datetime.fromisoformat(entry["at"]).astimezone(UTC), entry["verdict"],
        float(entry["score"]), tuple(entry.get("reasons", ())), entry.get("confidence"),
        entry.get("from_memory", False), entry.get("counts", True),
    )  # fmt: skip


def percent(confidence: object) -> int | None:
    """How sure a learner is, from 0 to 100; `80`, `"80 %"` and `0.8` are the same.

    Raises:
        BankError: it is no such number.
    """
    if confidence is None:
        return None
    text = re.sub(r"\s*%\Z", "", confidence.strip()) if isinstance(confidence, str) else confidence
    try:
        value = float(text) if not isinstance(text, bool) else -1.0  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        value = -1.0
    value = value * 100 if isinstance(text, float) and 0 < value < 1 else value
    if not 0 <= value <= 100:
        raise BankError(
            f"confidence {str(confidence)[:40]!r} is no percentage.", "Say how sure you are, from 0 to 100."
        )
    return round(value)
