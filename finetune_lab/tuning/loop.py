"""Fine-tuning itself: read this from top to bottom and you have read what it is.

    batch -> forward -> loss of the completion -> backward -> clip -> AdamW moves what is trainable -> event

The loop is a generator: it yields one `Stepped` after each optimizer step and holds no opinion about files or plots.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from peft import PeftModel
from transformers import PreTrainedModel

from finetune_lab.batches import Batch
from finetune_lab.config import TuneConfig
from finetune_lab.events import Stepped
from finetune_lab.labelled import summed_loss
from finetune_lab.lora_update import fused_updates
from finetune_lab.memory.ledger import Ledger
from finetune_lab.methods import trainable_parameters


@dataclass
class Trainer:
    """A model in training: what the steps change and a checkpoint keeps."""

    model: PreTrainedModel | PeftModel
    config: TuneConfig
    learning_rate: float
    accelerator: Accelerator
    step: int = 0
    diverged: bool = False
    largest_batch: int = 0  # positions of the largest that will come; 0: not known
    trainable: list[torch.nn.Parameter] = field(init=False)
    optimizer: AcceleratedOptimizer = field(init=False)
    ledger: Ledger | None = None

    def __post_init__(self) -> None:
        self.trainable = list(trainable_parameters(self.model).values())  # kept: finding them takes a millisecond
        # fused: one pass over the parameters, without the temporary copy of them that foreach makes
        adamw = torch.optim.AdamW(self.trainable, self.learning_rate, weight_decay=self.config.weight_decay, fused=True)
        self.optimizer = self.accelerator.prepare_optimizer(adamw)  # scales gradients where the arithmetic is float16
        if self.config.gradient_checkpointing:
            self.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})

    def steps(self, batches: Iterator[Batch]) -> Iterator[Stepped]:
        """Train to `max_steps`, yielding after each step; ends with `diverged` set at a step that is not finite.

        That step is yielded too, but nothing has moved in it.
        """
        self.ledger = Ledger(self.model, self.optimizer, self.largest_batch)
        with fused_updates(self.model):
            while self.step < self.config.max_steps:
                started = time.perf_counter()
                group = [next(batches) for _ in range(self.config.gradient_accumulation_steps)]
                rate = self.learning_rate * schedule(self.step, self.config)
                with self.ledger.step(max(batch.input_ids.numel() for batch in group)):
                    loss, grad_norm = self.backward(group)
                    self.diverged = not (math.isfinite(loss) and (math.isfinite(grad_norm) or self.may_rescale()))
                    if not self.diverged:
                        self.update(rate)
                self.optimizer.zero_grad(set_to_none=True)
                self.step += 1
                tokens, memory = sum(batch.tokens for batch in group), dict(self.ledger.components)
                yield Stepped(self.step, loss, rate, grad_norm, tokens, time.perf_counter() - started, memory)
                if self.diverged:
                    return

    def backward(self, group: list[Batch]) -> tuple[float, float]:
        """Gradients of the mean loss over the group's labelled tokens; returns that loss and the gradients' norm."""
        labelled = sum(len(batch.targets) for batch in group)
        total = sum(self.accumulate(batch, labelled) for batch in group)
        norm = self.accelerator.clip_grad_norm_(self.trainable, self.config.max_grad_norm or math.inf)
        return total, float(norm)

    def accumulate(self, batch: Batch, labelled: int) -> float:
        """Add one batch's share to the gradients; its graph is gone when this returns."""
        with self.accelerator.autocast():
            loss = summed_loss(self.model, batch.to(self.accelerator.device)) / labelled
        self.accelerator.backward(loss)
        return loss.item()

    def may_rescale(self) -> bool:
        """Whether a gradient out of range only means that float16 is scaled too far yet: the step is skipped."""
        scaler = self.accelerator.scaler
        return scaler is not None and scaler.get_scale() > 1

    def update(self, rate: float) -> None:
        """One AdamW step at this learning rate."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()


def schedule(step: int, config: TuneConfig) -> float:
    """The learning rate's factor for the step after `step` done ones: a linear rise, then the chosen fall."""
    warmup = round(config.max_steps * config.warmup_ratio)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1, config.max_steps - warmup)
    match config.lr_scheduler_type:
        case "linear":
            return 1 - done
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * done))
        case "constant":
            return 1.0
