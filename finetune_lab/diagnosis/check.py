"""What one check found."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

Verdict = Literal["works", "fails", "not tried"]


@dataclass(frozen=True)
class Check:
    """A check with its figures. `error` is the distance from the reference over the reference's own size."""

    name: str
    verdict: Verdict
    detail: str
    next_step: str = ""  # what to do where it does not work
    milliseconds: float | None = None  # forward and backward together
    ratio: float | None = None  # that time over the reference's time
    error: float | None = None

    def row(self) -> dict[str, str]:
        """Its cells in the table of checks."""
        return {
            "check": self.name,
            "verdict": self.verdict,
            "ms": "" if self.milliseconds is None else f"{self.milliseconds:.2f}",
            "time ratio": "" if self.ratio is None else f"{self.ratio:.1f}",
            "error": "" if self.error is None else f"{self.error:.0e}" if self.error else "none",
        }


def guarded(name: str, next_step: str, probe: Callable[[], Check]) -> Check:
    """What the probe found, or by what error it failed: a broken library must not break the diagnosis."""
    try:
        found = probe()
        return found if found.verdict != "fails" or found.next_step else replace(found, next_step=next_step)
    except Exception as error:  # noqa: BLE001  # whatever a library raises is what the check is there to find
        text = " ".join(str(error).split())[:200]
        return Check(name, "fails", f"{type(error).__name__}: {text}", next_step)
