"""One base in memory, adapters beside it: switching is exact, leaks nothing, and survives what goes wrong."""

import gc
import shutil

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tiny import one_line
from tiny_tuned import strengthen
from torch import nn

from finetune_lab.config import QLoRA
from finetune_lab.memory.storages import storage_bytes, storage_key
from finetune_lab.models import find_base, load_tokenizer
from finetune_lab.serving.faults import ServingError
from finetune_lab.serving.fingerprint import base_sha256, base_tensors
from finetune_lab.serving.loaded_base import WEIGHTS
from finetune_lab.serving.slots import free_slot
from finetune_lab.tuning.evaluation import generate

pytest_plugins = ["tiny_base", "tiny_tuned"]
IDS = torch.arange(40, 64).view(2, 12)
WIDTHS = [None, QLoRA(bits=4), QLoRA(bits=4, bnb_4bit_use_double_quant=True), QLoRA(bits=8)]
every_width = pytest.mark.parametrize("loaded", WIDTHS, indirect=True, ids=["16", "4", "4-double", "8"])


@torch.no_grad()
def logits(model, ids=IDS):
    return model(input_ids=ids).logits


def attach(loaded, runs, *names):
    for name in names:
        loaded.attach(name, runs[name].artifact)


def tensors_alive():
    """Storages of all tensors that Python knows of: how many, and their bytes."""
    gc.collect()
    found = [item for item in gc.get_objects() if isinstance(item, torch.Tensor) and not item.is_meta]
    return len({storage_key(tensor) for tensor in found}), storage_bytes(found)


@every_width
def test_each_adapter_changes_the_logits_and_the_base_alone_does_not(loaded, runs):
    base, whole = logits(loaded.model), base_sha256(loaded.model)
    attach(loaded, runs, "billing", "returns")
    assert loaded.loaded == ("billing", "returns")
    assert torch.equal(logits(loaded.model), base)
    with loaded.using("billing") as model:
        billing = logits(model)
        with loaded.using("returns"):
            returns = logits(model)
            with loaded.using(None):
                assert torch.equal(logits(model), base)
            assert torch.equal(logits(model), returns)
        assert loaded.active == "billing"
        assert torch.equal(logits(model), billing)
    assert torch.equal(logits(loaded.model), base)
    assert len({tuple(found.flatten()[:50].tolist()) for found in (base, billing, returns)}) == 3
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())
    loaded.detach("billing")
    loaded.detach("returns")
    assert not hasattr(loaded.model, "peft_config")
    assert torch.equal(logits(loaded.model), base)
    assert base_sha256(loaded.model) == whole


def test_the_former_adapter_counts_again_after_an_error(loaded, runs):
    attach(loaded, runs, "billing", "returns")
    with loaded.using("billing") as model:
        before = logits(model)
        with pytest.raises(KeyboardInterrupt), loaded.using("returns"):
            raise KeyboardInterrupt
        with pytest.raises(KeyboardInterrupt), loaded.each_its_own(["returns", None]):
            raise KeyboardInterrupt
        assert torch.equal(logits(model), before)


@pytest.mark.parametrize("loaded", WIDTHS[:2], indirect=True, ids=["16", "4"])
def test_b_of_zero_gives_the_logits_of_the_base_exactly(loaded, tmp_path):
    base = logits(loaded.model)
    adapted = get_peft_model(loaded.model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    adapted.save_pretrained(str(tmp_path / "zero"))
    loaded.model = adapted.unload()
    loaded.attach("zero", tmp_path / "zero")
    with loaded.using("zero") as model:
        assert torch.equal(logits(model), base)


@pytest.mark.parametrize("loaded", WIDTHS[:2], indirect=True, ids=["16", "4"])
def test_a_batch_with_an_adapter_a_row_gives_the_very_tokens_of_one_by_one(loaded, runs, base):
    attach(loaded, runs, "billing", "returns", "four")
    strengthen(loaded.model)
    tokenizer = load_tokenizer(find_base(str(base)))
    prompts = [f"Message: number {n} {'please ' * (n % 3)}\nRecord: " for n in range(8)]
    names = ["billing", None, "returns", "four", "four", "billing", None, "returns"]
    alone = []
    for prompt, name in zip(prompts, names, strict=True):
        with loaded.using(name) as model:
            alone += generate(model, tokenizer, [prompt], 12)
    order = sorted(range(8), key=lambda number: len(prompts[number]))
    with loaded.each_its_own([names[n] for n in order]) as model:
        mixed = generate(model, tokenizer, [prompts[n] for n in order], 12)
    assert [mixed[order.index(n)] for n in range(8)] == alone
    assert len(set(alone)) >= 5


def none_more(now, before):
    """Neither more tensors nor more bytes; fewer where something of an earlier test was collected meanwhile."""
    return now[0] <= before[0] and now[1] <= before[1]


@pytest.mark.parametrize("loaded", WIDTHS[:2], indirect=True, ids=["16", "4"])
def test_a_hundred_switches_leak_nothing(loaded, runs):
    attach(loaded, runs, "billing", "returns")

    def switch(times):
        for number in range(times):
            with loaded.using(("billing", "returns", None)[number % 3]) as model:
                logits(model)
            if number % 5 == 0:
                with loaded.each_its_own(["billing", None]) as model:
                    logits(model)

    switch(3)
    before = tensors_alive()
    hooks = sum(len(module._forward_pre_hooks) for module in loaded.model.modules())
    switch(100)
    assert none_more(tensors_alive(), before)
    assert sum(len(module._forward_pre_hooks) for module in loaded.model.modules()) == hooks == 0
    for _ in range(10):
        loaded.detach("billing")
        attach(loaded, runs, "billing")
    assert none_more(tensors_alive(), before)


def test_adapters_share_the_storages_of_one_base(loaded, runs):
    base = {storage_key(tensor): tensor.untyped_storage().nbytes() for _, tensor in base_tensors(loaded.model)}
    attach(loaded, runs, "billing", "returns", "four")
    held = [*loaded.model.parameters(), *loaded.model.buffers()]
    adapters = [parameter for name, parameter in loaded.model.named_parameters() if ".lora_" in name]
    assert {storage_key(tensor) for _, tensor in base_tensors(loaded.model)} == set(base)
    assert storage_bytes(held) == sum(base.values()) + storage_bytes(adapters)
    assert storage_bytes(adapters) < sum(base.values()) / 10


@pytest.mark.parametrize("others", [[], ["returns"]])
def test_an_interrupt_while_loading_leaves_all_as_it_was(loaded, runs, others, monkeypatch):
    base = logits(loaded.model)
    attach(loaded, runs, *others)

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("peft.peft_model.load_peft_weights", interrupted)  # the adapter's layers are there by then
        with pytest.raises(KeyboardInterrupt):
            attach(loaded, runs, "billing")
    assert loaded.loaded == tuple(others)
    assert torch.equal(logits(loaded.model), base)
    assert any("lora_" in name for name, _ in loaded.model.named_parameters()) == bool(others)
    attach(loaded, runs, "billing")
    with loaded.using("billing") as model:
        assert not torch.equal(logits(model), base)


@pytest.mark.parametrize("broken", ["gone", "cut", "pickle", "keys", "config"])
def test_an_adapter_that_can_not_be_loaded_leaves_all_as_it_was(loaded, runs, tmp_path, broken):
    from safetensors.torch import load_file, save_file

    base = logits(loaded.model)
    folder = tmp_path / "bad"
    shutil.copytree(runs["billing"].artifact, folder)
    weights = folder / WEIGHTS
    if broken in ("gone", "pickle"):
        weights.rename(folder / "adapter_model.bin") if broken == "pickle" else weights.unlink()
    elif broken == "cut":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif broken == "config":
        (folder / "adapter_config.json").write_text("{")
    else:
        tensors = load_file(weights)
        tensors.pop(next(iter(tensors)))
        save_file(tensors, weights)
    for others in ([], ["returns"]):
        attach(loaded, runs, *others)
        with pytest.raises(ServingError) as caught:
            loaded.attach("bad", folder)
        one_line(caught.value)
        assert loaded.loaded == tuple(others)
        assert torch.equal(logits(loaded.model), base)
    attach(loaded, runs, "billing")
    assert loaded.loaded == ("returns", "billing")


def test_an_adapter_in_use_is_not_unloaded_and_a_rename_reaches_memory(loaded, runs):
    attach(loaded, runs, "billing", "returns")
    with loaded.using("billing") as model:
        before = logits(model)
        with loaded.using("returns"), pytest.raises(ServingError, match="in use") as caught:
            loaded.detach("billing")
        one_line(caught.value)
        loaded.rename("billing", "invoices", runs["billing"].artifact)
        assert (loaded.active, loaded.loaded) == ("invoices", ("returns", "invoices"))
        assert torch.equal(logits(model), before)
    with loaded.using("invoices") as model:
        assert torch.equal(logits(model), before)


def test_one_tuned_anew_is_loaded_anew_and_one_deleted_still_answers(loaded, runs, tmp_path):
    folder = tmp_path / "billing"
    shutil.copytree(runs["billing"].artifact, folder)
    loaded.attach("billing", folder)
    with loaded.using("billing") as model:
        before = logits(model)
    shutil.rmtree(folder)
    loaded.attach("billing", folder)
    with loaded.using("billing") as model:
        assert torch.equal(logits(model), before)
    shutil.copytree(runs["four"].artifact, folder)
    loaded.attach("billing", folder)
    with loaded.using("billing") as model:
        assert not torch.equal(logits(model), before)


@pytest.mark.parametrize("name", ["a.b", "a", "to", "model", "weight", "lora_A", "__base__", "billing-2", "adapter"])
def test_a_name_that_peft_would_stumble_over_is_served_all_the_same(loaded, runs, name):
    base = logits(loaded.model)
    loaded.attach(name, runs["billing"].artifact)
    loaded.attach("b", runs["returns"].artifact)
    with loaded.using(name) as model:
        seen = logits(model)
        assert not torch.equal(seen, base)
    loaded.detach("b")
    with loaded.using(name) as model:
        assert torch.equal(logits(model), seen)


def test_slots_are_keys_that_a_module_dict_can_have():
    taken = []
    for name in ("billing", "to", "type", "a.b", "a-b", "a_b"):
        taken.append(free_slot(name, taken))
    assert taken == [f"adapter_{end}" for end in ("billing", "to", "type", "a_b", "a_b_2", "a_b_3")]
    assert len(nn.ModuleDict({slot: nn.Identity() for slot in taken})) == len(taken)
