"""How the class's files are written: whole or not at all, by one process at a time, with the class's own errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finetune_lab.classroom.faults import ClassError
from finetune_lab.storing import Storage

PATIENCE = 60.0  # seconds that a second grader waits for the first
STORAGE = Storage(ClassError)


@contextmanager
def held(path: Path, patience: float = PATIENCE) -> Iterator[None]:
    """While it lasts, no other process writes `path`. The system lets go when a process is killed.

    Raises:
        ClassError: another process keeps it for longer than `patience` seconds, or its folder can't be written.
    """
    with STORAGE.held(path, patience):
        yield


def replace_text(path: Path, text: str) -> None:
    """Write the file in one step: a kill at any moment leaves the old one or the new one.

    Raises:
        ClassError: its folder can't be written.
    """
    STORAGE.replace_text(path, text)
