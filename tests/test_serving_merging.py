"""Merged models: exact in float32, rounded in 4 and 8 bits and said so, whole or not there, loaded by transformers."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from bitsandbytes.nn import Linear4bit
from safetensors.torch import load_file, save_file
from tiny import hashes, one_line
from transformers import AutoModelForCausalLM, AutoTokenizer

from finetune_lab import storing
from finetune_lab.config import QLoRA
from finetune_lab.device import detect_device
from finetune_lab.errors import LabError
from finetune_lab.models import find_base
from finetune_lab.serving.frozen import load_frozen
from finetune_lab.serving.loaded_base import WEIGHTS
from finetune_lab.serving.merging import merge
from finetune_lab.serving.subject import subject_of
from finetune_lab.tables import as_html

pytest_plugins = ["tiny_base", "tiny_tuned"]
# (W + s B A) x against W x + s B (A x): the same numbers in float32, added in another order. A product over k inputs
# rounds by about sqrt(k) units in the last place (6e-8), 1e-6 here, which some ten layers pass on and can add to.
TOLERANCE = 1e-4
IDS = torch.arange(40, 64).view(2, 12)


@torch.no_grad()
def logits(model):
    return model(input_ids=IDS).logits


@pytest.mark.parametrize("name", ["billing", "returns"])
def test_merged_equals_unmerged_in_float32_and_loads_in_plain_transformers(runs, loaded, tmp_path, name):
    merged = merge(subject_of(runs[name]), 16, tmp_path / "merged", runs[name].config)
    (drift,) = merged.drift
    assert drift.largest_logit_difference <= TOLERANCE
    assert drift.same_choice == 1
    assert drift.kl < 1e-8
    assert abs(drift.unmerged.eval_loss - drift.merged.eval_loss) < 1e-5
    assert (drift.changed_answers, len(drift.merged.answers)) == (0, 2)
    assert merged.caution == ""
    plain = AutoModelForCausalLM.from_pretrained(merged.folder, dtype=torch.float32)
    loaded.attach(name, runs[name].artifact)
    with loaded.using(name) as model:
        assert (logits(plain) - logits(model)).abs().max() <= TOLERANCE
    assert AutoTokenizer.from_pretrained(merged.folder)("parcel")["input_ids"]
    assert merged.size == sum(file.stat().st_size for file in merged.folder.iterdir())
    record = json.loads((merged.folder / "merge.json").read_text())
    assert record["drift"] == merged.rows()
    assert record["base_sha256"]
    assert as_html(merged.rows()) in merged._repr_html_()
    assert "merged into 16 bits" in repr(merged)


@pytest.mark.parametrize(("name", "bits"), [("billing", 4), ("billing", 8), ("four", 4), ("eight", 8), ("four", 16)])
def test_a_merge_that_rounds_says_so_and_by_how_much(runs, tmp_path, name, bits, recwarn):
    merged = merge(subject_of(runs[name]), bits, tmp_path / "merged", runs[name].config)
    assert merged.caution.startswith("Caution: ")
    assert merged.caution in repr(merged)
    assert "\n" not in merged.caution
    tuned_at = {"billing": 16, "four": 4, "eight": 8}[name]
    assert [drift.what for drift in merged.drift] == [
        *([f"beside {tuned_at} bits, as tuned"] if tuned_at != bits else []), f"beside {bits} bits"
    ]  # fmt: skip
    assert 1e-4 < merged.drift[0].largest_logit_difference < 1
    assert 0 < merged.drift[0].kl < 0.1
    plain = AutoModelForCausalLM.from_pretrained(merged.folder)
    assert (merged.float_first is None) == (bits == 16)
    assert len(merged.rows()) == len(merged.drift) + (bits != 16)
    assert getattr(plain.config, "quantization_config", None) is not None or bits == 16
    assert torch.isfinite(logits(plain)).all()
    assert [str(warning.message) for warning in recwarn if "Merge lora" in str(warning.message)] == []


def test_small_updates_vanish_in_a_quantized_base_but_not_in_the_other_order(runs, tmp_path):
    """An update far below a step of NF4's grid: merged into the grid it is gone, W + dW keeps its mean."""
    folder = tmp_path / "small"
    shutil.copytree(runs["billing"].artifact, folder)
    tensors = load_file(folder / WEIGHTS)
    save_file({name: value * (0.1 if "lora_B" in name else 1) for name, value in tensors.items()}, folder / WEIGHTS)
    subject = replace(subject_of(runs["billing"]), artifact=folder)
    merged = merge(subject, 4, tmp_path / "merged", runs["billing"].config)
    base = load_frozen(subject.source, detect_device(), QLoRA())
    found = load_frozen(find_base(str(merged.folder)), detect_device(), None)
    moved = total = 0
    for name, layer in base.named_modules():
        if isinstance(layer, Linear4bit):
            one, other = (model.get_submodule(name).weight for model in (base, found))
            moved += (one.data != other.data).sum().item()  # two weights a byte
            total += one.numel()
    assert total > 10_000
    assert moved / total < 0.02
    assert f"{merged.float_first.merged.eval_loss:.3f}" in merged.caution


def test_a_merge_that_fails_leaves_nothing(runs, tmp_path, monkeypatch):
    from finetune_lab.serving import merging

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(merging, "write_record", full)
    with pytest.raises(LabError, match="disk is full") as caught:
        merge(subject_of(runs["billing"]), 16, tmp_path / "merged", runs["billing"].config)
    one_line(caught.value)
    assert "--resume" not in str(caught.value)
    assert [item.name for item in tmp_path.iterdir() if not item.name.endswith(".lock")] == []


def test_a_merge_never_overwrites_and_knows_its_widths(runs, tmp_path):
    shutil.copytree(runs["billing"].artifact, tmp_path / "taken")
    before = hashes(tmp_path)
    for bits, out in ((16, "taken"), (3, "new"), ("4", "new"), (True, "new")):
        with pytest.raises(LabError) as caught:
            merge(subject_of(runs["billing"]), bits, tmp_path / out, runs["billing"].config)
        one_line(caught.value)
    with pytest.raises(LabError, match="no adapter_model"):
        merge(subject_of(runs["full"]), 16, tmp_path / "new", runs["full"].config)
    with storing.locked(tmp_path / ".busy.lock", 1), pytest.raises(LabError, match="Another process is writing"):
        merge(subject_of(runs["billing"]), 16, tmp_path / "busy", runs["billing"].config)
    assert {name: value for name, value in hashes(tmp_path).items() if not name.endswith(".lock")} == before
