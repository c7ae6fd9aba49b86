"""Drift: how far a merged model has moved from the adapter beside its base, which it should equal.

For the next token's distributions p (unmerged) and q (merged) at every labelled position of held-out examples:

    largest logit difference    max |z_p - z_q|
    KL divergence               mean of sum p log(p / q), in nats
    same first choice           share of positions where argmax p = argmax q

and, over more of them, the evaluation loss, the score, and the answers that are not the same text any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from finetune_lab.batches import collate
from finetune_lab.labelled import labelled_logits
from finetune_lab.serving.judging import HeldOut, Judged, count_changed, judge, pad_of, shown
from finetune_lab.tuning.evaluation import autocast

COMPARED = 16  # examples whose logits are kept: a vocabulary is wide


@dataclass(frozen=True)
class Look:
    """A model as seen on held-out examples: its judgement and its logits `(labelled, vocabulary)`, on the CPU."""

    what: str
    judged: Judged
    logits: Tensor


@dataclass(frozen=True)
class Drift:
    """The merged model against one unmerged form."""

    what: str
    unmerged: Judged
    merged: Judged
    largest_logit_difference: float
    kl: float
    same_choice: float
    positions: int

    @property
    def changed_answers(self) -> int:
        return count_changed(self.unmerged.answers, self.merged.answers)

    def row(self) -> dict[str, str]:
        """One row of a table, its cells ready to read."""
        loss, score = (
            f"{shown(self.unmerged.eval_loss)} → {shown(self.merged.eval_loss)}",
            f"{shown(self.unmerged.score, '{:.0%}')} → {shown(self.merged.score, '{:.0%}')}",
        )
        return {
            "unmerged → merged": self.what,
            "largest logit difference": f"{self.largest_logit_difference:.3g}",
            "KL, nats": f"{self.kl:.3g}",
            "same first choice": f"{self.same_choice:.2%}",
            "eval loss": loss,
            "score": score,
            "changed answers": f"{self.changed_answers} of {len(self.merged.answers)}",
        }


@torch.no_grad()
def look_at(
    model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase, on: HeldOut, what: str = ""
) -> Look:
    """Judge the model and keep its logits at the labelled positions of the first examples."""
    model.eval()
    device = next(model.parameters()).device
    batch = collate(on.evaluation[:COMPARED], pad_of(tokenizer)).to(device)
    with autocast(model, device):
        logits = labelled_logits(model, batch).float().cpu()
    return Look(what, judge(model, tokenizer, on), logits)


def drifts(unmerged: Sequence[Look], merged: Look) -> tuple[Drift, ...]:
    """What merging changed, against each unmerged form."""
    return tuple(_drift(look, merged) for look in unmerged)


def _drift(before: Look, after: Look) -> Drift:
    p, q = before.logits, after.logits
    kl = F.kl_div(F.log_softmax(q, -1), F.log_softmax(p, -1), reduction="batchmean", log_target=True)
    largest = (p - q).abs().max().item()
    same = (p.argmax(-1) == q.argmax(-1)).float().mean().item()
    return Drift(before.what, before.judged, after.judged, largest, max(0.0, kl.item()), same, len(p))
