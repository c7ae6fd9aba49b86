"""What a tune reads: the examples to train on and to judge by, and those beside the task, as token ids.

train        batches                  replay       a share of every batch, against forgetting
evaluation   the evaluation loss      forgetting   the same loss on other data, before and after
scored       answers and scores
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from finetune_lab.batches import Batch, Encoded, encode, encode_texts, endless_batches, mixed_batches
from finetune_lab.config import TuneConfig
from finetune_lab.data import DataSet, Example, load_data
from finetune_lab.data.files import is_file_name
from finetune_lab.data.others import BASE, load_other
from finetune_lab.errors import ConfigError

JUDGED_BASE = "base is product-help text of our own, in the manner of lab-base's pretraining text and no part of it"
REPLAYED_BASE = "base is what lab-base itself wrote, a sample of what it knows"


@dataclass(frozen=True)
class Material:
    """The examples of one tune; `sha256` is over all of them, in order."""

    config: TuneConfig
    data: DataSet
    train: list[Encoded]
    evaluation: list[Encoded]
    scored: list[Example]
    replay: list[Encoded]  # empty where nothing is replayed
    forgetting: dict[str, list[Encoded]]  # by the name that was asked for
    sha256: str

    def batches(self, pad: int, skip: int) -> Iterator[Batch]:
        """The run's batches in order, without the first `skip`; a share of each is replayed where that was asked."""
        size, seed = self.config.batch_size, self.config.seed
        if not self.replay:
            return endless_batches(self.train, size, pad, seed, skip)
        return mixed_batches((self.train, self.replay), self.config.replay_share, size, pad, seed, skip)

    def reasons(self) -> dict[str, str]:
        """Where the data comes from, what was cut, what is replayed and what else is judged."""
        found = {"data": self.data.reason}
        if cut := sum(example.cut > 0 for example in self.train):
            found["max_length"] = f"{cut} of {len(self.train)} prompts lost their start to fit {self.config.max_length}"
        if self.replay:
            found["replay"] = self._replay_reason()
        if self.forgetting:
            counts = ", ".join(f"{len(examples)} of {name}" for name, examples in self.forgetting.items())
            base = f"; {JUDGED_BASE}" if BASE in self.forgetting else ""
            found["forgetting"] = f"judged before and after: {counts}{base}"
        return found

    def _replay_reason(self) -> str:
        share, name = self.config.replay_share, self.config.replay_data
        again, fresh = share * mean_labelled(self.replay), (1 - share) * mean_labelled(self.train)
        base = f"; {REPLAYED_BASE}" if name == BASE else ""
        return (
            f"{share:.0%} of the examples of the batches are from {name} ({len(self.replay)} in all), about "
            f"{again / (again + fresh):.0%} of the learned tokens{base}"
        )


def material_of(config: TuneConfig, tokenizer: PreTrainedTokenizerBase) -> Material:
    """Read and encode all that a tune needs.

    Raises:
        LabError: data that can't be used, or a file that is both replayed and judged by.
    """
    data = load_data(config)
    train = encode(tokenizer, data.train, config.max_length)
    chosen = random.Random(config.seed)
    judged = chosen.sample(data.validation, min(config.eval_examples, len(data.validation)))
    evaluation = encode(tokenizer, judged, config.max_length)
    scored = chosen.sample(data.test, min(config.score_examples, len(data.test)))
    answers = encode(tokenizer, scored, config.max_length) if scored else []
    names = forgetting_names(config)
    replay = encode_other(tokenizer, config, load_other(config.replay_data, "train")) if config.replay_share else []
    forgetting = {}
    for name in names:
        examples = load_other(name, "held-out")
        some = random.Random(config.seed).sample(examples, min(config.eval_examples, len(examples)))
        forgetting[name] = encode_other(tokenizer, config, some)
    beside = [*replay, *(example for examples in forgetting.values() for example in examples)]
    sha256 = digest([*train, *evaluation, *answers, *beside])
    return Material(config, data, train, evaluation, scored, replay, forgetting, sha256)


def forgetting_names(config: TuneConfig) -> list[str]:
    """The data that is judged beside the task, in order, once each.

    Raises:
        ConfigError: there is none in the list, or one is a file that is replayed too.
    """
    asked = [name.strip() for name in (config.forgetting_data or "").split(",")]
    names = list(dict.fromkeys(name for name in asked if name))
    if config.forgetting_data is not None and not names:
        raise ConfigError("forgetting_data names no data.", "Name some: base, tickets, or a file; commas between.")
    if config.replay_share and config.replay_data in names and is_file_name(config.replay_data):
        what = (
            f"{config.replay_data} can't be both replay_data and forgetting_data: it would be judged on what it read."
        )
        raise ConfigError(what, "Hold some rows out in a file of their own.")
    return names


def encode_other(tokenizer: PreTrainedTokenizerBase, config: TuneConfig, examples: Sequence[Example]) -> list[Encoded]:
    """Examples beside the task as token ids: pairs as those of the task, plain texts whole."""
    if examples[0].prompt:
        return encode(tokenizer, examples, config.max_length)
    return encode_texts(tokenizer, [example.completion for example in examples], config.max_length)


def mean_labelled(examples: Sequence[Encoded]) -> float:
    """Tokens that are learned in an example, on average."""
    return sum(len(example.ids) - example.start for example in examples) / len(examples)


def digest(encoded: Sequence[Encoded]) -> str:
    """SHA-256 over examples as token ids: it tells whether data, tokenizer or the choice of examples has changed."""
    found = hashlib.sha256()
    for example in encoded:
        found.update(f"{example.start} {example.ids};".encode())
    return found.hexdigest()
