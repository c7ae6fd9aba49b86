"""Judging a model on examples it is not trained on: the loss of the completions, and answers it writes itself."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from peft import PeftModel
from torch import Tensor
from transformers import (
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    StoppingCriteria,
    StoppingCriteriaList,
)

from finetune_lab.batches import Encoded, collate
from finetune_lab.data import Example
from finetune_lab.labelled import summed_loss

EVALUATION_ROWS = 16
GENERATION_ROWS = 32


class StoppedError(Exception):
    """An evaluation was left half-way because `stop` was set: it has no result."""


@torch.no_grad()
def evaluation_loss(
    model: PreTrainedModel | PeftModel, examples: Sequence[Encoded], pad: int, stop: threading.Event | None = None
) -> float:
    """Mean loss in nats a labelled token. Batches are of like length; their order does not matter to the sum.

    Raises:
        StoppedError: `stop` was set; looked at before each batch.
    """
    device = next(model.parameters()).device
    by_length = sorted(examples, key=lambda example: len(example.ids))
    total, labelled = 0.0, 0
    with _evaluating(model):
        for begin in range(0, len(by_length), EVALUATION_ROWS):
            _leave_if_asked(stop)
            batch = collate(by_length[begin : begin + EVALUATION_ROWS], pad).to(device)
            with autocast(model, device):
                total += summed_loss(model, batch).item()
            labelled += len(batch.targets)
    return total / labelled


@torch.no_grad()
def generate(
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    max_new_tokens: int,
    max_length: int | None = None,
    stop: threading.Event | None = None,
) -> list[str]:
    """The model's own continuations of `prompts`, greedy, without special tokens.

    As in training, a prompt that leaves too little of `max_length` tokens for its answer loses its start.

    Raises:
        StoppedError: `stop` was set; looked at after each token.
    """
    device = next(model.parameters()).device
    settings = GenerationConfig(
        max_new_tokens=max_new_tokens,
        do_sample=False,
        use_cache=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    answers: dict[int, str] = {}
    order = sorted(range(len(prompts)), key=lambda number: len(prompts[number]))
    with _evaluating(model):
        for begin in range(0, len(order), GENERATION_ROWS):
            numbers = order[begin : begin + GENERATION_ROWS]
            ids = tokenizer([prompts[n] for n in numbers])["input_ids"]
            if max_length is not None:
                ids = [prompt[-max(1, max_length - max_new_tokens) :] for prompt in ids]
            inputs = tokenizer.pad({"input_ids": ids}, padding_side="left", return_tensors="pt")
            with autocast(model, device):
                output = model.generate(  # type: ignore[operator]  # PeftModel passes it on by __getattr__
                    input_ids=inputs["input_ids"].to(device),
                    attention_mask=inputs["attention_mask"].to(device),
                    generation_config=settings,
                    stopping_criteria=StoppingCriteriaList([_Leaving(stop)] if stop else []),
                )
            _leave_if_asked(stop)
            written = output[:, inputs["input_ids"].shape[1] :]
            texts = tokenizer.batch_decode(written, skip_special_tokens=True)
            answers.update(zip(numbers, texts, strict=True))
    return [answers[number] for number in range(len(prompts))]


class _Leaving(StoppingCriteria):
    """Ends every row's answer once `stop` is set."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop

    def __call__(self, input_ids: Tensor, _scores: Tensor, **_: object) -> Tensor:
        return torch.full((len(input_ids),), self.stop.is_set(), dtype=torch.bool, device=input_ids.device)


def _leave_if_asked(stop: threading.Event | None) -> None:
    if stop is not None and stop.is_set():
        raise StoppedError


@contextmanager
def _evaluating(model: PreTrainedModel | PeftModel) -> Iterator[None]:
    """The model without dropout, and afterwards as it was."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def longest_completion(tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example]) -> int:
    """Tokens of the longest completion, plus the end token: how far an answer may go."""
    completions = tokenizer([example.completion for example in examples], add_special_tokens=False)["input_ids"]
    return max(len(ids) for ids in completions) + 1


def autocast(model: PreTrainedModel | PeftModel, device: torch.device) -> torch.autocast:
    """The arithmetic of training: reduced precision on a GPU, float32 on a CPU."""
    frozen = {p.dtype for p in model.parameters() if p.dtype in (torch.bfloat16, torch.float16)}
    return torch.autocast(device.type, next(iter(frozen), torch.bfloat16), enabled=device.type == "cuda")
