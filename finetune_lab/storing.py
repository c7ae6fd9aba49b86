"""Files and folders that are there whole or not at all, written by one process at a time. No torch.

    .name.<token>.partial     being filled, forced to disk
    name                      ... and renamed: a kill at any moment leaves the old one or the new one

What the operating system refuses becomes one line of the package that writes: see `Storage`.
"""

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from finetune_lab.errors import LabError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, 112)  # the last is Windows' own number


@dataclass(frozen=True)
class Storage:
    """How one package speaks of what can't be written: its error, and what to do about each kind of it."""

    fault: type[LabError]
    elsewhere: str = "Choose another place."
    full: str = "Free some space, then do it again; what was written before is intact."

    @contextmanager
    def explained(self, path: Path) -> Iterator[None]:
        """Turn the operating system's errors while `path` is written into one line that says what to do.

        Raises:
            LabError: of this package, where the system or a library of Rust named one of the system's errors.
        """
        try:
            yield
        except LabError:
            raise
        except Timeout as error:
            raise self.fault(f"Another process is writing {path}.", "Wait for it, or stop it first.") from error
        except Exception as error:
            number = error.errno if isinstance(error, OSError) else _number_in(str(error))
            if number in DISK_FULL:
                raise self.fault(f"The disk is full: {path} can't be written.", self.full) from error
            if not isinstance(error, OSError) and number is None:
                raise
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise self.fault(f"{path} can't be written: {why}.", self.elsewhere) from error

    @contextmanager
    def held(self, path: Path, patience: float, lock: Path | None = None) -> Iterator[None]:
        """While it lasts, no other process writes `path`. The system lets go when a process is killed.

        Args:
            path: what is written, for the message.
            patience: seconds to wait for another process.
            lock: the file to lock; one beside `path` without it.

        Raises:
            LabError: of this package: another process keeps it for longer, or its folder can't be written.
        """
        with self.explained(path):
            taken = locked(lock or path.with_name(f".{path.name}.lock"), patience)
        try:
            yield
        finally:
            taken.release()

    def replace_text(self, path: Path, text: str) -> None:
        """`write_synced`, its errors explained."""
        with self.explained(path):
            write_synced(path, text)


def locked(file: Path, patience: float) -> FileLock:
    """The lock of a file, taken.

    Raises:
        OSError: it can't be had: another process keeps it (filelock's Timeout), or no lock can be made there.
    """
    # thread_local: a generator can be closed by another thread than the one that began it
    lock = FileLock(file, timeout=patience, thread_local=False)
    try:
        lock.acquire()
    except NotImplementedError as error:
        raise OSError(errno.ENOLCK, "its file system has no locks") from error
    return lock


def write_synced(file: Path, text: str) -> None:
    """Write a text file and force it to disk, through a temporary name: a reader sees the old or the new one, whole."""
    # Not tempfile: its files are for the owner alone, and a file of ours may go into a shared folder.
    partial = file.with_name(f".{file.name}.{secrets.token_hex(4)}.partial")
    try:
        with partial.open("x", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def whole_folder(final: Path) -> Iterator[Path]:
    """A folder to fill, which takes the name `final` when it is full; if that fails, what bore the name still does.

    One process at a time may do this: hold a lock.
    """
    partial, old = final.with_name(f".{final.name}.partial"), final.with_name(f".{final.name}.old")
    if old.exists() and not final.exists():  # a kill came between the two renames
        old.rename(final)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        sync_folder(partial)
        shutil.rmtree(old, ignore_errors=True)
        if final.exists():
            final.rename(old)
        try:
            partial.rename(final)
        except OSError:
            with suppress(OSError):  # what could not be renamed says more
                old.rename(final)
            raise
    finally:  # on a full disk its space is what is missing
        shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Force the files of a folder to disk: without it, a power cut after a rename can leave empty files."""
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb+") as stream:
                os.fsync(stream.fileno())


def _number_in(text: str) -> int | None:
    """The system's error number in an error of safetensors or tokenizers, which are written in Rust."""
    found = re.search(r"\(os error (\d+)\)", text)
    return int(found[1]) if found else None
