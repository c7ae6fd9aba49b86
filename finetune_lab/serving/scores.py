"""Each adapter on each task: what one is good for, and what a combination keeps of both."""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from finetune_lab.adapters.card import AdapterCard
from finetune_lab.config import TuneConfig
from finetune_lab.serving.faults import ServingError
from finetune_lab.serving.judging import Judged, held_out, judge, short_name, shown
from finetune_lab.serving.loaded_base import LoadedBase
from finetune_lab.serving.slots import BASE
from finetune_lab.tables import as_html, as_text


@dataclass(frozen=True)
class Scores:
    """`judged[adapter][data]`, the base first; losses in nats a completion token, scores from 0 to 1."""

    judged: dict[str, dict[str, Judged]]

    @property
    def shares(self) -> dict[str, dict[str, float]]:
        """The scores alone, `shares[adapter][data]`, to draw; without those where nothing was generated."""
        return {
            name: {data: judged.score for data, judged in on_each.items() if judged.score is not None}
            for name, on_each in self.judged.items()
        }

    def rows(self) -> list[dict[str, str]]:
        """One row an adapter, two columns a data set."""
        return [
            {"adapter": name}
            | {
                column: cell
                for data, judged in on_each.items()
                for column, cell in (
                    (f"{data}: loss", shown(judged.eval_loss)),
                    (f"{data}: score", shown(judged.score, "{:.0%}")),
                )
            }
            for name, on_each in self.judged.items()
        ]

    def __repr__(self) -> str:
        return as_text(self.rows())

    def _repr_html_(self) -> str:
        return as_html(self.rows())


@dataclass(frozen=True)
class Answers:
    """One prompt, answered by the base and by each adapter, in one batch."""

    prompt: str
    answers: dict[str, str]

    def rows(self) -> list[dict[str, str]]:
        """One row an adapter, the base first."""
        return [
            {"adapter": name, "answer": " ".join(answer.split()) or "(nothing)"}
            for name, answer in self.answers.items()
        ]

    def __repr__(self) -> str:
        width = max(map(len, self.answers))
        return "\n".join([self.prompt.rstrip(), *(f"{row['adapter']:{width}}  {row['answer']}" for row in self.rows())])

    def _repr_html_(self) -> str:
        return as_html([{"prompt": self.prompt}]) + as_html(self.rows())


def scores_of(
    base: LoadedBase, tokenizer: PreTrainedTokenizerBase, names: Sequence[str], data: Sequence[str | TuneConfig]
) -> Scores:
    """Judge the base and each loaded adapter on the held-out examples of each data set."""
    read = [held_out(one, tokenizer) for one in data]
    sets = dict(zip(distinct([on.name for on in read]), read, strict=True))
    found = {}
    for name in (None, *names):
        with base.using(name) as model:
            found[base_label(names) if name is None else name] = {
                label: judge(model, tokenizer, on) for label, on in sets.items()
            }
    return Scores(found)


def distinct(names: Sequence[str]) -> list[str]:
    """Short names for data sets, longer where two would be the same."""
    short = [short_name(name) for name in names]
    fuller = [name if short.count(brief) > 1 else brief for name, brief in zip(names, short, strict=True)]
    return [f"{name} ({n})" if fuller.count(name) > 1 else name for n, name in enumerate(fuller, 1)]


def base_label(names: Sequence[str]) -> str:
    """What the base is called beside adapters: `base`, unless one of them is."""
    return BASE if "base" in names else "base"


def data_of(cards: Sequence[AdapterCard]) -> list[str]:
    """The data sets that adapters were tuned on, each once.

    Raises:
        ServingError: their cards name none.
    """
    found = list(dict.fromkeys(card.data for card in cards if card.data))
    if not found:
        raise ServingError("No card says what was tuned on.", "Name the data to judge by: data=...")
    return found
