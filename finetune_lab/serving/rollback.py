"""Rollback, proved: is the base still the base, bit for bit, after an adapter was attached and taken away?

    stage             LoRA, QLoRA                         full
    before            W                                   W
    attached          W beside (alpha/r) B A              W + dW: the tuned weights lie where W lay
    switched off      W, the adapter skipped              there is nothing to switch off
    unloaded          W, the adapter gone                 there is nothing to unload
    loaded again      -                                   W, read from disk a second time

The logits of every position are compared by `torch.equal`, and the base's weights by SHA-256 at every stage.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from finetune_lab.config import Full
from finetune_lab.device import detect_device
from finetune_lab.errors import ConfigError
from finetune_lab.models import find_base, load_model, load_tokenizer, longest_context
from finetune_lab.serving.fingerprint import base_sha256
from finetune_lab.serving.loaded_base import LoadedBase
from finetune_lab.serving.subject import Subject, subject_of
from finetune_lab.tables import as_html, as_text
from finetune_lab.tuning.run import Run

PROMPTS = (
    "Message: my parcel is a week late, order 10482. where is it?\nRecord: ",
    "Message: I was charged twice for the same lamp and want one of the two back.\nRecord: ",
    "To change the address of an invoice, follow these steps: 1.",
)


@dataclass(frozen=True)
class Stage:
    """What was seen at one stage: how far the logits are from the first stage's, and the hash of the base's weights."""

    name: str
    equal: bool
    largest: float  # of the absolute logit differences
    sha256: str


@dataclass(frozen=True)
class RollbackProof:
    """The stages of one adapter or tune, and what they prove. True and false by itself: `if proof: ...`."""

    what: str
    prompts: tuple[str, ...]
    stages: tuple[Stage, ...]

    @property
    def rolled_back(self) -> bool:
        """Whether logits and weights, switched off and unloaded, are those of before, to the last bit."""
        return all(stage.equal for stage in self.stages[2:]) and len({stage.sha256 for stage in self.stages}) == 1

    @property
    def verdict(self) -> str:
        before, attached, *_ = self.stages
        if not self.rolled_back:
            moved = "its weights have changed" if attached.sha256 != before.sha256 else "its answers have changed"
            again = " Loaded again from disk it is itself." if self.stages[-1].equal else ""
            return f"FAILED: {moved}, and nothing in memory brings it back.{again}"
        seen = "the adapter changed the logits" if not attached.equal else "the adapter changed no logit"
        return f"PROVED: while attached, {seen}; afterwards the base is the same, bit for bit, and always was."

    def rows(self) -> list[dict[str, str]]:
        """One row a stage, its cells ready to read."""
        return [
            {
                "stage": stage.name,
                "logits": "identical" if stage.equal else "different",
                "largest difference": f"{stage.largest:.3g}",
                "SHA-256 of the base's weights": f"{stage.sha256[:16]}...",
            }
            for stage in self.stages
        ]

    def __bool__(self) -> bool:
        return self.rolled_back

    def __repr__(self) -> str:
        return f"Rollback of {self.what}, {len(self.prompts)} prompts\n{as_text(self.rows())}\n{self.verdict}"

    def _repr_html_(self) -> str:
        colour = "#1b5e20" if self.rolled_back else "#b71c1c"
        head = as_html([{"rollback of": self.what, "prompts": str(len(self.prompts))}])
        return f'{head}{as_html(self.rows())}<p style="color:{colour}"><b>{self.verdict}</b></p>'


def prove_rollback(run_or_adapter: Run | Path | str, prompts: Sequence[str] | None = None) -> RollbackProof:
    """Attach what a tune made to a fresh base, switch it off, unload it, and compare at each stage.

    The same call on a full tune's run fails, as it must: its weights take the place of the base's.

    Args:
        run_or_adapter: a run, its folder, or the folder of an adapter in PEFT's own format.
        prompts: texts to compare the logits on; three of our own without it.

    Raises:
        LabError: there is nothing to attach, or its base can't be had.
    """
    texts = tuple(PROMPTS if prompts is None else prompts)
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise ConfigError("There is no prompt to compare on.", "Give one or more texts, none of them empty.")
    subject = subject_of(run_or_adapter)
    tokenizer = load_tokenizer(subject.source)
    context = longest_context(subject.source) or 0
    batches = [tokenizer(text, return_tensors="pt")["input_ids"][:, -context:] for text in texts]
    return RollbackProof(subject.what, texts, tuple(_stages(subject, batches)))


def _stages(subject: Subject, batches: Sequence[Tensor]) -> list[Stage]:
    base = LoadedBase(subject.source, detect_device(), subject.quantized)
    first = _logits(base.model, batches)
    seen = [_stage("before", first, first, base.model)]
    if isinstance(subject.method, Full):
        write_over(base.model, subject.artifact)
        later = ("attached", "switched off", "unloaded")  # there is nothing to switch off or to unload
        seen += [_stage(name, first, _logits(base.model, batches), base.model) for name in later]
        base = LoadedBase(subject.source, detect_device())
        return [*seen, _stage("loaded again", first, _logits(base.model, batches), base.model)]
    base.attach("proved", subject.artifact)
    with base.using("proved") as model:
        seen.append(_stage("attached", first, _logits(model, batches), model))
    seen.append(_stage("switched off", first, _logits(base.model, batches), base.model))
    base.detach("proved")
    seen.append(_stage("unloaded", first, _logits(base.model, batches), base.model))
    return seen


def _stage(name: str, first: Sequence[Tensor], now: Sequence[Tensor], model: nn.Module) -> Stage:
    pairs = list(zip(first, now, strict=True))
    largest = max((one - other).abs().max().item() for one, other in pairs)
    return Stage(name, all(torch.equal(one, other) for one, other in pairs), largest, base_sha256(model))


@torch.no_grad()
def _logits(model: nn.Module, batches: Sequence[Tensor]) -> list[Tensor]:
    """The logits `(1, length, vocabulary)` of each prompt, alone in its batch: no padding plays a part."""
    device = next(model.parameters()).device
    return [model(input_ids=ids.to(device), use_cache=False).logits.float().cpu() for ids in batches]


def write_over(model: nn.Module, folder: Path) -> None:
    """Put a full tune's weights where the base's lie, as running it from one copy in memory means."""
    device = detect_device()
    model.load_state_dict(load_model(find_base(str(folder)), device.torch_device, device.dtype).state_dict())
