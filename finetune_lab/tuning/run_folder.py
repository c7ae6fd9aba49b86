"""The run folder: a run's whole story on disk, written as it goes and readable after a kill at any point.

run.json         what was asked, by which versions on which machine, and how it ended
events.jsonl     one event a line, flushed as it happens
checkpoints/     the last complete checkpoint
adapter/         LoRA and QLoRA: PEFT's own format      model/    full: transformers' own format
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from finetune_lab.config import Method, method_to_dict
from finetune_lab.errors import RunError
from finetune_lab.events import Event, event_from_dict, event_to_dict
from finetune_lab.memory.curve import StepCurve, curve_from_dict
from finetune_lab.storing import Storage, write_synced
from finetune_lab.tuning.record import FORMAT

LOCK = ".lock"
STORAGE = Storage(
    RunError,
    elsewhere="Choose a folder that you may write to with --out.",
    full="Free some space, then continue it with --resume; what was written before is intact.",
)
explained_writing = STORAGE.explained


@dataclass(frozen=True)
class RunFolder:
    """One run's folder; `path` exists and is ours to write."""

    path: Path

    @classmethod
    def create(cls, out: Path | None, method: Method) -> "RunFolder":
        """A new folder: `out` itself, which must be new or empty, or a dated one in `runs/`."""
        if out is None:
            stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
            out = free_name(Path("runs") / f"{stamp}-{label(method)}")
        with explained_writing(out):
            taken = out.exists() and (not out.is_dir() or any(out.iterdir()))
            try:
                if not taken:
                    out.mkdir(parents=True, exist_ok=True)
                    (out / "events.jsonl").touch(exist_ok=False)
            except FileExistsError:  # another process took it a moment ago
                taken = True
        if taken:
            raise RunError(f"{out} exists already and is not an empty folder.", "Choose another folder for the run.")
        return cls(out)

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """A run folder that is there already."""
        if not (path / "run.json").is_file():
            raise RunError(f"{path} is no run folder: it has no run.json.", "Name a folder that a tune has written.")
        return cls(path)

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def artifact(self) -> Path | None:
        """The adapter or the model, where the run has saved one."""
        found = [folder for name in ("adapter", "model") if (folder := self.path / name).is_dir()]
        return found[0] if found else None

    @contextmanager
    def held(self) -> Iterator[None]:
        """While it lasts, no other process writes this run. The system lets go when a process is killed."""
        with STORAGE.held(self.path, 1, self.path / LOCK):
            yield

    def being_written(self) -> bool:
        """Whether a process is writing this run now."""
        if not (self.path / LOCK).exists():
            return False
        try:
            FileLock(self.path / LOCK, timeout=0).acquire().lock.release()
        except Timeout:
            return True
        except OSError:  # a folder that one can only read
            return False
        return False

    def describe(self, description: dict[str, Any]) -> None:
        """Write run.json, replacing it in one step."""
        with explained_writing(self.path):
            write_synced(self.path / "run.json", json.dumps(description, indent=2) + "\n")

    def description(self) -> dict[str, Any]:
        try:
            saved: dict[str, Any] = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"{self.path / 'run.json'} can't be read: {error}.", "Start a new run.") from error
        if not isinstance(saved, dict) or saved.get("format") != FORMAT:
            found = saved.get("format") if isinstance(saved, dict) else None
            what = f"{self.path} was written in format {found!r}; this version reads {FORMAT}."
            raise RunError(what, "Use the version of finetune-lab that wrote it.")
        return saved

    def keep_curve(self, curve: StepCurve) -> None:
        """Write memory.json: how memory rose and fell within the measured step with the highest peak."""
        with explained_writing(self.path):
            write_synced(self.path / "memory.json", json.dumps(curve.to_dict()) + "\n")

    def curve(self) -> StepCurve | None:
        """What `keep_curve` wrote; None where the run has not come so far."""
        file = self.path / "memory.json"
        return curve_from_dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None

    def record(self, event: Event) -> None:
        """Append one event, flushed."""
        with explained_writing(self.path), (self.path / "events.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(event_to_dict(event)) + "\n")

    def events(self) -> list[Event]:
        """All events so far; a last line cut short by a kill is left out.

        Raises:
            RunError: the file is gone, or a line before the last is not an event.
        """
        file, found = self.path / "events.jsonl", list[Event]()
        try:
            lines = file.read_bytes().split(b"\n")
            for line in lines[:-1]:
                found.append(event_from_dict(json.loads(line)))  # its length says which line is at fault
        except FileNotFoundError as error:
            raise RunError(f"There is no {file}.", "Start a new run.") from error
        except (ValueError, TypeError, RunError) as error:
            raise RunError(f"Line {len(found) + 1} of {file} is no event.", "Start a new run.") from error
        return found

    def forget_after(self, step: int) -> None:
        """Drop the events of steps that a resumed run will do again, and a line cut short."""
        kept = [event for event in self.events() if event.step <= step and type(event).__name__ != "Ended"]
        text = "".join(json.dumps(event_to_dict(event)) + "\n" for event in kept)
        with explained_writing(self.path):
            write_synced(self.path / "events.jsonl", text)


def label(method: Method) -> str:
    """A short name for a folder: `qlora-r8-4bit`."""
    settings = method_to_dict(method)
    rank = f"-r{settings['r']}" if "r" in settings else ""
    bits = f"-{settings['bits']}bit" if "bits" in settings else ""
    return f"{method.name}{rank}{bits}"


def free_name(wanted: Path) -> Path:
    """`wanted`, or with the first number behind it that makes it new."""
    names = [wanted, *(wanted.with_name(f"{wanted.name}-{number}") for number in range(2, 1000))]
    return next(name for name in names if not name.exists())
