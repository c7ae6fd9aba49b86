"""`doctor`: what this machine can run, and why. Everything is tried, nothing is assumed."""

from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from finetune_lab.device import Device, detect_device
from finetune_lab.diagnosis.check import Check
from finetune_lab.tables import as_html, as_text

MEANING = (
    "ms: forward and backward of one layer of lab-base; time ratio: over the same in float32 (AdamW: not fused);\n"
    "error: relative distance from that reference."
)


@dataclass(frozen=True)
class Diagnosis:
    """Versions, the machine in words, and the checks; shown as tables."""

    versions: dict[str, str]
    machine: dict[str, str]
    device: Device
    checks: tuple[Check, ...]

    @property
    def todo(self) -> list[str]:
        """One next step for whatever does not work."""
        return [f"{check.name}: {check.detail}. {check.next_step}" for check in self.checks if check.verdict == "fails"]

    @property
    def remarks(self) -> list[str]:
        """What the figures of the other checks mean."""
        return [f"{check.name}: {check.detail}" for check in self.checks if check.verdict != "fails"]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return {**asdict(self), "checks": [asdict(check) for check in self.checks], "todo": self.todo}

    def __repr__(self) -> str:
        width = max(len(name) for name in self.machine)
        parts = [
            "  ".join(f"{name} {number}" for name, number in self.versions.items()),
            "\n".join(f"{name:<{width}}  {fact}" for name, fact in self.machine.items()),
            as_text([check.row() for check in self.checks]),
            MEANING,
            "\n".join(self.remarks),
            "\n".join(["What to do:", *self.todo] if self.todo else ["Everything that was tried works."]),
        ]
        return "\n\n".join(part for part in parts if part)

    def _repr_html_(self) -> str:
        facts = [{"": name, "this machine": fact} for name, fact in self.machine.items()]
        numbers = "  ".join(f"{name} {number}" for name, number in self.versions.items())
        steps = "".join(f"<li>{escape(step)}</li>" for step in self.todo) or "<li>Everything that was tried works.</li>"
        remarks = "".join(f"<li>{escape(remark)}</li>" for remark in self.remarks)
        return (
            f"{as_html(facts)}{as_html([check.row() for check in self.checks])}<p>{escape(MEANING)}</p>"
            f"<ul>{steps}</ul><details><summary>What was compared with what</summary><ul>{remarks}</ul></details>"
            f"<p>{escape(numbers)}</p>"
        )


def doctor() -> Diagnosis:
    """Try what tuning needs on this machine. Takes a few seconds; a check that fails is a finding, never an error."""
    from finetune_lab.diagnosis.operations import operation_checks
    from finetune_lab.diagnosis.surroundings import machine, surrounding_checks, versions

    device = detect_device()
    checks = (*operation_checks(device), *surrounding_checks())
    return Diagnosis(versions(), machine(device), device, checks)
