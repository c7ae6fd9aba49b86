"""Examples become batches: tokens, bucketed by length, of which only the completion is learned.

    prompt tokens                 completion tokens     end    padding
    [ The parcel is late Record: ][ {"intent": ... } ][ </s> ][ . . . ]
      not trained on                trained on                 never seen: causal attention looks left only

Padding stands on the right, so no attention mask is needed and attention takes its fast path.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from finetune_lab.data import Example
from finetune_lab.errors import DataError

BUCKET_BATCHES = 16  # batches' worth of shuffled examples that are sorted by length together


@dataclass(frozen=True)
class Encoded:
    """One example as token ids: `ids[start:]` is the completion with the end token."""

    ids: tuple[int, ...]
    start: int
    cut: int  # prompt tokens dropped at the start to keep within max_length


@dataclass(frozen=True)
class Batch:
    """`input_ids` (rows, length); the n-th labelled position is (row[n], column[n]) and its next token `targets[n]`."""

    input_ids: Tensor
    row: Tensor
    column: Tensor
    targets: Tensor
    tokens: int  # real tokens, without padding

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        if self.input_ids.device == device:
            return self
        tensors = (self.input_ids, self.row, self.column, self.targets)
        input_ids, row, column, targets = (tensor.to(device) for tensor in tensors)
        return Batch(input_ids, row, column, targets, self.tokens)


def encode(tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], max_length: int) -> list[Encoded]:
    """Token ids of each example. A prompt too long loses its start; a completion too long is an error.

    Raises:
        DataError: completions longer than `max_length` leave no room for a prompt; all are listed.
    """
    prompts = tokenizer([example.prompt for example in examples])["input_ids"]
    completions = tokenizer([example.completion for example in examples], add_special_tokens=False)["input_ids"]
    too_long = [str(n) for n, ids in enumerate(completions, 1) if len(ids) + 2 > max_length]
    if too_long:
        shown = ", ".join(too_long[:10]) + (" ..." if len(too_long) > 10 else "")
        what = f"{len(too_long)} completions do not fit into max_length {max_length} tokens: examples {shown}."
        raise DataError(what, "Raise max_length or shorten them.")
    encoded = []
    for prompt, completion in zip(prompts, completions, strict=True):
        answer = [*completion, tokenizer.eos_token_id]
        kept = prompt[-(max_length - len(answer)) :]
        encoded.append(Encoded((*kept, *answer), len(kept), len(prompt) - len(kept)))
    return encoded


def encode_texts(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int) -> list[Encoded]:
    """Plain texts as token ids after one start token: every token of them is learned. One too long loses its end."""
    first = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    encoded = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    return [Encoded((first, *ids[: max_length - 1]), 1, max(0, len(ids) + 1 - max_length)) for ids in encoded]


def collate(examples: Sequence[Encoded], pad: int) -> Batch:
    """A right-padded batch with its labelled positions."""
    width = max(len(example.ids) for example in examples)
    input_ids = torch.full((len(examples), width), pad, dtype=torch.long)
    row: list[int] = []
    column: list[int] = []
    targets: list[int] = []
    for number, example in enumerate(examples):
        input_ids[number, : len(example.ids)] = torch.tensor(example.ids)
        row += [number] * (len(example.ids) - example.start)
        column += range(example.start - 1, len(example.ids) - 1)
        targets += example.ids[example.start :]
    tokens = sum(len(example.ids) for example in examples)
    return Batch(input_ids, torch.tensor(row), torch.tensor(column), torch.tensor(targets), tokens)


def order(lengths: Sequence[int], batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """One epoch's batches as example numbers: shuffled, then sorted by length within buckets, then batches shuffled.

    Examples of one batch are of nearly one length, so little of it is padding; the last batch may be short.
    """
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    shuffled = torch.randperm(len(lengths), generator=generator).tolist()
    size = batch_size * BUCKET_BATCHES
    batches = []
    for begin in range(0, len(shuffled), size):
        bucket = sorted(shuffled[begin : begin + size], key=lambda number: lengths[number])
        batches += [bucket[at : at + batch_size] for at in range(0, len(bucket), batch_size)]
    return [batches[at] for at in torch.randperm(len(batches), generator=generator).tolist()]


def endless_batches(
    examples: Sequence[Encoded], batch_size: int, pad: int, seed: int, skip: int = 0
) -> Iterator[Batch]:
    """Batch after batch, epoch after epoch, the same for the same seed; the first `skip` batches are passed over."""
    lengths, epoch = [len(example.ids) for example in examples], 0
    while True:
        for numbers in order(lengths, batch_size, seed, epoch):
            if skip > 0:
                skip -= 1
                continue
            yield collate([examples[number] for number in numbers], pad)
        epoch += 1


def mixed_batches(
    sources: tuple[Sequence[Encoded], Sequence[Encoded]],
    share: float,
    batch_size: int,
    pad: int,
    seed: int,
    skip: int = 0,
) -> Iterator[Batch]:
    """As `endless_batches`, with `share` of each batch from the second source.

    Where `share` of a batch is no whole number, the batches take turns: after n batches, n * batch_size * share
    examples, rounded down, came from the second source.
    """
    streams = [endless_examples(source, batch_size, seed) for source in sources]
    for done in count():
        before, after = (math.floor(round(number * batch_size * share, 6)) for number in (done, done + 1))
        sizes = (batch_size - (after - before), after - before)
        rows = [example for stream, size in zip(streams, sizes, strict=True) for example in islice(stream, size)]
        if done >= skip:
            yield collate(rows, pad)


def endless_examples(examples: Sequence[Encoded], batch_size: int, seed: int) -> Iterator[Encoded]:
    """Example after example in the order of `order`, so that neighbours are mostly of one length."""
    lengths = [len(example.ids) for example in examples]
    for epoch in count():
        for numbers in order(lengths, batch_size, seed, epoch):
            yield from (examples[number] for number in numbers)
