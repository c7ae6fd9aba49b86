"""Held-out examples of a data set, chosen as a tune with the same settings chooses them, and a model judged on them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from finetune_lab.batches import Encoded, encode
from finetune_lab.config import TuneConfig
from finetune_lab.data import Example, load_data
from finetune_lab.scoring import headline, score
from finetune_lab.tuning.evaluation import evaluation_loss, generate, longest_completion


@dataclass(frozen=True)
class HeldOut:
    """What a model is judged on: `evaluation` for the loss, `scored` to answer."""

    name: str
    evaluation: tuple[Encoded, ...]
    scored: tuple[Example, ...]
    max_length: int


@dataclass(frozen=True)
class Judged:
    """Loss in nats a completion token, the scores, and the answers that they are of."""

    eval_loss: float
    scores: dict[str, float]
    answers: tuple[str, ...]

    @property
    def score(self) -> float | None:
        """The one score that stands for all; None where nothing was generated."""
        return headline(self.scores)[1] if self.scores else None


def held_out(data: str | TuneConfig, tokenizer: PreTrainedTokenizerBase) -> HeldOut:
    """The examples that `tune` with these settings evaluates and scores on.

    Raises:
        LabError: the data can't be read.
    """
    config = data if isinstance(data, TuneConfig) else TuneConfig(data=data)
    read = load_data(config)
    chosen = random.Random(config.seed)
    judged = chosen.sample(read.validation, min(config.eval_examples, len(read.validation)))
    scored = chosen.sample(read.test, min(config.score_examples, len(read.test)))
    return HeldOut(
        config.eval_data or read.name,
        tuple(encode(tokenizer, judged, config.max_length)),
        tuple(scored),
        config.max_length,
    )


def judge(model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase, on: HeldOut) -> Judged:
    """Evaluation loss and score of the model as it is now."""
    loss = evaluation_loss(model, on.evaluation, pad_of(tokenizer))
    if not on.scored:
        return Judged(loss, {}, ())
    longest = longest_completion(tokenizer, on.scored)
    answers = generate(model, tokenizer, [example.prompt for example in on.scored], longest, on.max_length)
    return Judged(loss, score(answers, [example.completion for example in on.scored]), tuple(answers))


def pad_of(tokenizer: PreTrainedTokenizerBase) -> int:
    """The id of the padding token, which `load_tokenizer` sees to."""
    return int(tokenizer.pad_token_id)


def shown(value: float | None, form: str = "{:.3f}") -> str:
    """A figure as a person reads it; a dash for none."""
    return "-" if value is None else form.format(value)


def count_changed(one: Sequence[str], other: Sequence[str]) -> int:
    """How many of the answers to the same prompts are not the same text."""
    return sum(left != right for left, right in zip(one, other, strict=True))


def short_name(name: str | None) -> str:
    """A file's or a folder's own name, without where it lies; any other name as it is."""
    return "-" if name is None else Path(name).name if Path(name).is_absolute() else name
