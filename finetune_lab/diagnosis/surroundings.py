"""What is around a tune: versions, memory, disk, the embedded base, the hub."""

import platform
import shutil
import threading
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
from huggingface_hub import constants, get_session

from finetune_lab.device import Device
from finetune_lab.diagnosis.check import Check, guarded
from finetune_lab.errors import LabError
from finetune_lab.installation import REMOVE_TORCHAO, torchao_fault
from finetune_lab.models import LAB_BASE, find_base

LIBRARIES = (
    "torch", "transformers", "peft", "bitsandbytes", "accelerate", "safetensors", "tokenizers", "datasets",
    "huggingface_hub", "numpy",
)  # fmt: skip
HUB_SECONDS = 3.0
ROOM = 2 * 2**30  # bytes: lab-base needs a few MiB a run, a small model of the hub a GiB or two


def versions() -> dict[str, str]:
    """Python's version, ours, and those of the libraries that numbers depend on."""
    return {
        "python": platform.python_version(),
        "finetune-lab": version_of("finetune-lab"),
        **{name: version_of(name) for name in LIBRARIES},
    }


def version_of(name: str) -> str:
    """The installed version, or that there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def machine(device: Device) -> dict[str, str]:
    """The machine in words, each automatic choice with its reason."""
    memory, folder = psutil.virtual_memory(), Path.cwd()
    facts = {
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        **device.reasons,
        "memory": f"{gib(memory.total)}, of which {gib(memory.available)} are available",
    }
    if device.kind == "cuda":
        facts["GPU memory"] = gib(device.total_bytes)
    return {**facts, "disk": f"{gib(shutil.disk_usage(folder).free)} free in {folder}"}


def gib(number: float) -> str:
    """Bytes as GiB."""
    return f"{number / 2**30:.1f} GiB"


def surrounding_checks() -> list[Check]:
    """The embedded base, the disk, the hub, and what PEFT can't work beside."""
    fault = torchao_fault()
    return [
        *([Check("PEFT", "fails", fault.rstrip("."), REMOVE_TORCHAO)] if fault else []),
        guarded(LAB_BASE, "Install finetune-lab again.", embedded_base),
        guarded("free disk", "Change to another folder.", free_disk),
        guarded("Hugging Face hub", "Use lab-base or a local folder.", hub),
    ]


def embedded_base() -> Check:
    """Whether lab-base is there and is what was published."""
    try:
        found = find_base(LAB_BASE)
    except LabError as error:
        return Check(LAB_BASE, "fails", error.what, error.hint)
    return Check(LAB_BASE, "works", f"SHA-256 {found.sha256[:12]}..., as published")


def free_disk() -> Check:
    """Whether there is room for runs in the current folder."""
    free = shutil.disk_usage(Path.cwd()).free
    detail = f"{gib(free)} free in the current folder"
    if free < ROOM:
        return Check("free disk", "fails", detail, "Free some space, or name a folder on another disk with --out.")
    return Check("free disk", "works", detail)


def hub() -> Check:
    """Whether the hub answers within three seconds; it is not asked where HF_HUB_OFFLINE forbids it.

    Looking up a name has no time limit of its own, hence the thread, which nobody waits for.
    """
    name = "Hugging Face hub"
    if constants.HF_HUB_OFFLINE:
        return Check(name, "not tried", "HF_HUB_OFFLINE is set: only what was downloaded before is used")
    failures: list[str] = ["no answer"]

    def ask() -> None:
        try:
            get_session().head(constants.ENDPOINT, timeout=HUB_SECONDS)
            failures.clear()
        except Exception as error:  # noqa: BLE001  # whatever the network does is the finding
            failures.append(type(error).__name__)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(HUB_SECONDS)
    if failures:
        detail = f"{constants.ENDPOINT} can't be reached: {failures[-1]}"
        return Check(name, "fails", detail, "None needed for lab-base; for other models, connect, or use a folder.")
    return Check(name, "works", f"{constants.ENDPOINT} answers")
