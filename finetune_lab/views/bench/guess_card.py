"""Guess first: three questions before the forecast is shown, and afterwards how near each answer was."""

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from finetune_lab.bench.guess import QUESTIONS, RULE, About, Guess, score
from finetune_lab.bench.settings import control
from finetune_lab.errors import ConfigError
from finetune_lab.views.bench import markup

MIB = 2**20
LABELS: dict[About, str] = {
    "peak_memory": "peak memory, MiB", "trainable_parameters": "weights that move", "winner": "winner of a race",
}  # fmt: skip
NOTHING = "no guess"


class GuessCard:
    """The questions. `guesses` are those committed to; empty until then."""

    def __init__(self, on_commit: Callable[[], None]) -> None:
        self.guesses: tuple[Guess, ...] = ()
        self._on_commit = on_commit
        wide = {"style": {"description_width": "132px"}}
        self._fields: dict[About, Any] = {
            "peak_memory": widgets.Text(description=LABELS["peak_memory"], placeholder="e.g. 300", **wide),
            "trainable_parameters": widgets.Text(
                description=LABELS["trainable_parameters"], placeholder="e.g. 50000", **wide
            ),
            "winner": widgets.Dropdown(
                description=LABELS["winner"], options=[NOTHING, *control("method").choices], **wide
            ),
        }
        self._commit = widgets.Button(description="Commit the guess")
        self._commit.on_click(lambda _: self._take())
        self._said = widgets.HTML(markup.note("The forecast is shown once you have guessed."))
        intro = widgets.HTML(markup.title("Guess first") + markup.note(" ".join(QUESTIONS.values())))
        self.box = widgets.VBox([intro, *self._fields.values(), self._commit, self._said])
        self.box.add_class("ftl-guess")

    def restart(self) -> None:
        """Forget the guesses: something else is asked now."""
        self.guesses = ()
        self._said.value = markup.note("The forecast is shown once you have guessed.")

    def _take(self) -> None:
        try:
            self.guesses = tuple(guess for about in QUESTIONS if (guess := self._guess(about)) is not None)
        except (ConfigError, ValueError) as error:
            self._said.value = markup.note(f"That is no number: {error}")
            return
        if not self.guesses:
            self._said.value = markup.note("Guess one thing at least.")
            return
        self._said.value = markup.note("Committed. It is scored when the run is over.")
        self._on_commit()

    def _guess(self, about: About) -> Guess | None:
        value = self._fields[about].value
        if about == "winner":
            return None if value == NOTHING else Guess(about, value)
        text = value.strip().replace(",", "").replace("_", "")
        return Guess(about, float(text) * (MIB if about == "peak_memory" else 1)) if text else None


def scored(guesses: tuple[Guess, ...], outcomes: Mapping[str, float | str]) -> str:
    """Each guess whose outcome is known, with its score, as HTML; empty where there is none."""
    known = [score(guess, outcomes[guess.about]) for guess in guesses if guess.about in outcomes]
    if not known:
        return ""
    rows = [{"guess": one.guess.question, "score": f"{one.score:.2f}", "": one.words} for one in known]
    return markup.title("Your guesses", RULE) + markup.table(rows, "guesses")
