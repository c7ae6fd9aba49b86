"""The two sides of training_speed.py: our loop, and `transformers.Trainer` + PEFT as a new user writes it."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from accelerate import Accelerator
from transformers import DataCollatorForSeq2Seq, Trainer, TrainerCallback, TrainingArguments

from finetune_lab.batches import Batch, Encoded
from finetune_lab.config import Method, TuneConfig
from finetune_lab.device import detect_device
from finetune_lab.events import Stepped
from finetune_lab.methods import build
from finetune_lab.tuning.loop import Trainer as Loop
from finetune_lab.tuning.session import Session

RATE = 1e-3


def our_side(session: Session, method: Method, config: TuneConfig) -> Loop:
    """A fresh model in our loop, at a constant rate; as in a real tune, its largest batch is known beforehand."""
    device, shape = detect_device(), session.plan().shape
    model = build(session.source, method, device, config.seed)
    accelerator = Accelerator(mixed_precision=device.mixed_precision, cpu=device.kind == "cpu")
    return Loop(model, config, RATE, accelerator, largest_batch=shape.batch_size * shape.length)


def our_losses(loop: Loop, batches: Iterator[Batch]) -> list[float]:
    """The loss of each step."""
    return [event.loss for event in loop.steps(batches)]


def our_speed(loop: Loop, batches: Iterator[Batch]) -> float:
    """Real tokens a second over the loop's steps, the first two left out."""
    return tokens_per_second(list(loop.steps(batches))[2:])


def tokens_per_second(steps: Sequence[Stepped]) -> float:
    return sum(step.tokens for step in steps) / sum(step.seconds for step in steps)


class Clock(TrainerCallback):
    """Notes when each of Trainer's steps has ended, and each logged loss."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.losses: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.ends.append(time.perf_counter())

    def on_log(self, *_: Any, logs: dict[str, float] | None = None, **__: Any) -> None:
        if logs and "loss" in logs:
            self.losses.append(logs["loss"])


class CountingCollator:
    """transformers' own padding collator, counting the real tokens of each batch."""

    def __init__(self, session: Session) -> None:
        self.collate = DataCollatorForSeq2Seq(session.tokenizer)
        self.tokens: list[int] = []

    def __call__(self, rows: list[dict[str, Any]]) -> Any:
        self.tokens.append(sum(len(row["input_ids"]) for row in rows))
        return self.collate(rows)


class InOrder(Trainer):
    """Trainer without its shuffling, to compare losses on the same batches."""

    def _get_train_sampler(self, *_: Any, **__: Any) -> torch.utils.data.Sampler[int]:
        return torch.utils.data.SequentialSampler(self.train_dataset)  # type: ignore[arg-type]


def their_rows(examples: Sequence[Encoded]) -> list[dict[str, Any]]:
    return [
        {
            "input_ids": list(example.ids),
            "attention_mask": [1] * len(example.ids),
            "labels": [-100] * example.start + list(example.ids[example.start :]),
        }
        for example in examples
    ]


def their_side(
    session: Session, method: Method, config: TuneConfig, rows: list[dict[str, Any]], folder: str, kind: type[Trainer]
) -> tuple[Trainer, Clock, CountingCollator]:
    """A fresh model in transformers.Trainer, with its defaults but for what must be equal: rate, seed, float type."""
    device = detect_device()
    arguments = TrainingArguments(
        output_dir=folder,
        max_steps=config.max_steps,
        per_device_train_batch_size=config.batch_size,
        learning_rate=RATE,
        lr_scheduler_type="constant",
        logging_steps=1 if kind is InOrder else 10_000,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=device.kind == "cpu",
        bf16=device.dtype_name == "bfloat16",
        fp16=device.dtype_name == "float16",
        seed=config.seed,
        remove_unused_columns=False,
    )
    clock, collator = Clock(), CountingCollator(session)
    model = build(session.source, method, device, config.seed)
    trainer = kind(model=model, args=arguments, train_dataset=rows, data_collator=collator, callbacks=[clock])
    return trainer, clock, collator


def their_losses(
    session: Session, method: Method, config: TuneConfig, examples: Sequence[Encoded], folder: str
) -> list[float]:
    """Trainer's loss of each step on `examples` in their order."""
    trainer, clock, _ = their_side(session, method, config, their_rows(examples), folder, InOrder)
    trainer.train()
    return clock.losses


def their_speed(session: Session, method: Method, config: TuneConfig, rows: list[dict[str, Any]], folder: str) -> float:
    """Real tokens a second over Trainer's steps, the first two left out."""
    trainer, clock, collator = their_side(session, method, config, rows, folder, Trainer)
    trainer.train()
    return sum(collator.tokens[2 : len(clock.ends)]) / (clock.ends[-1] - clock.ends[1])
