"""The shapes of the batches that a run will see, from the lengths of its examples: no batch is made.

A data set is read and its tokens are counted once; rows, length limit, steps and seed then only rearrange the counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

from finetune_lab.batches import encode, order
from finetune_lab.config import TuneConfig
from finetune_lab.data import SHIPPED, load_data
from finetune_lab.errors import ConfigError, DataError
from finetune_lab.memory.tracing import Shape
from finetune_lab.models import LAB_BASE, find_base, load_tokenizer
from finetune_lab.tuning.material import material_of

NO_LIMIT = 2**30
Size = tuple[int, ...]  # of a batch: rows, length, labelled tokens, real tokens


@dataclass(frozen=True)
class Lengths:
    """Tokens of each training example: the whole, and its completion with the end token."""

    whole: tuple[int, ...]
    answers: tuple[int, ...]
    validation: int  # examples that there are to judge by
    test: int


@dataclass(frozen=True)
class RunShapes:
    """What a run's steps are given."""

    largest: tuple[Shape, ...]  # the batch with the most tokens and the one with the most labelled tokens
    tokens_per_step: float  # real ones, the mean
    positions_per_step: float  # with padding
    labelled_per_step: float
    cut: int  # prompts that lose their start
    examples: int
    judged: int  # examples for the evaluation loss
    scored: int
    known: bool = True  # False: no tokenizer is at hand, every row is taken to be of the full length


def is_local(model: str) -> bool:
    """Whether a base can be read without a download."""
    return model == LAB_BASE or Path(model).expanduser().is_dir()


def shapes_of(config: TuneConfig) -> RunShapes:
    """The shapes of a run's steps.

    Raises:
        LabError: the data or the tokenizer can't be read, or completions are too long for `max_length`.
    """
    if not is_local(config.model):
        return _assumed(config)
    found = _lengths(config.model, *_data_key(config))
    too_long = sum(answer + 1 > config.max_length for answer in found.answers)
    if too_long:
        what = f"{too_long} completions do not fit into max_length {config.max_length} tokens."
        raise DataError(what, f"The longest has {max(found.answers)}: use max_length={max(found.answers) + 1} or more.")
    return _arranged(config, found)


def _arranged(config: TuneConfig, found: Lengths) -> RunShapes:
    widths = [min(whole, config.max_length) for whole in found.whole]
    sizes: Sequence[Size] = _mixed(config) if config.replay_share else _plain(config, found, widths)
    widest = max(sizes, key=lambda size: (size[0] * size[1], size[2]))
    most = max(sizes, key=lambda size: size[2])
    return RunShapes(
        largest=tuple(_shape(config, *size[:3]) for size in sorted({widest[:3], most[:3]})),
        tokens_per_step=sum(size[3] for size in sizes) / config.max_steps,
        positions_per_step=sum(size[0] * size[1] for size in sizes) / config.max_steps,
        labelled_per_step=sum(size[2] for size in sizes) / config.max_steps,
        cut=sum(whole > config.max_length for whole in found.whole),
        examples=len(widths),
        judged=min(config.eval_examples, found.validation),
        scored=min(config.score_examples, found.test),
    )


def _plain(config: TuneConfig, found: Lengths, widths: list[int]) -> list[Size]:
    return [
        (len(rows), max(widths[n] for n in rows), sum(found.answers[n] for n in rows), sum(widths[n] for n in rows))
        for rows in _batches(config, widths)
    ]


@lru_cache(maxsize=8)
def _mixed(config: TuneConfig) -> list[Size]:
    """With other data in every batch, the batches are made: a second, once for each configuration."""
    tokenizer = load_tokenizer(find_base(config.model))
    batches = material_of(config, tokenizer).batches(int(tokenizer.pad_token_id), 0)
    wanted = islice(batches, config.max_steps * config.gradient_accumulation_steps)
    return [(*batch.input_ids.shape, len(batch.targets), batch.tokens) for batch in wanted]


def _batches(config: TuneConfig, widths: list[int]) -> list[list[int]]:
    """The run's batches as numbers of examples, epoch after epoch."""
    wanted, found, epoch = config.max_steps * config.gradient_accumulation_steps, list[list[int]](), 0
    while len(found) < wanted:
        found += order(widths, config.batch_size, config.seed, epoch)
        epoch += 1
    return list(islice(found, wanted))


def _assumed(config: TuneConfig) -> RunShapes:
    if config.max_length < 2:
        raise ConfigError("max_length must be at least 2.", "A token to read and one to learn.")
    labelled = config.batch_size * (config.max_length - 1)
    tokens = float(config.batch_size * config.max_length * config.gradient_accumulation_steps)
    largest = (_shape(config, config.batch_size, config.max_length, labelled),)
    return RunShapes(largest, tokens, tokens, labelled, 0, 0, config.eval_examples, config.score_examples, known=False)


def _shape(config: TuneConfig, rows: int, length: int, labelled: int) -> Shape:
    return Shape(rows, length, labelled, config.gradient_accumulation_steps, config.gradient_checkpointing)


def _data_key(config: TuneConfig) -> tuple[TuneConfig, tuple[int, ...]]:
    """The settings that data depends on, the others at their defaults, and when its files were written."""
    names = [name for name in (config.data, config.eval_data) if name and Path(name).expanduser().is_file()]
    written = tuple(Path(name).expanduser().stat().st_mtime_ns for name in names)
    return TuneConfig(
        data=config.data,
        prompt_field=config.prompt_field,
        completion_field=config.completion_field,
        eval_data=config.eval_data,
        seed=0 if config.data in SHIPPED or config.eval_data else config.seed,  # it chooses the held-out rows
    ), written


@lru_cache(maxsize=8)
def _lengths(model: str, data: TuneConfig, _written: tuple[int, ...]) -> Lengths:
    read = load_data(data)
    encoded = encode(load_tokenizer(find_base(model)), read.train, NO_LIMIT)
    whole = tuple(len(example.ids) for example in encoded)
    answers = tuple(len(example.ids) - example.start for example in encoded)
    return Lengths(whole, answers, len(read.validation), len(read.test))
