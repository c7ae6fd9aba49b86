"""A tune as it goes, on standard error: a bar on a terminal, a line for every tenth of the steps elsewhere."""

import math
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from finetune_lab.events import Ended, Evaluated, Event, Started, Stepped
from finetune_lab.scoring import headline

WARM_UP_STEPS = 2  # the first steps also pay for memory and thread pools: not counted in the speed


class Teller:
    """Tells what happens in a run, or in one run after another. A context: the bar stands while it lasts."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        columns = (BarColumn(bar_width=16), TextColumn("{task.description}", markup=False))
        # Standard output is left alone: it is the command's product, whatever the terminal.
        self.bar = Progress(*columns, console=self.console, transient=True, redirect_stdout=False)
        self.task = self.bar.add_task("loading the libraries", total=None)
        self.told: dict[str, str] = {}
        self.steps: list[Stepped] = []
        self.max_steps = 0

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self.bar.start()
        else:
            self.say("Loading the libraries")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.console.is_terminal:  # elsewhere it was never started, and would print an empty line
            self.bar.stop()
        if kind is KeyboardInterrupt:
            self.say("Interrupted at once: what a run did after its last checkpoint is lost.")

    def say(self, line: str) -> None:
        """A line that stays, above the bar."""
        self.console.print(line)

    def hear(self, title: str, event: Event) -> None:
        """Tell of one event of the run called `title`."""
        match event:
            case Started():
                self.begin(title, event)
            case Evaluated():
                self.say(f"{title}: {judged(event)}")
            case Stepped():
                self.step(title, event)
            case Ended():
                self.bar.reset(self.task, total=None, description="loading")

    def begin(self, title: str, event: Started) -> None:
        """Say what was chosen and why, where it differs from the run before, and start the bar."""
        self.steps, self.max_steps = [], event.max_steps
        share = event.trainable_parameters / event.total_parameters
        self.say(f"{title}: {event.trainable_parameters:,} of {event.total_parameters:,} weights train ({share:.2%})")
        for choice, reason in event.reasons.items():
            if self.told.get(choice) != reason:
                self.say(f"  {choice.replace('_', ' '):<14}{reason}")
        self.told |= event.reasons
        self.bar.reset(self.task, total=event.max_steps, completed=event.step, description=title)

    def step(self, title: str, event: Stepped) -> None:
        """Move the bar, or print a line where a tenth of the steps is complete."""
        self.steps.append(event)
        facts = f"{title}  {event.step}/{self.max_steps}  {self.pace(event)}"
        self.bar.update(self.task, completed=event.step, description=facts)
        tenths = [step * 10 // self.max_steps for step in (event.step - 1, event.step)]
        if not self.console.is_terminal and (tenths[0] != tenths[1] or len(self.steps) == 1):
            self.say(facts)

    def pace(self, event: Stepped) -> str:
        """Loss, speed and the time that the remaining steps will take."""
        counted = self.steps[WARM_UP_STEPS:] or self.steps
        seconds = sum(step.seconds for step in counted)
        speed = sum(step.tokens for step in counted) / seconds if seconds else 0.0
        left = seconds / len(counted) * (self.max_steps - event.step)
        return f"loss {event.loss:.3f}  {speed:,.0f} tokens/s  {clock(left)} left"


def judged(event: Evaluated) -> str:
    """One line about an evaluation."""
    line = f"after step {event.step}, evaluation loss {event.eval_loss:.3f} nats a completion token"
    if not event.scores:
        return line
    name, value = headline(event.scores)
    return f"{line}, {name} right {value:.0%}"


def clock(seconds: float) -> str:
    """Minutes and seconds, `1:05`."""
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes}:{rest:02d}"
