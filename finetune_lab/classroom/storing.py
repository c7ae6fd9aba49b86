"""Files that are there whole or not at all, written by one process at a time."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from finetune_lab.classroom.faults import ClassError

PATIENCE = 60.0  # seconds that a second grader waits for the first


@contextmanager
def held(path: Path, patience: float = PATIENCE) -> Iterator[None]:
    """While it lasts, no other process writes `path`. The system lets go when a process is killed.

    Raises:
        ClassError: another process keeps it for longer than `patience` seconds, or its folder can't be written.
    """
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=patience)
    try:
        lock.acquire()
    except Timeout as error:
        raise ClassError(f"Another process is writing {path}.", "Wait for it, or stop it first.") from error
    except OSError as error:
        raise ClassError(f"{path} can't be written: {error.strerror}.", "Choose another place.") from error
    try:
        yield
    finally:
        lock.release()


def replace_text(path: Path, text: str) -> None:
    """Write the file in one step: a kill at any moment leaves the old one or the new one.

    Raises:
        ClassError: its folder can't be written.
    """
    try:
        # Not tempfile: its files are for the owner alone, and a submission may go into a shared folder.
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            with part.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ClassError(f"{path} can't be written: {error.strerror}.", "Choose another place.") from error
