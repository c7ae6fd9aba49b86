"""The errors of a class, and how a student's text is shown."""

from finetune_lab import tables
from finetune_lab.errors import LabError


class ClassError(LabError):
    """A command for the class can't be done: an instructor's file or the place for the result is not usable."""


class SubmissionError(LabError):
    """One submission can't be used; all of its faults are listed. It never stops the others."""


def printable(text: str, longest: int = 200) -> str:
    """Text of a student or a file name for a terminal or a table: one line, without control characters."""
    shown = tables.printable(text)
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."
