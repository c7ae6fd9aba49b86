"""What a choice of method depends on: the case, as its owner states it, and the evidence, as it was measured."""

from dataclasses import dataclass
from typing import Any, Literal

from finetune_lab.described import described, range_faults
from finetune_lab.errors import ConfigError, listed

Change = Literal["narrow", "broad"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A tune that someone considers. Every field is a question that has to be answered before a method is chosen."""

    model: str = described("lab-base", "base model: lab-base, a shipped name such as qwen3-8b, a folder")
    device: str | int | None = described(None, "T4, L4, A100 80, ..., or a GPU's bytes; this machine without it")
    batch_size: int = described(1, "examples in a batch", low=1)
    max_length: int = described(1024, "tokens of an example", low=8)
    variants: int = described(1, "customers, languages or tasks to be served from the one base", low=1)
    examples: int = described(1_000, "examples to train on", low=1)
    clean: bool = described(True, "the examples are right and say what is wanted")
    change: Change = described("narrow", "narrow: a format, a voice, one workflow; broad: a language, a domain")
    keep_base: bool = described(False, "the base must come back bit for bit, for rollback or for an audit")
    plateaued: bool = described(False, "an adapter was tried, and more rank or more steps no longer help")
    changing_facts: bool = described(False, "right answers depend on facts that change from week to week")

    def __post_init__(self) -> None:
        if faults := range_faults(self):
            raise ConfigError(listed(faults), "Change these answers.")


@dataclass(frozen=True)
class Evidence:
    """What the learner's own runs say; None where they do not."""

    losses: dict[str, float]  # evaluation loss after the tune, nats a token, by method
    seconds_per_step: dict[str, float]
    artifact_bytes: dict[str, int]

    @classmethod
    def of(cls, summaries: list[dict[str, Any]]) -> "Evidence":
        """From the summaries of finished runs; of several by one method, the last."""
        done = {one["method"]: one for one in summaries if one["eval_loss_after"] is not None and one["steps"]}
        return cls(
            {name: one["eval_loss_after"] for name, one in done.items()},
            {name: one["seconds"] / one["steps"] for name, one in done.items()},
            {name: one["artifact_bytes"] for name, one in done.items()},
        )
