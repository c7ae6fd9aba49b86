"""Data sets to tune on: the shipped ones, a file of your own, or a Hugging Face name. No torch."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from finetune_lab.config import TuneConfig
from finetune_lab.data.customers import CUSTOMERS, for_customer
from finetune_lab.data.files import is_file_name, read_file
from finetune_lab.data.hub import load_hub
from finetune_lab.data.layout import to_examples
from finetune_lab.data.records import DataSet, Example
from finetune_lab.errors import ConfigError, DataError
from finetune_lab.resources import shipped

__all__ = ["DataSet", "Example", "load_data"]

Read = TypeVar("Read")
Examples = tuple[Example, ...]
SHIPPED = ("tickets", "tickets-messy", *CUSTOMERS)


def load_data(config: TuneConfig) -> DataSet:
    """The data set that `config.data` names, read and checked in full. data/layout.py says which fields are read.

    `eval_data`, a file, gives both validation and test, whole. Without it they are the data set's own; where it has
    none, a tenth of the rows (at least one, chosen by `seed`) is held out of training and is both. Rows with the same
    prompt stay together, so that no held-out prompt is trained on. `reason` says which it was.

    Raises:
        DataError: with all faults of the data and of the evaluation file.
        ConfigError: fields are named although no data of one's own is read.
    """
    if config.data in SHIPPED and config.eval_data is None and config.prompt_field is not None:
        raise ConfigError(f"prompt_field is for your own data, not for {config.data}.", "Leave both fields out.")
    data, judged = _attempt(lambda: _read(config)), _attempt(lambda: _read_eval_data(config))
    if isinstance(data, DataError) and isinstance(judged, DataError):
        raise DataError(f"{data.what} {judged.what}", data.hint)
    if isinstance(data, DataError):
        raise data
    if isinstance(judged, DataError):
        raise judged
    if judged:
        return replace(data, validation=judged, test=judged, reason=f"all {len(judged)} rows of {config.eval_data}")
    return data if data.validation else _held_out(data, config.seed)


def _attempt(read: Callable[[], Read]) -> Read | DataError:
    """What was read, or its error, kept so that two faulty files are reported together."""
    try:
        return read()
    except DataError as error:
        return error


def _read_eval_data(config: TuneConfig) -> Examples:
    if config.eval_data is None:
        return ()
    return to_examples(read_file(config.eval_data), config.prompt_field, config.completion_field)


def _read(config: TuneConfig) -> DataSet:
    """The data set with the validation and test that it brings itself, if it does."""
    if config.data in SHIPPED:
        return _read_shipped(config.data)
    if is_file_name(config.data):
        source = read_file(config.data)
        train = to_examples(source, config.prompt_field, config.completion_field)
        return DataSet(config.data, train, (), (), source.sha256)
    return _read_hub(config)


def _read_shipped(name: str) -> DataSet:
    """The messy set is judged on the sharp one: only what is trained on differs."""
    if name in CUSTOMERS:
        return for_customer(_read_shipped("tickets"), name)
    source = read_file(str(shipped("data", name, "train.jsonl")))
    validation, test = (read_file(str(shipped("data", "tickets", f"{part}.jsonl"))) for part in ("validation", "test"))
    train, judged, tested = (to_examples(part, None, None) for part in (source, validation, test))
    return DataSet(name, train, judged, tested, source.sha256, "validation and test of tickets")


def _read_hub(config: TuneConfig) -> DataSet:
    splits = load_hub(config.data)
    if "train" not in splits:
        has = ", ".join(splits)
        raise DataError(f"The data set {config.data!r} has no split 'train', only {has}.", "Choose another.")
    own = [] if config.eval_data is not None else [name for name in ("validation", "test") if name in splits]
    read = {name: to_examples(splits[name], config.prompt_field, config.completion_field) for name in ("train", *own)}
    if not own:
        return DataSet(config.data, read["train"], (), (), splits["train"].sha256)
    reason = f"the data set's own {' and '.join(own)}" + (", for validation and test" if len(own) == 1 else "")
    return DataSet(config.data, read["train"], read[own[0]], read[own[-1]], splits["train"].sha256, reason)


def _held_out(data: DataSet, seed: int) -> DataSet:
    counts = Counter(example.prompt for example in data.train)
    if len(counts) < 2:
        raise DataError(
            f"{data.name} has {len(data.train)} rows and {len(counts)} different prompts: too few to hold one out.",
            "Add rows, or name a file to evaluate on (eval_data).",
        )
    wanted = max(1, len(data.train) // 10)
    held = _prompts_for(counts, wanted, seed)
    judged = tuple(example for example in data.train if example.prompt in held)
    train = tuple(example for example in data.train if example.prompt not in held)
    reason = f"{len(judged)} of {len(data.train)} rows held out of training, chosen by seed {seed}"
    return replace(data, train=train, validation=judged, test=judged, reason=reason)


def _prompts_for(counts: Counter[str], wanted: int, seed: int) -> set[str]:
    """Random prompts whose rows come to `wanted` or a little less; the rarest one where every prompt has more."""
    prompts = list(counts)
    random.Random(seed).shuffle(prompts)
    held: set[str] = set()
    taken = 0
    for prompt in prompts:
        if taken + counts[prompt] <= wanted:
            held.add(prompt)
            taken += counts[prompt]
    return held or {min(prompts, key=lambda prompt: counts[prompt])}
