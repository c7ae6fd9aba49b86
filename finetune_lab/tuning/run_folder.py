"""The run folder: a run's whole story on disk, written as it goes and readable after a kill at any point.

run.json         what was asked, by which versions on which machine, and how it ended
events.jsonl     one event a line, flushed as it happens
checkpoints/     the last complete checkpoint
adapter/         LoRA and QLoRA: PEFT's own format      model/    full: transformers' own format
"""

import errno
import json
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from finetune_lab.config import Method, TuneConfig, method_from_dict, method_to_dict
from finetune_lab.errors import LabError, RunError
from finetune_lab.events import Event, event_from_dict, event_to_dict
from finetune_lab.tuning.checkpoints import write_synced

FORMAT = 1
LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes", "accelerate", "safetensors", "finetune-lab")


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
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise RunError(f"{out} exists already and is not an empty folder.", "Choose another folder for the run.")
        with explained_writing(out):
            out.mkdir(parents=True, exist_ok=True)
            (out / "events.jsonl").touch()
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

    def describe(self, description: dict[str, Any]) -> None:
        """Write run.json, replacing it in one step."""
        with explained_writing(self.path):
            write_synced(self.path / "run.json", json.dumps(description, indent=2) + "\n")

    def description(self) -> dict[str, Any]:
        try:
            saved: dict[str, Any] = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"{self.path / 'run.json'} can't be read: {error}.", "Start a new run.") from error
        if saved.get("format") != FORMAT:
            what = f"{self.path} was written in format {saved.get('format')!r}; this version reads {FORMAT}."
            raise RunError(what, "Use the version of finetune-lab that wrote it.")
        return saved

    def record(self, event: Event) -> None:
        """Append one event, flushed."""
        with explained_writing(self.path), (self.path / "events.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(event_to_dict(event)) + "\n")

    def events(self) -> list[Event]:
        """All events so far; a line cut short by a kill is left out."""
        lines = (self.path / "events.jsonl").read_text(encoding="utf-8").split("\n")
        return [event_from_dict(json.loads(line)) for line in lines[:-1]]

    def forget_after(self, step: int) -> None:
        """Drop the events of steps that a resumed run will do again, and a line cut short."""
        kept = [event for event in self.events() if event.step <= step and type(event).__name__ != "Ended"]
        text = "".join(json.dumps(event_to_dict(event)) + "\n" for event in kept)
        with explained_writing(self.path):
            write_synced(self.path / "events.jsonl", text)


def asked(method: Method, config: TuneConfig) -> dict[str, Any]:
    """The part of run.json that says what was asked, and by which versions."""
    return {
        "format": FORMAT,
        "method": method_to_dict(method),
        "config": asdict(config),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": {name: version(name) for name in LIBRARIES},
    }


def what_was_asked(description: dict[str, Any]) -> tuple[Method, TuneConfig]:
    """Method and configuration from run.json."""
    return method_from_dict(description["method"]), TuneConfig(**description["config"])


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


@contextmanager
def explained_writing(path: Path) -> Iterator[None]:
    """Turn the operating system's errors while writing into one line that says what to do."""
    try:
        yield
    except LabError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "Free some space, then continue it with --resume; what was written before is intact."
            raise RunError(f"The disk is full: {path} can't be written.", hint) from error
        what = f"{path} can't be written: {error.strerror or error}."
        raise RunError(what, "Choose a folder that you may write to with --out.") from error
