"""Where a learner's progress is kept, and how: whole or not at all, by one writer at a time.

FINETUNE_LAB_PROGRESS          where it is set
~/.finetune_lab/progress       else: a hub keeps the home, and every notebook of every folder finds it there
./progress                     where the home can't be written
(memory only)                  where nothing can; said, and over when the kernel ends
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from finetune_lab.errors import LabError
from finetune_lab.storing import locked, write_synced

VARIABLE = "FINETUNE_LAB_PROGRESS"
PATIENCE = 10.0  # seconds that one notebook waits for another; a write takes milliseconds


class ProgressError(LabError):
    """A progress file can't be used, or nothing can be written where it lies."""


@dataclass(frozen=True)
class Place:
    """A folder that can be written, or None; and the preferred ones that can't, each with its reason."""

    folder: Path | None
    unfit: tuple[tuple[Path, str], ...] = ()

    @property
    def note(self) -> str:
        """One line where it is not the preferred folder, else nothing."""
        if not self.unfit:
            return ""
        why = " and ".join(f"{folder} can't be written ({reason})" for folder, reason in self.unfit)
        if self.folder is None:
            return f"{why}: your answers last only until the kernel ends. Set {VARIABLE} to a folder of yours."
        return f"{why}: your answers are kept in {self.folder}. Set {VARIABLE} to choose another folder."


def preferred_folders() -> list[Path]:
    """The folders to try, in order."""
    named = os.environ.get(VARIABLE, "").strip()
    folders = [Path(named).expanduser()] if named else []
    try:
        folders += [] if named else [Path.home() / ".finetune_lab" / "progress"]
    except RuntimeError:  # this user has no home
        folders += []
    return [*folders, Path.cwd() / "progress"]


def find_place(folders: list[Path] | None = None) -> Place:
    """The first folder that can be written, by trying it."""
    unfit: list[tuple[Path, str]] = []
    for named in preferred_folders() if folders is None else folders:
        folder = named.absolute()  # the working folder may change
        reason = _why_unfit(folder)
        if not reason:
            return Place(folder, tuple(unfit))
        unfit.append((folder, reason))
    return Place(None, tuple(unfit))


def _why_unfit(folder: Path) -> str:
    probe = folder / f".probe-{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(probe, timeout=0):  # some network homes have no locks
            probe.write_text("can be written", encoding="utf-8")
        probe.unlink(missing_ok=True)  # filelock may have removed it
    except (OSError, NotImplementedError, Timeout, ValueError) as error:
        return getattr(error, "strerror", None) or type(error).__name__
    return ""


@contextmanager
def held(path: Path) -> Iterator[None]:
    """While it lasts, no other process writes `path`.

    Raises:
        ProgressError: another one keeps it for too long, or the folder can't be written.
    """
    try:
        lock = locked(path.with_name(f".{path.name}.lock"), PATIENCE)
    except Timeout as error:
        raise ProgressError(f"Another notebook is writing {path}.", "Wait for it, or stop its kernel.") from error
    except OSError as error:
        raise not_writable(path, error) from error
    try:
        yield
    finally:
        lock.release()


def replace_text(path: Path, text: str) -> None:
    """Write the file in one step: a kill at any moment leaves the old one or the new one.

    Raises:
        ProgressError: it can't be written; the old one is as it was.
    """
    try:
        write_synced(path, text)
    except OSError as error:
        raise not_writable(path, error) from error


def not_writable(path: Path, error: Exception) -> ProgressError:
    """One line for an error of the operating system."""
    why = getattr(error, "strerror", None) or type(error).__name__
    return ProgressError(f"{path} can't be written: {why}.", f"Free space there, or set {VARIABLE} to another folder.")
