"""The machine's faults: a full disk, a folder that can't be written, memory that runs out. One line, nothing lost."""

import errno
import json
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from tiny import hashes, one_line, weights

from finetune_lab.config import Full, LoRA
from finetune_lab.errors import OutOfMemoryError, RunError
from finetune_lab.events import Saved, Stepped
from finetune_lab.tuning import checkpoints, run_folder
from finetune_lab.tuning.loop import Trainer
from finetune_lab.tuning.run import load_run, tune

pytest_plugins = "tiny_base"


def fails(kind, *arguments, **settings):
    with pytest.raises(kind) as caught:
        tune(*arguments, **settings)
    return one_line(caught.value)


@pytest.fixture
def small_disk(request, tmp_path):
    """A file system of a few MiB: 4, or what the test's parameter says."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={getattr(request, 'param', 4)}m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this machine allows no mount")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk):
    with (disk / "filler").open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


def test_a_disk_that_fills_up_during_a_run(small_disk, settings, tmp_path):
    settings |= {"max_steps": 6, "save_steps": 1}
    whole = tune(LoRA(r=2), out=tmp_path / "whole", **settings)
    folder, before = small_disk / "run", {}

    def fill_after_the_third(event):
        if isinstance(event, Saved) and event.step == 3:
            before.update(hashes(folder))
            fill(small_disk)

    text = fails(RunError, LoRA(r=2), out=folder, on_event=fill_after_the_third, **settings)
    assert text.startswith(f"The disk is full: {folder} can't be written.")
    kept = {name: value for name, value in before.items() if name.startswith("checkpoints")}
    assert len(kept) == 8
    assert {name: hashes(folder)[name] for name in kept} == kept
    assert load_run(folder).status == "broken off"
    assert json.loads((folder / "run.json").read_text())["format"] == 1
    assert load_run(folder).losses == whole.losses[: len(load_run(folder).losses)]
    (small_disk / "filler").unlink()
    resumed = tune(resume=folder)
    assert resumed.losses == whole.losses
    assert weights(resumed.artifact) == weights(whole.artifact)


@pytest.mark.parametrize(("small_disk", "kept"), [(3, []), (5, ["step-000004"])], indirect=["small_disk"])
def test_a_disk_too_small_for_the_checkpoint_or_the_model(small_disk, settings, kept):
    """4.1 MB of weights and moments, 1.7 MB of model and tokenizer; the error of safetensors is not an OSError."""
    text = fails(RunError, Full(), out=small_disk / "run", **settings)
    assert text.startswith("The disk is full")
    run = load_run(small_disk / "run")
    assert (run.status, len(run.losses)) == ("broken off", 4)
    assert "The disk is full" in run.summary["reason"]
    assert [item.name for item in (small_disk / "run" / "checkpoints").iterdir()] == kept
    assert not (small_disk / "run" / "model").exists()
    assert not (small_disk / "run" / ".model.partial").exists()


def test_a_disk_with_no_room_at_all(small_disk, settings):
    fill(small_disk)
    assert fails(RunError, LoRA(r=2), out=small_disk / "run", **settings).startswith("The disk is full")


class FullDisk:
    """From the n-th write on, every one of them fails as on a full disk."""

    def __init__(self, monkeypatch, allowed):
        self.left = allowed
        for module, name in ((checkpoints, "save_file"), (checkpoints, "write_synced"), (run_folder, "write_synced")):
            monkeypatch.setattr(module, name, self.counted(getattr(module, name)))
        monkeypatch.setattr(run_folder.RunFolder, "record", self.counted(run_folder.RunFolder.record))

    def counted(self, write):
        def checked(*arguments, **options):
            self.left -= 1
            if self.left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(*arguments, **options)

        return checked


@pytest.mark.parametrize("allowed", range(1, 26, 2))
def test_a_disk_that_is_full_at_any_write(settings, tmp_path, monkeypatch, allowed):
    folder = tmp_path / "run"
    settings |= {"save_steps": 2}
    with monkeypatch.context() as patch:
        disk = FullDisk(patch, allowed)
        try:
            status, text = tune(LoRA(r=2), out=folder, **settings).status, ""
        except RunError as error:
            status, text = "", one_line(error)
    assert (status == "finished") == (disk.left >= 0)
    assert ("The disk is full" in text) == (disk.left < 0)
    run = load_run(folder)
    assert json.loads((folder / "run.json").read_text())["format"] == 1
    for checkpoint in checkpoints.complete(folder / "checkpoints"):
        assert checkpoints.verification_faults(checkpoint) == []
    if run.status == "broken off" and checkpoints.complete(folder / "checkpoints"):
        resumed = tune(resume=folder)
        assert resumed.status == "finished"
        assert len(resumed.losses) == 4


@pytest.mark.parametrize(
    "text", ["Error while serializing: I/O error: No space left on device (os error 28)", "(os error 112)"]
)
def test_a_full_disk_is_known_by_the_errors_of_rust_too(tmp_path, text):
    from safetensors import SafetensorError

    with pytest.raises(RunError, match="The disk is full"), run_folder.explained_writing(tmp_path):
        raise SafetensorError(text)
    with pytest.raises(ValueError, match="something else"), run_folder.explained_writing(tmp_path):
        raise ValueError("something else")


def test_a_folder_that_can_not_be_made(settings, tmp_path):
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file" / "run", tmp_path / ("x" * 300), Path("/proc/nothing/run")):
        text = fails(RunError, LoRA(r=2), out=out, **settings)
        assert "can't be written" in text
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_that_is_taken_away_during_a_run(settings, tmp_path):
    def remove(event):
        if isinstance(event, Stepped) and event.step == 2:
            shutil.rmtree(tmp_path / "run")

    assert "can't be written" in fails(RunError, LoRA(r=2), out=tmp_path / "run", on_event=remove, **settings)
    assert tune(LoRA(r=2), out=tmp_path / "next", **settings).status == "finished"


def real_cpu_error():
    torch.empty(2**60, dtype=torch.uint8)


def cuda_error():
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nGPU 0 has a total capacity of ...")


def python_error():
    raise MemoryError


@pytest.mark.parametrize("allocate", [real_cpu_error, cuda_error, python_error])
@pytest.mark.parametrize("where", ["finetune_lab.tuning.session.build", "step"])
def test_memory_that_runs_out_is_explained_and_nothing_is_lost(settings, tmp_path, monkeypatch, allocate, where):
    update = Trainer.update

    def at_the_third_step(self, rate):
        if self.step == 2:
            allocate()
        update(self, rate)

    with monkeypatch.context() as patch:
        if where == "step":
            patch.setattr(Trainer, "update", at_the_third_step)
        else:
            patch.setattr(where, lambda *_: allocate())
        text = fails(OutOfMemoryError, LoRA(r=2), out=tmp_path / "run", **settings | {"save_steps": 1})
    assert text.startswith("The memory is too small for this tune: ")
    assert "enforce fail" not in text
    assert "batch_size" in text
    run = load_run(tmp_path / "run")
    assert run.status == "broken off"
    assert run.summary["reason"].startswith("OutOfMemoryError: The memory is too small")
    if where == "step":
        assert len(run.losses) == 2
        assert tune(resume=tmp_path / "run").status == "finished"


def test_memory_that_runs_out_while_loading_is_not_the_models_fault(settings, tmp_path, monkeypatch):
    monkeypatch.setattr("finetune_lab.models.AutoModelForCausalLM.from_pretrained", lambda *_, **__: real_cpu_error())
    fails(OutOfMemoryError, LoRA(r=2), out=tmp_path / "run", **settings)


def test_another_error_of_torch_is_not_called_memory(settings, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(Trainer, "update", fail)
    with pytest.raises(RuntimeError, match="mat1"):
        tune(LoRA(r=2), out=tmp_path / "run", **settings)
