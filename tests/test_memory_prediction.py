"""Predicted memory equals measured memory, for small models of several families."""

from functools import cache
from typing import Any

import pytest
import torch
from memory_cases import FAMILIES, measured, small

from finetune_lab.config import Full, LoRA, QLoRA
from finetune_lab.device import detect_device
from finetune_lab.memory import prediction as predicting
from finetune_lab.memory.closed_form_activations import kept_for_backward
from finetune_lab.memory.meta_model import depth_of, depths_to_trace
from finetune_lab.memory.prediction import Prediction, predict_components
from finetune_lab.memory.tracing import Shape

EXACT = ("base_weights", "adapter_weights", "quantization_state", "gradients", "optimizer")
SHAPE = Shape(3, 32, 40)
CHECKPOINTED = Shape(3, 32, 40, checkpointing=True)
METHODS = [Full(), LoRA(r=4), QLoRA(r=4), QLoRA(r=4, bnb_4bit_use_double_quant=True)]


@cache
def predicted_for(family: str, method: Any) -> Prediction:
    """Of a step of SHAPE, for those that compare it with what is measured and with what is derived."""
    return predict_components(small(family), method, detect_device(), SHAPE)


def compare(config: Any, method: Any, shape: Shape, predicted: Prediction | None = None) -> None:
    predicted = predicted or predict_components(config, method, detect_device(), shape)
    found = measured(config, method, shape).components
    assert {name: predicted.components[name] for name in EXACT} == {name: found[name] for name in EXACT}
    assert predicted.peak == pytest.approx(found["peak"], rel=1e-4)
    assert predicted.components["activations"] == pytest.approx(found["activations"], rel=1e-3)
    assert predicted.closed_form == {name: found[name] for name in EXACT}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_step_holds_what_was_predicted(family, method):
    compare(small(family), method, SHAPE, predicted_for(family, method))


@pytest.mark.parametrize("family", ["llama", "gemma3_text", "gpt2"])
@pytest.mark.parametrize("method", [Full(), LoRA(r=4), QLoRA(r=4)], ids=lambda method: method.name)
def test_and_with_checkpointing(family, method):
    compare(small(family), method, CHECKPOINTED)


@pytest.mark.parametrize("shape", [SHAPE, CHECKPOINTED])
def test_and_with_eight_bits(shape):
    compare(small("llama"), QLoRA(r=4, bits=8), shape)


def test_and_with_accumulation_and_few_targets():
    compare(small("qwen3"), LoRA(r=16, target_modules="q_proj,v_proj"), Shape(2, 16, 20, accumulation=2))


def test_and_with_dropout():
    compare(small("llama"), LoRA(r=4, lora_dropout=0.1), SHAPE)


@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
@pytest.mark.parametrize("method", [Full(), LoRA(r=4)], ids=lambda method: method.name)
def test_two_depths_say_what_the_whole_model_says(family, method, monkeypatch):
    deeper: dict[str, Any] = {"num_hidden_layers": 11}
    if family == "gemma3_text":
        deeper["layer_types"] = ["sliding_attention", "sliding_attention", "full_attention"] * 3 + [
            "sliding_attention"
        ] * 2
    config = small(family, **deeper)
    assert len(depths_to_trace(config)) == 2
    short = predict_components(config, method, detect_device(), CHECKPOINTED)
    monkeypatch.setattr(predicting, "depths_to_trace", lambda config: (depth_of(config),))
    whole = predict_components(config, method, detect_device(), CHECKPOINTED)
    assert short == whole


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
@pytest.mark.parametrize("method", METHODS[:3], ids=lambda method: method.name)
def test_the_formula_for_activations_agrees_with_the_trace(family, method):
    config = small(family)
    formula = kept_for_backward(config, method, detect_device(), SHAPE)
    assert formula is not None
    traced = predicted_for(family, method).components["activations"]
    assert formula.bytes(SHAPE, depth_of(config)) == pytest.approx(traced, abs=16)


def test_memory_scales_as_it_should():
    """Activations are linear in tokens, the adapter in rank, and labelled tokens cost a vocabulary each."""
    config, device = small("llama"), detect_device()

    @cache
    def activations(rows: int, length: int, labelled: int) -> int:
        return predict_components(config, LoRA(r=4), device, Shape(rows, length, labelled)).components["activations"]

    assert activations(4, 64, 80) == pytest.approx(2 * activations(2, 64, 40), rel=0.01)
    assert activations(2, 128, 80) == pytest.approx(2 * activations(2, 64, 40), rel=0.01)
    assert activations(2, 64, 41) - activations(2, 64, 40) == 4 * config.vocab_size + 3 * 8
    ranks = [predict_components(config, LoRA(r=r), device, SHAPE).components["adapter_weights"] for r in (4, 8)]
    assert ranks[1] == 2 * ranks[0]


def test_on_a_gpu_weights_take_two_bytes_and_training_four():
    from finetune_lab.memory.targets import target

    config = small("llama")
    here, there = (predict_components(config, LoRA(r=4), place, SHAPE) for place in (detect_device(), target("T4")))
    assert there.components["base_weights"] < 0.51 * here.components["base_weights"]
    assert there.components["adapter_weights"] == here.components["adapter_weights"]
    assert not torch.is_autocast_enabled("cuda")


def test_a_run_is_planned_for_its_largest_batch():
    from memory_cases import batch_of

    from finetune_lab.config import TuneConfig
    from finetune_lab.memory.run_plan import plan_of_run

    config, asked = small("llama"), TuneConfig(gradient_accumulation_steps=2)
    batches = [batch_of(config, Shape(*size)) for size in ((2, 16, 8), (2, 32, 6), (2, 24, 40), (1, 8, 3))]
    made = plan_of_run(config, LoRA(r=2), detect_device(), asked, batches)
    assert (made.shape.length, made.shape.labelled) in ((32, 6), (24, 40))
    both = [predict_components(config, LoRA(r=2), detect_device(), Shape(2, *size, 2)) for size in ((32, 6), (24, 40))]
    assert made.peak == max(prediction.peak for prediction in both)
