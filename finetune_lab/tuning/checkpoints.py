"""Checkpoints that are whole or not there: no pickle, every file hashed, the manifest written last.

    checkpoints/step-000040/
        trainable.safetensors    the parameters that move
        optimizer.safetensors    AdamW's moments and step count of each
        random.safetensors       the random generators' states
        manifest.json            the step, and size and SHA-256 of each file

A checkpoint is written into a folder with a dot before its name and renamed when it is complete. The one before it
stays: what a step starts from is proved good only when that step's loss is finite, and a disk may lie.
"""

import hashlib
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from finetune_lab.errors import RunError
from finetune_lab.methods import trainable_parameters
from finetune_lab.storing import whole_folder, write_synced
from finetune_lab.tuning.loop import Trainer

MANIFEST = "manifest.json"
PARTS = {"trainable.safetensors", "optimizer.safetensors", "random.safetensors"}


def save(trainer: Trainer, folder: Path) -> Path:
    """Write the trainer's state as `folder`/step-N, verified and atomic; all but the one before it go then."""
    final = folder / f"step-{trainer.step:06d}"
    if final.exists() and not verification_faults(final):  # the run was left or stopped just after it was saved
        return final
    with whole_folder(final) as partial:
        for name, tensors in state(trainer).items():
            save_file(tensors, partial / f"{name}.safetensors")
        files = {f.name: {"bytes": f.stat().st_size, "sha256": sha256(f)} for f in sorted(partial.iterdir())}
        write_synced(partial / MANIFEST, json.dumps({"step": trainer.step, "files": files}, indent=2))
    before = [older for older in complete(folder) if step_of(older) < trainer.step]
    for item in complete(folder):
        if item not in (final, *before[:1]):
            shutil.rmtree(item)
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
    moments: dict[str, dict[str, Tensor]] = {name: {} for name in parameters}
    for key, value in saved["optimizer"].items():
        part, name = key.split(".", 1)
        moments[name][part] = value
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(saved["trainable"][name])
            if moments[name]:  # a parameter that no batch has reached has none
                trainer.optimizer.state[parameter] = moments[name]
    random = load_file(checkpoint / "random.safetensors")
    torch.set_rng_state(random["cpu"])
    if device.type == "cuda" and "cuda" in random:
        torch.cuda.set_rng_state(random["cuda"])
    trainer.step = step_of(checkpoint)


def state(trainer: Trainer) -> dict[str, dict[str, Tensor]]:
    """All that a resumed run needs, as named tensors by file."""
    parameters = trainable_parameters(trainer.model)
    optimizer = {
        f"{part}.{name}": value
        for name, parameter in parameters.items()
        for part, value in trainer.optimizer.state.get(parameter, {}).items()
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
        faults.append(f"{checkpoint.name}: {', '.join(found)}")
    what = f"{folder} holds no checkpoint to go on from{': ' + '; '.join(faults) if faults else ''}."
    raise RunError(what, "Start a new run.")


def complete(folder: Path) -> list[Path]:
    """The checkpoints that were written to their end, newest first."""
    found = [item for item in folder.glob("step-*") if item.is_dir() and item.name[5:].isdecimal()]
    return sorted(found, key=step_of, reverse=True)


def step_of(checkpoint: Path) -> int:
    """The step after which a checkpoint was written, by its name, which the manifest confirms."""
    return int(checkpoint.name[5:])


def verification_faults(checkpoint: Path) -> list[str]:
    """What is wrong with a checkpoint, a line a file; nothing when it is whole."""
    try:
        manifest = json.loads((checkpoint / MANIFEST).read_text(encoding="utf-8"))
        files = {name: (expected["bytes"], expected["sha256"]) for name, expected in manifest["files"].items()}
        if manifest["step"] != step_of(checkpoint):
            return [f"its manifest is of step {manifest['step']}"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return [f"its manifest can't be read ({type(error).__name__})"]
    faults = [f"{name} is not in its manifest" for name in sorted(PARTS - set(files))]
    for name, expected in files.items():
        file = checkpoint / name
        if not file.is_file():
            faults.append(f"{name} is missing")
        elif (file.stat().st_size, sha256(file)) != expected:
            faults.append(f"{name} was changed or cut short")
    return faults


def sha256(file: Path) -> str:
    """The hash of a file, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
