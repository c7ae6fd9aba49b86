"""How well the class knows what it knows: confidence against outcome, in all and by question."""

from dataclasses import dataclass

from finetune_lab.classroom.gradebook import Gradebook
from finetune_lab.classroom.marking import Try
from finetune_lab.classroom.report.markup import Markup, element, table
from finetune_lab.classroom.report.sections import section
from finetune_lab.quiz.calibration import FEWEST, Calibration, calibration

MOST_QUESTIONS = 8
SURE = 75  # percent: the panel's "quite sure"


@dataclass(frozen=True)
class Misjudged:
    """A question that the class was surer of than it was right; confidence and the right ones in percent."""

    question: str
    answers: int
    said: float
    right: float
    sure_and_wrong: int


def confidence(book: Gradebook) -> Markup:
    """The class's calibration, and the questions where it is most overconfident."""
    whole = calibration([one for row in book.rows for mark in row.marks for one in mark.tries])
    if not whole.answers:
        return section("Confidence", element("p", "No answer says how sure its writer was."))
    columns = [("sure", "mean of what they wrote"), ("answers", "every attempt that counts"), ("right", "passed")]
    rows = [[f"{band.said:.0f} %", band.answers, f"{band.right:.0f} %"] for band in whole.bands]
    return section(
        "Confidence", element("p", _said(whole)), table("How sure, and how often right", columns, rows), _worst(book)
    )


def misjudged(book: Gradebook) -> list[Misjudged]:
    """Questions with enough answers that the class was surer of than it was right, the furthest off first."""
    found = []
    for at, name in enumerate(book.bank.ids):
        tries = [one for row in book.rows for one in row.marks[at].tries]
        own = calibration(tries)
        if own.answers >= FEWEST and own.bias is not None and own.bias > 0:
            said = sum(band.said * band.answers for band in own.bands) / own.answers
            found.append(Misjudged(name, own.answers, said, said - own.bias, sum(map(_sure_and_wrong, tries))))
    return sorted(found, key=lambda one: one.right - one.said)


def _sure_and_wrong(one: Try) -> bool:
    return one.confidence is not None and one.confidence >= SURE and one.verdict in ("not_yet", "partial")


def _worst(book: Gradebook) -> Markup | str:
    columns = [
        ("question", "id in the bank"), ("answers", "with a confidence"), ("sure", "mean"), ("right", "passed"),
        ("sure and wrong", f"{SURE} % or more, not passed"),
    ]  # fmt: skip
    rows = [
        [one.question, one.answers, f"{one.said:.0f} %", f"{one.right:.0f} %", one.sure_and_wrong]
        for one in misjudged(book)[:MOST_QUESTIONS]
    ]
    return table("Surer than right, the furthest first: worth a word in class", columns, rows) if rows else ""


def _said(whole: Calibration) -> str:
    bias = whole.bias or 0.0
    word = "surer than it was right" if bias > 0 else "right more often than it was sure"
    off = f"The class was {word}, by {abs(bias):.0f} points on average"
    fits = off if abs(bias) > 10 else "The class's confidence fits how often it was right"
    return f"{fits}, over {whole.answers} answers. Brier score {whole.brier:.2f} (0 is best, 0.25 is a coin)."
