"""Whether an adapter fits a base: from headers alone, all mismatches at once, nothing loaded, no pickle opened."""

import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from safetensors.numpy import load_file, save_file
from spoiling import WEIGHTS, change_json, change_tensors
from tiny import one_line, save_model, tiny_llama

from finetune_lab.adapters import headers
from finetune_lab.adapters.compatibility import mismatches, require_compatible
from finetune_lab.adapters.faults import AdapterError
from finetune_lab.models import Source, find_base

pytest_plugins = ("tiny_base", "tiny_adapters")
Q = "base_model.model.model.layers.0.self_attn.q_proj.lora_"


def test_a_tuned_adapter_fits_its_own_base(run, source):
    assert mismatches(run.artifact, source) == []
    require_compatible(run.artifact, source)


def test_an_adapter_for_another_base_is_told_with_all_that_does_not_fit(adapter, other_source):
    change_json(adapter / "adapter_config.json", r=4)
    change_tensors(adapter, lambda tensors: tensors.pop(Q + "B.weight"))
    found = mismatches(adapter, other_source)
    assert len(found) == 4
    for part in ("tuned from", "no whole pair", "do not fit the base's shapes", "another rank"):
        assert sum(part in fault for fault in found) == 1, part
    with pytest.raises(AdapterError) as caught:
        require_compatible(adapter, other_source)
    text = one_line(caught.value)
    assert all(fault in text for fault in found)
    assert text.count("SHA-256") == 2


def rename(tensors, old, new):
    for name in [name for name in tensors if old in name]:
        tensors[name.replace(old, new)] = tensors.pop(name)


TENSORS = {
    "of its modules are not in the base": lambda tensors: rename(tensors, "layers.1", "layers.7"),
    "no whole pair": lambda tensors: tensors.pop(Q + "A.weight"),
    "do not fit": lambda tensors: tensors.update({Q + "A.weight": np.zeros((2, 65), np.float32)}),
    "q_proj.lora_B.weight with 3": lambda tensors: tensors.update({Q + "B.weight": np.zeros((64, 3), np.float32)}),
    "are no LoRA matrices": lambda tensors: tensors.update({"base_model.model.lm_head.weight": np.zeros((4096, 64))}),
    "it holds no LoRA matrix": lambda tensors: tensors.clear(),
    "q_proj.lora_A.weight [2] beside": lambda tensors: tensors.update({Q + "A.weight": np.zeros(2, np.float32)}),
}


@pytest.mark.parametrize("expected", TENSORS)
def test_tensors_that_do_not_fit(adapter, source, expected):
    change_tensors(adapter, TENSORS[expected])
    found = mismatches(adapter, source)
    assert len(found) == 1
    assert expected in found[0]


CONFIGS = [
    {"peft_type": "IA3"}, {"peft_type": None}, {"peft_type": ["LORA"]}, {"task_type": "SEQ_CLS"}, {"lora_alpha": "16"},
    {"lora_alpha": float("1e400")}, {"r": "2"}, {"r": True}, {"r": 0},
    {"rank_pattern": [1]}, {"rank_pattern": {"q": "x"}},
    {"modules_to_save": ["lm_head"]}, {"bias": "all"}, {"init_lora_weights": "pissa"}, {"init_lora_weights": "loftq"},
    {"init_lora_weights": ["x"]}, {"layer_replication": [[0, 2]]},
    {"target_modules": "(.*)*x"}, {"exclude_modules": "(a+)+$"}, {"rank_pattern": {".*.*.*.*.*.*.*x": 2}},
    {"alpha_pattern": {"(a|a)*b": 2}}, {"layers_pattern": ["(x+){9}"]},
]  # fmt: skip


@pytest.mark.parametrize("changes", CONFIGS, ids=str)
def test_a_configuration_that_can_not_be_used(adapter, source, changes):
    change_json(adapter / "adapter_config.json", **changes)
    found = mismatches(adapter, source)
    assert found
    assert next(iter(changes)) in " ".join(found) or "Infinity" in found[0]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"null"])
def test_a_broken_configuration_is_told_beside_other_faults(adapter, other_source, content):
    (adapter / "adapter_config.json").write_bytes(content)
    found = mismatches(adapter, other_source)
    assert len(found) == 2
    assert "adapter_config.json" in found[1]


def test_weights_cut_short_at_any_place(adapter, source):
    whole = (adapter / WEIGHTS).read_bytes()
    for size in {0, 4, 8, 9, 100, len(whole) // 2, len(whole) - 1}:
        (adapter / WEIGHTS).write_bytes(whole[:size])
        (found,) = mismatches(adapter, source)
        assert "cut short" in found
    (adapter / WEIGHTS).write_bytes(whole + b"x")
    assert mismatches(adapter, source)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_byte_that_is_changed_breaks_the_check(run, source, tmp_path_factory, data):
    folder = shutil.copytree(run.artifact, tmp_path_factory.mktemp("fuzz") / "a")
    file = folder / data.draw(st.sampled_from([WEIGHTS, "adapter_config.json", "card.json"]))
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, min(len(content), 6000) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content)
    assert all("\n" not in fault and len(fault) < 600 for fault in mismatches(folder, source))


def test_a_pickle_is_refused_and_never_opened(adapter, source, monkeypatch):
    (adapter / WEIGHTS).unlink()
    (adapter / "adapter_model.bin").write_bytes(b"cos\nsystem\n(S'echo owned'\ntR.")
    opened = []
    for module, name in ((io, "open"), (os, "open"), (headers, "safe_open")):
        real = getattr(module, name)

        def noted(path, *rest, real=real, **more):
            opened.append(str(path))
            return real(path, *rest, **more)

        monkeypatch.setattr(module, name, noted)
    (found,) = mismatches(adapter, source)
    assert "only the pickle adapter_model.bin" in found
    assert len(opened) >= 2  # the card and the configuration
    assert not [path for path in opened if path.endswith(".bin")]


TARGETS = [
    "all-linear", ["q_proj", "layers.0.x"], r".*\.layers\.\d+\.(self_attn|mlp)\..*_proj",
    r"(?:.*?(?:language|text).*?(?:self_attn|mlp).*?(?:q_proj|k_proj).*?)|(?:\bmodel\.layers\.[\d]{1,}\.(?:mlp)\.x)",
]  # fmt: skip


@pytest.mark.parametrize("targets", TARGETS)
def test_patterns_that_people_use_are_no_fault(adapter, source, targets):
    change_json(adapter / "adapter_config.json", target_modules=targets)
    assert mismatches(adapter, source) == []


def test_an_adapter_that_one_may_not_read_is_told(adapter, source, monkeypatch):
    def forbidden(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", forbidden)
    assert mismatches(adapter, source) == ["it can't be read: Permission denied."]


def test_nothing_is_there(tmp_path, source):
    assert "no folder" in mismatches(tmp_path / "no\nwhere", source)[0]
    assert len(mismatches(tmp_path, source)) == 2


def test_a_pattern_of_ranks_is_heeded(source, tmp_path):
    config = LoraConfig(r=2, rank_pattern={"q_proj": 5}, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    get_peft_model(tiny_llama(), config).save_pretrained(tmp_path / "a")
    assert mismatches(tmp_path / "a", source) == []
    change_json(tmp_path / "a" / "adapter_config.json", rank_pattern={})
    assert "2 of its" not in mismatches(tmp_path / "a", source)[0]
    assert "4 of its matrices have another rank" in mismatches(tmp_path / "a", source)[0]


@pytest.mark.parametrize(
    "more", [{"use_dora": True}, {"target_modules": ["embed_tokens", "q_proj"]}, {"use_rslora": True}]
)
def test_other_kinds_of_lora_fit(source, tmp_path, more):
    config = LoraConfig(**{"r": 2, "target_modules": ["q_proj", "down_proj"], "task_type": "CAUSAL_LM"} | more)
    get_peft_model(tiny_llama(), config).save_pretrained(tmp_path / "a", save_embedding_layers=False)
    assert mismatches(tmp_path / "a", source) == []


def test_a_base_in_several_files_a_tied_head_and_a_gpt2(tmp_path, source):
    from transformers import GPT2Config, GPT2LMHeadModel

    tiny_llama().save_pretrained(tmp_path / "sharded", max_shard_size="300KB")
    assert len(list((tmp_path / "sharded").glob("*.safetensors"))) > 2
    sharded = Source("sharded", str(tmp_path / "sharded"), "")
    config = LoraConfig(r=2, target_modules=["lm_head", "q_proj"], task_type="CAUSAL_LM")
    get_peft_model(tiny_llama(), config).save_pretrained(tmp_path / "a", save_embedding_layers=False)
    assert mismatches(tmp_path / "a", sharded) == mismatches(tmp_path / "a", source) == []
    gpt2 = GPT2LMHeadModel(GPT2Config(n_layer=1, n_embd=32, n_head=2, vocab_size=4096, n_positions=64))
    base = find_base(str(save_model(tmp_path / "gpt2", gpt2)))
    get_peft_model(gpt2, LoraConfig(r=2, fan_in_fan_out=True, target_modules=["c_attn", "c_fc"])).save_pretrained(
        tmp_path / "g"
    )
    assert mismatches(tmp_path / "g", base) == []
    bare = {
        name.removeprefix("transformer."): value
        for name, value in load_file(tmp_path / "gpt2" / "model.safetensors").items()
    }
    save_file(bare, tmp_path / "gpt2" / "model.safetensors")  # as the model's own authors published it
    assert mismatches(tmp_path / "g", base) == []
    change_json(tmp_path / "g" / "adapter_config.json", fan_in_fan_out=False)
    assert "do not fit" in mismatches(tmp_path / "g", base)[0]


def test_shapes_are_read_again_when_a_base_changes_and_not_otherwise(tmp_path, run, base, source, monkeypatch):
    own = Source("own", str(shutil.copytree(base, tmp_path / "own")), source.sha256)
    assert mismatches(run.artifact, own) == []
    read, opened = headers._tensors, []
    monkeypatch.setattr(headers, "_tensors", lambda file: opened.append(file.name) or read(file))
    assert mismatches(run.artifact, own) == []
    assert opened == [WEIGHTS]
    save_file({"x.weight": np.zeros((2, 2), np.float32)}, tmp_path / "own" / "model.safetensors")
    assert "14 of its modules are not in the base" in mismatches(run.artifact, own)[0]
    (tmp_path / "own" / "model.safetensors").write_bytes(b"cut")
    assert "model.safetensors is cut short" in mismatches(run.artifact, own)[0]


def test_a_base_packed_in_four_bits_tells_names_only(tmp_path, run, base, source):
    packed = Source("packed", str(shutil.copytree(base, tmp_path / "packed")), source.sha256)
    tensors = load_file(base / "model.safetensors")
    halved = {
        name: np.zeros((value.size // 2, 1), np.uint8) if "proj" in name else value for name, value in tensors.items()
    }
    save_file(halved, tmp_path / "packed" / "model.safetensors")
    assert mismatches(run.artifact, packed) == []
    assert json.loads((base / "config.json").read_text())["model_type"] == "llama"
