"""What the benchmarks for a CUDA GPU share: where they write, on which machine, and each result kept at once."""

import argparse
import json
import platform
from collections.abc import Callable, Iterable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from transformers.utils import logging

from finetune_lab.device import detect_device

LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes", "accelerate")
Found = dict[str, Any]


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """The options that all of them have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--large", action="store_true")
    return parser


def require_gpu(instead: str) -> None:
    """End where there is no GPU, with what does the same on a CPU."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if detect_device().kind != "cuda":
        raise SystemExit(f"error: this needs a CUDA GPU; {instead} does the same on a CPU.")


def keep(out: Path, name: str, key: str, results: Iterable[Found], report: Callable[[Found], str]) -> None:
    """Write NAME.json and NAME.md anew with every result: a lent machine may be gone before the last one."""
    versions = {package: version(package) for package in LIBRARIES} | {"python": platform.python_version()}
    found: Found = {"versions": versions, "device": asdict(detect_device()), key: []}
    for result in results:
        found[key].append(result)
        (out / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        (out / f"{name}.md").write_text(report(found), encoding="utf-8")


def machine(found: Found) -> str:
    """The GPU, its float type and the versions, in one line."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    return f"{found['device']['name']}, {found['device']['dtype_name']}; {versions}."
