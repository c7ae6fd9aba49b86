"""Full, LoRA and QLoRA: what moves, what does not, how many numbers, and that the arithmetic is the papers'."""

import copy

import pytest
import torch
from peft import PeftModel
from tiny import losses, one_line, save_model, session_of, tiny_llama

from finetune_lab.config import Full, LoRA, QLoRA
from finetune_lab.device import detect_device
from finetune_lab.errors import ConfigError
from finetune_lab.lora_update import fused_updates
from finetune_lab.memory.storages import quantization_tensors
from finetune_lab.methods import build, count_parameters, trainable_parameters
from finetune_lab.models import find_base

pytest_plugins = "tiny_base"
IDS = torch.arange(5, 45).view(2, 20)
LINEAR = {"q_proj": (64, 64), "k_proj": (64, 64), "v_proj": (64, 64), "o_proj": (64, 64),
          "gate_proj": (64, 128), "up_proj": (64, 128), "down_proj": (128, 64)}  # fmt: skip
QUANTIZED = [
    QLoRA(r=4),
    QLoRA(r=4, bnb_4bit_quant_type="fp4"),
    QLoRA(r=4, bnb_4bit_use_double_quant=True),
    QLoRA(r=4, bits=8),
]
ALL = [Full(), LoRA(r=4), LoRA(r=4, lora_dropout=0.3, use_rslora=True), *QUANTIZED]


def named(method):
    extra = "-".join(str(value) for value in vars(method).values())
    return f"{method.name}-{extra}"


def made(base, method, seed=0):
    return build(find_base(str(base)), method, detect_device(), seed)


def logits(model):
    model.eval()
    with torch.no_grad():
        return model(input_ids=IDS).logits


def storage(model):
    """Every tensor of the base, quantized storage and its constants included, as it lies in memory."""
    found = {}
    for name, parameter in model.named_parameters():
        if "lora_" not in name:
            found[name] = parameter.detach().clone()
    for name, layer in model.named_modules():
        found |= {f"{name}.{number}": tensor.clone() for number, tensor in enumerate(quantization_tensors(layer))}
    return found


def test_lora_starts_as_the_base_exactly(base):
    method = LoRA(r=4, lora_alpha=32)
    plain = made(base, Full())
    adapted = made(base, method)
    assert all((p == 0).all() for name, p in adapted.named_parameters() if "lora_B" in name)
    assert all((p != 0).any() for name, p in adapted.named_parameters() if "lora_A" in name)
    assert torch.equal(logits(adapted), logits(plain))


@pytest.mark.parametrize("method", QUANTIZED, ids=named)
def test_qlora_starts_as_its_own_quantized_base_exactly(base, method):
    adapted = made(base, method)
    with_adapter = logits(adapted)
    with adapted.disable_adapter():
        assert torch.equal(logits(adapted), with_adapter)


@pytest.mark.parametrize("method", ALL, ids=named)
def test_what_moves_is_what_the_method_says(base, settings, tmp_path, method):
    untouched = made(base, method)
    before = {name: p.detach().clone() for name, p in untouched.named_parameters()}
    frozen = storage(untouched)
    settings |= {"score_examples": 1}  # generating comes before the steps: it must not change a frozen weight either
    session, events = session_of(method, settings, tmp_path / "run")
    model = session.trainer.model
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    if isinstance(method, Full):
        assert moved == set(before)
    else:
        assert moved == {name for name in before if "lora_" in name} == set(trainable_parameters(model))
        after = storage(model)
        assert len(after) == len(frozen) > 10
        assert [name for name in frozen if not torch.equal(frozen[name], after[name])] == []
    values = list(losses(events).values())
    assert values[-1] < values[0]
    assert all(p.dtype == torch.float32 for p in trainable_parameters(model).values())


@pytest.mark.parametrize("method", [LoRA(r=3), QLoRA(r=3), QLoRA(r=3, bits=8)], ids=named)
def test_the_count_is_the_sum_of_ranks_times_widths(base, method):
    model = made(base, method)
    counted = count_parameters(model)
    assert counted.trainable == 2 * sum(3 * (rows + columns) for rows, columns in LINEAR.values())
    whole = count_parameters(made(base, Full()))
    assert whole.trainable == whole.total == sum(p.numel() for p in tiny_llama().parameters())
    assert counted.total == whole.total + counted.trainable  # a weight of 4 bits is one weight
    assert counted.share == counted.trainable / counted.total


def test_named_targets_are_the_only_ones(base):
    model = made(base, LoRA(r=2, target_modules="q_proj, v_proj"))
    assert {name.split(".")[-4] for name in trainable_parameters(model)} == {"q_proj", "v_proj"}
    assert count_parameters(model).trainable == 2 * 2 * 2 * (64 + 64)


def test_targets_that_are_not_there_are_told_with_those_that_are(base):
    with pytest.raises(ConfigError) as caught:
        made(base, LoRA(target_modules="query,value"))
    assert "down_proj, gate_proj" in one_line(caught.value)


@pytest.mark.parametrize("method", [LoRA(r=4), QLoRA(r=4)], ids=named)
def test_the_seed_decides_the_start(base, method):
    def start(seed):
        torch.rand(seed + 3)  # whatever was drawn before
        return {name: p.detach() for name, p in trainable_parameters(made(base, method, seed)).items()}

    first, again, other = start(0), start(0), start(1)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def randomized(model):
    """Adapters as after a tune: B no longer zero."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model


def test_merged_gives_what_unmerged_gave(base):
    model = randomized(made(base, LoRA(r=4)))
    unmerged = logits(model)
    merged = model.merge_and_unload()
    assert not [name for name, _ in merged.named_parameters() if "lora_" in name]
    torch.testing.assert_close(logits(merged), unmerged, atol=1e-4, rtol=1e-4)  # float32: W + s BA is rounded once more
    assert (unmerged - logits(made(base, Full()))).abs().max() > 0.01


def test_the_scale_is_alpha_over_r(base):
    model = randomized(made(base, LoRA(r=4, lora_alpha=8)))
    layer = model.get_submodule("base_model.model.model.layers.0.self_attn.q_proj")
    x = torch.randn(3, 64)
    a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    by_hand = x @ layer.get_base_layer().weight.t() + (8 / 4) * x @ a.t() @ b.t()
    torch.testing.assert_close(layer(x), by_hand, atol=1e-5, rtol=1e-5)


def gradients(model):
    model.train()
    model.zero_grad(set_to_none=True)
    out = model(input_ids=IDS).logits
    out.square().mean().backward()
    return out.detach(), {name: p.grad.clone() for name, p in trainable_parameters(model).items()}


@pytest.mark.parametrize("method", [LoRA(r=4), LoRA(r=4, use_rslora=True), QLoRA(r=4), QLoRA(r=4, bits=8)], ids=named)
def test_the_fused_update_is_the_one_of_peft_and_leaves_no_trace(base, method):
    model = randomized(made(base, method))
    shape = copy.deepcopy([(name, type(module)) for name, module in model.named_modules()])
    expected, expected_gradients = gradients(model)
    with fused_updates(model):
        out, found = gradients(model)
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-5)
    assert len(found) == 28
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected_gradients[name], atol=1e-6, rtol=1e-4)
    assert [(name, type(module)) for name, module in model.named_modules()] == shape
    again, again_gradients = gradients(model)
    assert torch.equal(again, expected)
    assert all(torch.equal(again_gradients[name], expected_gradients[name]) for name in found)


def test_the_fused_update_goes_also_when_a_step_fails(base):
    model = randomized(made(base, LoRA(r=4)))
    expected = logits(model)
    with pytest.raises(ZeroDivisionError), fused_updates(model):
        raise ZeroDivisionError
    assert torch.equal(logits(model), expected)


def architectures():
    from transformers import (
        GemmaConfig,
        GemmaForCausalLM,
        GPT2Config,
        GPT2LMHeadModel,
        GPTNeoXConfig,
        GPTNeoXForCausalLM,
        Qwen2Config,
        Qwen2ForCausalLM,
    )  # fmt: skip

    ends = {"vocab_size": 4096, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1}
    wide = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    few = {"num_key_value_heads": 1}
    return {
        "gpt2": lambda: GPT2LMHeadModel(GPT2Config(n_embd=64, n_layer=2, n_head=2, n_positions=128, **ends)),
        "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**wide, **few, **ends, tie_word_embeddings=True)),
        "gpt_neox": lambda: GPTNeoXForCausalLM(GPTNeoXConfig(**wide, **ends, max_position_embeddings=128)),
        "gemma": lambda: GemmaForCausalLM(GemmaConfig(**wide, **few, **ends, head_dim=32)),
    }


@pytest.fixture(scope="module", params=["gpt2", "qwen2", "gpt_neox", "gemma"])
def other_base(request, tmp_path_factory):
    torch.manual_seed(2)
    return save_model(tmp_path_factory.mktemp("other") / request.param, architectures()[request.param]())


@pytest.mark.parametrize("method", [Full(), LoRA(r=4), QLoRA(r=4)], ids=lambda method: method.name)
def test_other_architectures_train(other_base, settings, tmp_path, method):
    settings |= {"model": str(other_base), "max_steps": 3, "score_examples": 1}
    session, events = session_of(method, settings, tmp_path / "run")
    values = list(losses(events).values())
    assert len(values) == 3
    assert values[-1] < values[0] < 12
    assert events[-1].status == "finished"
    assert isinstance(session.trainer.model, PeftModel) != isinstance(method, Full)
