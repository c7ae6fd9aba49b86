"""What a question bank is made of. `loading.load_bank` makes one from TOML; its schema is quizzes/schema.json."""

from dataclasses import dataclass, field
from typing import Literal

from finetune_lab.errors import LabError
from finetune_lab.quiz.text.rubric import Rubric

Kind = Literal["single", "multi", "number", "predict", "text"]


class BankError(LabError):
    """A question bank or a file of answers can't be used; every fault is listed with its place."""


@dataclass(frozen=True)
class Choice:
    """One option. Answers name it by its id, so that order and wording may change."""

    id: str
    text: str
    correct: bool
    feedback: str


@dataclass(frozen=True)
class Slip:
    """A known wrong number and what it tells about the thought behind it."""

    id: str
    value: float | None
    quantity: str | None
    feedback: str


@dataclass(frozen=True)
class NumberKey:
    """The right number: fixed, or a named quantity that is computed from a variant or from the learner's own run."""

    value: float | None
    quantity: str | None
    tolerance: float  # relative
    unit: str
    right: str
    wrong: str
    slips: tuple[Slip, ...] = ()


@dataclass(frozen=True)
class Question:
    """One question. Exactly one of `choices`, `number` and `rubric` is given, by its kind."""

    id: str
    kind: Kind
    objective: str
    source: tuple[str, ...]  # statements of the source lesson, S1 to S16
    prompt: str  # with {names} where `variant` has values
    points: float = 1.0
    attempts: int = 2
    shuffle: bool = True
    hints: tuple[str, ...] = ()
    explanation: str = ""
    provenance: str = ""  # where the question is not in the source as it stands
    choices: tuple[Choice, ...] = ()
    outcome: str | None = None  # `predict` with choices: the quantity whose value is the id of the right one
    number: NumberKey | None = None
    variant: dict[str, tuple[float, ...]] = field(default_factory=dict)
    rubric: Rubric | None = None

    @property
    def quantities(self) -> list[str]:
        """The named quantities that grading needs."""
        slips = [slip.quantity for slip in self.number.slips] if self.number else []
        names = [self.outcome, self.number.quantity if self.number else None, *slips]
        return [name for name in names if name]


@dataclass(frozen=True)
class Bank:
    """The questions of one lesson."""

    id: str
    title: str
    questions: tuple[Question, ...]

    def __getitem__(self, question: str) -> Question:
        for one in self.questions:
            if one.id == question:
                return one
        raise BankError(f"There is no question {question!r} in the bank {self.id}.", f"It has: {', '.join(self.ids)}.")

    @property
    def ids(self) -> list[str]:
        return [question.id for question in self.questions]
