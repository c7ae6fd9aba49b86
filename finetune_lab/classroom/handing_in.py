"""`lab.submit`: a learner's progress files and run folders become the one file that is handed in.

It says what is in the file, and what is still missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from finetune_lab.classroom.faults import ClassError
from finetune_lab.classroom.submission import Answered, Attempt
from finetune_lab.classroom.writing import run_record, write_submission
from finetune_lab.errors import LabError
from finetune_lab.quiz.loading import load_bank
from finetune_lab.quiz.own_runs import Named, find_runs
from finetune_lab.quiz.progress import Progress, kept_progress

MOST_ATTEMPTS, MOST_RUNS = 50, 50  # what a submission takes
FEW = 12  # names that a line shows


@dataclass(frozen=True)
class Part:
    """The answers to one bank. `unanswered` is None where the bank is not one that ships."""

    bank: str
    answered: tuple[str, ...]
    unanswered: tuple[str, ...] | None
    waiting: tuple[str, ...]  # for a run, or for a person

    def lines(self) -> list[str]:
        """What was answered and what was not."""
        missing = "" if self.unanswered is None else f"; not answered {_listed(self.unanswered)}"
        waiting = [f"  waiting for a run or a person {_listed(self.waiting)}"] if self.waiting else []
        return [f"Questions of {self.bank}: {len(self.answered)} answered{missing}.", *waiting]


@dataclass(frozen=True)
class HandedIn:
    """The file that was written, and what is in it."""

    path: Path
    student: str
    course: str
    parts: tuple[Part, ...]
    runs: tuple[Path, ...]
    notes: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        """What is in the file, and what is not."""
        runs = ", ".join(str(folder) for folder in self.runs) or "none"
        parts = [line for part in self.parts for line in part.lines()]
        return [f"{self.path}: for {self.course}, from {self.student}.", *parts, f"Runs: {runs}.", *self.notes]

    def __repr__(self) -> str:
        return "\n".join(self.lines)

    def _repr_html_(self) -> str:
        return "".join(f"<p>{escape(line)}</p>" for line in self.lines)


def submit(
    *, student: str, course: str, out: Path | str = "submission.json", runs: Named = None, seed: str = ""
) -> HandedIn:
    """Write the file that you hand in: every answer of your progress files with its times, and your runs.

    Args:
        student: your id in the course.
        course: the course's id.
        out: the file to write; one that is there is replaced.
        runs: run folders, or a folder of such; all in `runs/` without it.
        seed: the seed that your instructor gave you, as in `lab.Quiz(student_seed=...)`.

    Raises:
        LabError: there is nothing to hand in, a run can't be, or the file can't be written.
    """
    found = kept_progress(seed)
    kept = [progress for progress in found if progress.attempts]
    folders, notes = _runs(runs)
    notes += [note for progress in found for note in progress.notes]
    if not kept and not folders:
        what = f"There is nothing to hand in: no answers{' with this seed' if seed else ''} and no runs."
        raise ClassError(what, "Answer with lab.Quiz first; with another seed, name that one.")
    if not kept:
        notes.append(f"There are no answers {'with this seed' if seed else 'without a seed'}; only runs are in it.")
    answers = [one for progress in kept for one in _answers(progress)]
    path = write_submission(Path(out), student, course, answers, folders, seed)
    return HandedIn(path, student, course, tuple(_part(one) for one in kept), tuple(folders), tuple(notes))


def _answers(progress: Progress) -> list[Answered]:
    """The attempts that count for points; reviews after a question was closed are the learner's own business."""
    counted = [attempt for attempt in progress.attempts if attempt.counts]
    of: dict[str, list[Attempt]] = {}
    for one in counted:
        of.setdefault(one.question, []).append(Attempt(one.answer, one.at, one.confidence))
    return [Answered(progress.bank, name, tuple(attempts[:MOST_ATTEMPTS])) for name, attempts in of.items()]


def _part(progress: Progress) -> Part:
    newest = {attempt.question: attempt for attempt in progress.attempts}
    waiting = tuple(name for name, attempt in newest.items() if attempt.verdict == "review")
    try:
        asked = load_bank(progress.bank).ids
    except LabError:  # a bank of a TOML file of the learner's own, of which only the answers are known
        return Part(progress.bank, tuple(newest), None, waiting)
    return Part(progress.bank, tuple(newest), tuple(name for name in asked if name not in newest), waiting)


def _runs(named: Named) -> tuple[list[Path], list[str]]:
    """The folders to hand in, and what is to be said of others. A run that was named must be fit to be handed in."""
    found = [run.folder for run in find_runs(named)]
    fit, notes = list[Path](), list[str]()
    for folder in found:
        try:
            run_record(folder)
            fit.append(folder)
        except ClassError as error:
            if named is not None:
                raise
            notes.append(f"Left out: {error}")
    if len(fit) > MOST_RUNS:
        notes.append(f"Left out: the {len(fit) - MOST_RUNS} oldest runs; a submission takes {MOST_RUNS}.")
    return fit[-MOST_RUNS:], notes


def _listed(names: Sequence[str]) -> str:
    rest = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return f"{len(names)}: {', '.join(names[:FEW])}{rest}" if names else "none"
