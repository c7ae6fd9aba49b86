"""What the benchmarks for a CUDA GPU share: where they write, on which machine, and each result kept at once."""

import argparse
import json
import platform
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from transformers.utils import logging

from finetune_lab import device
from finetune_lab.device import detect_device

LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes", "accelerate")
Found = dict[str, Any]


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """The options that all of them have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--float16", action="store_true", help="as on a GPU without bfloat16, such as a T4")
    return parser


def require_gpu(instead: str, *, float16: bool) -> None:
    """End where there is no GPU, with what does the same on a CPU; see to the float type that was asked for."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if detect_device().kind != "cuda":
        raise SystemExit(f"error: this needs a CUDA GPU; {instead} does the same on a CPU.")
    if float16:
        found = replace(detect_device(), dtype_name="float16", dtype_reason="float16: asked for")
        device._cuda = lambda: found


def keep(out: Path, name: str, key: str, results: Iterable[Found], report: Callable[[Found], str]) -> None:
    """Write NAME.json and NAME.md anew with every result: a rented machine may be gone before the last one.

    What was measured in float16 has names of its own.
    """
    versions = {package: version(package) for package in LIBRARIES} | {"python": platform.python_version()}
    found: Found = {"versions": versions, "device": asdict(detect_device()), key: []}
    name += "_float16" if found["device"]["dtype_name"] == "float16" else ""
    for result in results:
        found[key].append(result)
        (out / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        (out / f"{name}.md").write_text(report(found), encoding="utf-8")


def machine(found: Found) -> str:
    """The GPU, its float type and the versions, in one line."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    return f"{found['device']['name']}, {found['device']['dtype_name']}; {versions}."
