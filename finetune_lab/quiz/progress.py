"""The learner's own progress file: every attempt at a bank's questions, kept across reloads, restarts and notebooks.

    ~/.finetune_lab/progress/lesson.json               the bank `lesson`, without a seed
    ~/.finetune_lab/progress/lesson-4f1c2d3e4a.json    with a student's seed, whose questions have other numbers

Two notebooks may have it open: each adds its attempts to what the file then holds, under a lock.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from finetune_lab.quiz.attempts import SCHEMA, Attempt, attempt_from
from finetune_lab.quiz.keeping import Place, ProgressError, find_place, held, replace_text
from finetune_lab.quiz.schema import faults_of

KIND, FORMAT = "finetune-lab progress", 1
LARGEST = 20_000_000  # bytes
FILE: dict[str, Any] = {
    "type": "object",
    "required": ["kind", "format", "bank", "seed", "attempts"],
    "properties": {
        "kind": {"const": KIND},
        "bank": {"type": "string"},
        "seed": {"type": "string"},
        "attempts": {"type": "array", "items": SCHEMA},
    },
}
Attempts = list[Attempt]


class Progress:
    """The attempts of one learner at one bank. `notes` are lines that the learner should read.

    An attempt that can't be written is held in memory and written with the next one; `trouble` says so meanwhile.
    """

    def __init__(self, bank: str, seed: str = "", place: Place | None = None) -> None:
        found = find_place() if place is None else place
        self.bank, self.seed = bank, seed
        self.path = found.folder / file_name(bank, seed) if found.folder else None
        self.notes = [found.note] if found.note else []
        self.trouble = ""
        self._kept: Attempts = []
        self._waiting: Attempts = []
        self._take_over(found)
        self.reload()

    @property
    def attempts(self) -> Attempts:
        """Every attempt, in the order in which they were made."""
        return [*self._kept, *self._waiting]

    def of(self, question: str) -> Attempts:
        """The attempts at one question."""
        return [attempt for attempt in self.attempts if attempt.question == question]

    def reload(self) -> None:
        """Read what another notebook may have added.

        Raises:
            ProgressError: the file can't be read, or a newer version wrote it; it is left as it is.
        """
        if self.path is not None and self.path.exists():
            kept, aside = read_attempts(self.path, self.bank)
            self.notes += [aside] if aside else []
            self._kept = self._kept if aside else kept  # what is in memory outlives a file that broke meanwhile

    def add(self, attempt: Attempt) -> None:
        """Keep one more attempt."""
        self._waiting.append(attempt)
        self._write(lambda kept: kept)

    def settle(self, old: Attempt, new: Attempt) -> None:
        """Put the verdict that an attempt waited for in place of `review`."""
        self._waiting = [new if attempt == old else attempt for attempt in self._waiting]
        self._write(lambda kept: [new if attempt == old else attempt for attempt in kept])

    def _write(self, change: Callable[[Attempts], Attempts]) -> None:
        if self.path is None:
            self._kept, self._waiting = [*change(self._kept), *self._waiting], []
            return
        try:
            with held(self.path):
                self.reload()
                attempts = [*change(self._kept), *self._waiting]
                replace_text(self.path, as_json(self.bank, self.seed, attempts))
        except ProgressError as error:
            self.trouble = f"Not kept yet: {error}"
            return
        self._kept, self._waiting, self.trouble = attempts, [], ""

    def _take_over(self, place: Place) -> None:
        """Where the preferred folder can only be read, go on from what it holds."""
        if self.path is None or not self.path.exists():
            for folder, _ in place.unfit:
                old = folder / file_name(self.bank, self.seed)
                try:
                    if old.is_file():
                        self._waiting, _ = read_attempts(old, self.bank)
                        return
                except (OSError, ProgressError) as error:
                    self.notes.append(str(error))


def file_name(bank: str, seed: str) -> str:
    """The name of a progress file; a seed is any text, so that only its hash is in the name."""
    return (
        f"{bank}-{hashlib.sha256(seed.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}.json"
        if seed
        else f"{bank}.json"
    )


def as_json(bank: str, seed: str, attempts: Attempts) -> str:
    """The file's text."""
    entries = [attempt.to_dict() for attempt in attempts]
    data = {"kind": KIND, "format": FORMAT, "bank": bank, "seed": seed, "attempts": entries}
    return json.dumps(data, indent=1) + "\n"


def read_attempts(path: Path, bank: str) -> tuple[Attempts, str]:
    """The attempts of a file, and nothing; or none, and one line that says where the broken file was put.

    Raises:
        ProgressError: it can't be read or moved, or was written by a newer version.
    """
    data = _parsed(_content(path))
    if isinstance(data, dict) and isinstance(data.get("format"), int) and data["format"] > FORMAT:
        what = f"{path} was written in format {data['format']}; this version reads {FORMAT}."
        raise ProgressError(what, "Use the version of finetune_lab that wrote it; the file is as it was.")
    fault = data if isinstance(data, str) else _fault(data, bank)
    if fault:
        return [], _kept_aside(path, fault)
    return [attempt_from(entry) for entry in data["attempts"]], ""


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ProgressError(f"{path} can't be read: {error.strerror}.", "Check its permissions.") from error


def _parsed(content: bytes) -> Any:
    """The data, or in words why there is none."""
    try:
        return json.loads(content) if len(content) <= LARGEST else f"it has over {LARGEST} bytes"
    except (ValueError, RecursionError) as error:
        return f"it is no JSON: {error}"


def _fault(data: Any, bank: str) -> str:
    for place, fault in faults_of(data, FILE):
        return f"{'.'.join(str(part) for part in place) or 'the file'}: {fault}"
    if data["bank"] != bank:
        return f"it is of the bank {data['bank'][:80]!r}"
    try:
        [attempt_from(entry) for entry in data["attempts"]]
    except ValueError as error:
        return str(error)
    return ""


def _kept_aside(path: Path, fault: str) -> str:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    names = [path.with_name(f"{path.name}.broken-{stamp}{extra}") for extra in ("", *(f"-{n}" for n in range(2, 100)))]
    aside = next(name for name in names if not name.exists())
    try:
        path.rename(aside)
    except FileNotFoundError:
        return f"{path.name} was broken ({fault}). Another notebook has put it aside."
    except OSError as error:
        raise ProgressError(f"{path} is broken ({fault}) and can't be moved.", "Move it away yourself.") from error
    return f"{path.name} was broken ({fault}). It is kept as {aside.name}, and a new one is begun."


def kept_progress(seed: str = "") -> list[Progress]:
    """The learner's progress at every bank, for this seed.

    Raises:
        ProgressError: a file can't be read, or a newer version wrote it.
    """
    place = find_place()
    folders = [*([place.folder] if place.folder else []), *(folder for folder, _ in place.unfit)]
    banks = {bank for folder in folders for file in sorted(folder.glob("*.json")) if (bank := _bank_in(file, seed))}
    return [Progress(bank, seed, place) for bank in sorted(banks)]


def _bank_in(file: Path, seed: str) -> str:
    """The bank of a progress file with this seed; of a broken one, which has to be told of, the bank in its name."""
    data = _parsed(_content(file))
    guess = file.stem.removesuffix(file_name("", seed).removesuffix(".json"))
    bank = data.get("bank") if isinstance(data, dict) else guess
    return bank if isinstance(bank, str) and file.name == file_name(bank, seed) else ""
