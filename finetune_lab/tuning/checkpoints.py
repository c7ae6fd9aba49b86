"""Checkpoints that are whole or not there: no pickle, every file hashed, the manifest written last.

    checkpoints/step-000040/
        trainable.safetensors    the parameters that move
        optimizer.safetensors    AdamW's moments and step count of each
        random.safetensors       the random generators' states
        manifest.json            the step, and size and SHA-256 of each file

A checkpoint is written into a folder with a dot before its name and renamed when it is complete.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from finetune_lab.errors import RunError
from finetune_lab.methods import trainable_parameters
from finetune_lab.tuning.loop import Trainer

MANIFEST = "manifest.json"


def save(trainer: Trainer, folder: Path) -> Path:
    """Write the trainer's state as `folder`/step-N, verified and atomic; older checkpoints go when it is complete."""
    final = folder / f"step-{trainer.step:06d}"
    partial = folder / f".{final.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name, tensors in state(trainer).items():
        save_file(tensors, partial / f"{name}.safetensors")
    files = {file.name: {"bytes": file.stat().st_size, "sha256": sha256(file)} for file in sorted(partial.iterdir())}
    write_synced(partial / MANIFEST, json.dumps({"step": trainer.step, "files": files}, indent=2))
    if final.exists():
        shutil.rmtree(final)
    partial.rename(final)
    for older in complete(folder):
        if older != final:
            shutil.rmtree(older)
    return final


def restore(trainer: Trainer, checkpoint: Path) -> None:
    """Bring a trainer built with the same configuration to the state of `checkpoint`."""
    device = trainer.accelerator.device
    saved = {
        name: load_file(checkpoint / f"{name}.safetensors", device=str(device)) for name in ("trainable", "optimizer")
    }
    parameters = trainable_parameters(trainer.model)
    if set(saved["trainable"]) != set(parameters):
        raise RunError(f"The checkpoint {checkpoint} is of another model.", "Start a new run.")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(saved["trainable"][name])
            moments = ("exp_avg", "exp_avg_sq", "step")
            trainer.optimizer.state[parameter] = {part: saved["optimizer"][f"{part}.{name}"] for part in moments}
    random = load_file(checkpoint / "random.safetensors")
    torch.set_rng_state(random["cpu"])
    if device.type == "cuda" and "cuda" in random:
        torch.cuda.set_rng_state(random["cuda"])
    trainer.step = json.loads((checkpoint / MANIFEST).read_text(encoding="utf-8"))["step"]


def state(trainer: Trainer) -> dict[str, dict[str, Tensor]]:
    """All that a resumed run needs, as named tensors by file."""
    parameters = trainable_parameters(trainer.model)
    optimizer = {
        f"{part}.{name}": value
        for name, parameter in parameters.items()
        for part, value in trainer.optimizer.state[parameter].items()
    }
    random = {"cpu": torch.get_rng_state()}
    if trainer.accelerator.device.type == "cuda":
        random["cuda"] = torch.cuda.get_rng_state()
    trainable = {name: parameter.detach().contiguous() for name, parameter in parameters.items()}
    return {"trainable": trainable, "optimizer": optimizer, "random": random}


def last_verified(folder: Path) -> Path:
    """The newest checkpoint whose every file has the size and the hash of its manifest.

    Raises:
        RunError: there is none; says what is wrong with each that is there.
    """
    faults = []
    for checkpoint in complete(folder):
        found = verification_faults(checkpoint)
        if not found:
            return checkpoint
        faults.append(f"{checkpoint.name}: {'; '.join(found)}")
    what = f"{folder} holds no checkpoint to go on from{': ' + ', '.join(faults) if faults else ''}."
    raise RunError(what, "Start a new run.")


def complete(folder: Path) -> list[Path]:
    """The checkpoints that were written to their end, newest first."""
    return sorted((item for item in folder.glob("step-*") if item.is_dir()), reverse=True)


def verification_faults(checkpoint: Path) -> list[str]:
    """What is wrong with a checkpoint, a line a file; nothing when it is whole."""
    try:
        files = json.loads((checkpoint / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError) as error:
        return [f"its manifest can't be read ({type(error).__name__})"]
    faults = []
    for name, expected in files.items():
        file = checkpoint / name
        if not file.is_file():
            faults.append(f"{name} is missing")
        elif file.stat().st_size != expected["bytes"] or sha256(file) != expected["sha256"]:
            faults.append(f"{name} was changed or cut short")
    return faults


def sha256(file: Path) -> str:
    """The hash of a file, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_synced(file: Path, text: str) -> None:
    """Write a text file and force it to disk, through a temporary name: a reader sees the old or the new one, whole."""
    partial = file.with_name(f".{file.name}.partial")
    with partial.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(file)
