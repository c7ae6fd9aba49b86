"""What run.json says from the start: what was asked, and by which versions on which machine. Read back to resume."""

import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from finetune_lab.config import Method, TuneConfig, method_from_dict, method_to_dict, settled
from finetune_lab.errors import ConfigError, RunError

FORMAT = 1
LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes", "accelerate", "safetensors", "finetune-lab")


def asked(method: Method, config: TuneConfig) -> dict[str, Any]:
    """The part of run.json that says what was asked, and by which versions."""
    return {
        "format": FORMAT,
        "method": method_to_dict(method),
        "config": asdict(config),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """The libraries that a run's numbers depend on."""
    return {name: version(name) for name in LIBRARIES}


def what_was_asked(description: dict[str, Any]) -> tuple[Method, TuneConfig]:
    """Method and configuration from run.json.

    Raises:
        RunError: they are not there, or not what this version knows.
    """
    try:
        return method_from_dict(description["method"]), settled(None, description["config"])
    except (AttributeError, ConfigError, KeyError, TypeError, ValueError) as error:
        what = f"run.json does not say what was asked: {type(error).__name__}: {error}"
        raise RunError(what.rstrip(".") + ".", "Start a new run.") from error
