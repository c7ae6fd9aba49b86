"""Text in, token ids out: the corpus that `lab-base` is pretrained on and the tokenizer made from it.

A corpus folder holds `help-docs.train.txt.xz` and `help-docs.valid.txt.xz`: plain text whose documents are
separated by a line with one NUL character. The text never enters this repository; only weights made from it do.
"""

import lzma
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

VOCABULARY_SIZE = 4096
END, PAD = "<|end|>", "<|pad|>"


def read_documents(path: Path) -> list[str]:
    """The documents of one `.txt.xz` file, in order, without empty ones."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        return [document.strip() for document in file.read().split("\n\0\n") if document.strip("\0\n ")]


def train_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE in which each digit is a token of its own, so that an order number is copied digit by digit."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=[END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=END, eos_token=END, pad_token=PAD, model_max_length=1024
    )


def encode(tokenizer: PreTrainedTokenizerFast, documents: list[str]) -> np.ndarray:
    """All documents as one stream of token ids, `(tokens,)` uint16, an END token after each document."""
    end = tokenizer.eos_token_id
    streams = tokenizer(documents, add_special_tokens=False)["input_ids"]
    return np.concatenate([np.array([*stream, end], dtype=np.uint16) for stream in streams])


def rows(stream: np.ndarray, length: int, generator: np.random.Generator) -> np.ndarray:
    """The stream cut into shuffled rows of `length` + 1 ids, from a random phase: `(rows, length + 1)`."""
    phase = int(generator.integers(length))
    count = (len(stream) - phase - 1) // length
    starts = phase + length * generator.permutation(count)
    return np.stack([stream[start : start + length + 1] for start in starts])
