"""`advise`: a method for a case, with every vote shown, and what to do before any tune."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from finetune_lab.advice.case import Case, Evidence
from finetune_lab.advice.rules import METHODS, OUT, RULES, Known, Rule, Vote
from finetune_lab.config import Full, LoRA, Method, QLoRA
from finetune_lab.errors import ConfigError
from finetune_lab.memory.planning import plan
from finetune_lab.tables import as_html, as_text
from finetune_lab.tuning.comparison import Comparison
from finetune_lab.tuning.run import Run

ADVISED: dict[str, Method] = {"full": Full(), "lora": LoRA(r=8), "qlora": QLoRA(r=8, bits=4)}
NAMES = {"full": "full fine-tuning", "lora": "LoRA", "qlora": "QLoRA"}


@dataclass(frozen=True)
class Advice:
    """What to do first, which method then, and the votes that say so; shown as a table."""

    case: Case
    first: tuple[str, ...]  # to be done before any tune
    votes: tuple[tuple[Rule, Vote], ...]  # of the rules that had something to say

    @property
    def totals(self) -> dict[str, int]:
        """The sum of the votes by method; hugely negative where one rules it out."""
        return {name: sum(vote.votes.get(name, 0) for _, vote in self.votes) for name in METHODS}

    @property
    def method(self) -> str | None:
        """The method with the most votes, the one that is cheapest to go back from where they are equal.

        None where nothing fits.
        """
        left = {name: total for name, total in self.totals.items() if total > OUT // 2}
        return max(left, key=lambda name: left[name]) if left else None

    @property
    def sentence(self) -> str:
        """The advice on one line."""
        if self.method is None:
            way_on = "take a smaller model, shorter examples, checkpointing or a larger device."
            return " ".join([*self.first, f"No method fits: {way_on}"])
        begins = "Then" if self.first else "Begin with"
        return " ".join([*self.first, f"{begins} {NAMES[self.method]}."])

    def rows(self) -> list[dict[str, str]]:
        """One row a rule, its cells ready to read, and the sum."""
        rows = [
            {
                "question": rule.asks,
                **{NAMES[name]: _shown(vote.votes.get(name, 0)) for name in METHODS},
                "because": vote.why,
                "rests on": rule.rests_on,
            }
            for rule, vote in self.votes
        ]
        totals = {NAMES[name]: _shown(total, "0") for name, total in self.totals.items()}
        return [*rows, {"question": "sum", **totals, "because": "", "rests on": ""}]

    def __repr__(self) -> str:
        short = [
            {name: cell for name, cell in row.items() if name not in ("rests on", "because")} for row in self.rows()
        ]
        whys = [f"{rule.asks} {vote.why} ({rule.rests_on})" for rule, vote in self.votes]
        return "\n".join([self.sentence, as_text(short), *whys])

    def _repr_html_(self) -> str:
        return f"<p><strong>{self.sentence}</strong></p>{as_html(self.rows())}"


def advise(case: Case | None = None, *, runs: Iterable[Run] | Comparison = (), **answers: Any) -> Advice:
    """Advise a method, by rules that can be read, from predictions for the case and from your own runs.

    Args:
        case: the case, ready made; without it, one made of `answers`.
        runs: a comparison or runs that you have made; their losses and times count where both sides were measured.
        **answers: fields of `Case` by name: `model="qwen3-8b", device="T4", variants=20`.

    Raises:
        LabError: an answer that does not exist or is out of range, or a model or device that there is not.
    """
    asked = _case(case, answers)
    taken = runs.runs if isinstance(runs, Comparison) else tuple(runs)
    shape = {"batch_size": asked.batch_size, "max_length": asked.max_length}
    plans = {name: plan(asked.model, method, device=asked.device, **shape) for name, method in ADVISED.items()}
    known = Known(asked, Evidence.of([run.summary for run in taken]), plans)
    votes = tuple((rule, vote) for rule in RULES if (vote := rule.applies(known)) is not None)
    return Advice(asked, tuple(_before(asked)), votes)


def _case(case: Case | None, answers: dict[str, Any]) -> Case:
    if case is not None and answers:
        raise ConfigError("Both a case and answers are given.", "Give one of them.")
    if unknown := [name for name in answers if name not in Case.__dataclass_fields__]:
        raise ConfigError(f"A case has no {', '.join(unknown)}.", f"It has: {', '.join(Case.__dataclass_fields__)}.")
    return case or Case(**answers)


def _before(case: Case) -> list[str]:
    """What comes before any tune, whatever the method."""
    first = []
    if case.changing_facts:
        first.append("First give the model the facts by retrieval: a tune would hold last week's.")
    if not case.clean:
        first.append("First mend the data: the method matters less than examples that say what you want.")
    return first


def _shown(vote: int, nothing: str = "") -> str:
    return "out" if vote <= OUT // 2 else f"{vote:+d}" if vote else nothing
