"""Every setting has a type and a range, and all faults are told at once."""

import math
from dataclasses import fields

import pytest

from finetune_lab.config import (
    Full,
    LoRA,
    QLoRA,
    TuneConfig,
    method_from_dict,
    method_to_dict,
    settled,
)  # fmt: skip
from finetune_lab.errors import ConfigError

KINDS = (LoRA, QLoRA, TuneConfig)
NUMBERS = [(kind, item) for kind in KINDS for item in fields(kind) if item.type in (int, float, float | None)]


def faults_of(make, **settings):
    with pytest.raises(ConfigError) as caught:
        make(**settings)
    assert "\n" not in str(caught.value)
    return caught.value.what


def test_every_field_has_its_help():
    described = [item for kind in KINDS for item in fields(kind) if item.metadata.get("help")]
    assert len(described) == sum(len(fields(kind)) for kind in KINDS) == 36


@pytest.mark.parametrize(("kind", "item"), NUMBERS, ids=lambda value: getattr(value, "name", None))
def test_a_number_out_of_its_range_or_no_number_is_refused(kind, item):
    low, high = item.metadata["low"], item.metadata["high"]
    wrong = ["8", True, math.nan, math.inf, -math.inf, [1]] + ([None] if item.default is not None else [])
    wrong += [low - 1] if low is not None else []
    wrong += [high + 1] if high is not None else []
    assert len(wrong) >= 7
    for value in wrong:
        assert item.name in faults_of(kind, **{item.name: value}), value


@pytest.mark.parametrize("item", [item for item in fields(TuneConfig) if item.type in (str, str | None)])
def test_a_name_that_is_no_text_is_refused(item):
    for value in (5, True, "", ["tickets"]):
        settings = {"prompt_field": "a", "completion_field": "b"} | {item.name: value}
        assert item.name in faults_of(TuneConfig, **settings), value


@pytest.mark.parametrize("value", [1, 0, "yes", None])
def test_a_switch_takes_nothing_but_true_and_false(value):
    assert "gradient_checkpointing must be bool" in faults_of(TuneConfig, gradient_checkpointing=value)
    assert "use_rslora must be bool" in faults_of(LoRA, use_rslora=value)


def test_ends_of_ranges_are_allowed():
    assert LoRA(r=1, lora_alpha=1, lora_dropout=0).scaling == 1
    assert TuneConfig(warmup_ratio=1, learning_rate=0, seed=2**32 - 1, score_examples=0).warmup_ratio == 1


def test_all_faults_are_told_at_once():
    what = faults_of(
        QLoRA, bits=3, r=0, lora_alpha=-1, lora_dropout=2.0, bnb_4bit_quant_type="int4", target_modules=","
    )
    assert what.startswith("6 faults: (1) ")
    what = faults_of(
        TuneConfig, max_steps=0, batch_size=True, learning_rate=math.nan, lr_scheduler_type="no", prompt_field="p"
    )
    assert what.startswith("5 faults: (1) ")
    assert "prompt_field and completion_field go together" in what
    what = faults_of(lambda **s: settled(None, s), steps=5, lr=1e-3, max_steps=0)
    assert what.startswith("3 faults: (1) There is no setting steps. (2) There is no setting lr. (3) max_steps")


@pytest.mark.parametrize("bits", [0, 3, 5, 16, 32, 4.0, "4", True, None])
def test_bits_are_four_or_eight(bits):
    assert faults_of(QLoRA, bits=bits).startswith("bits must be ")


def test_double_quantization_is_of_four_bits():
    assert "4 bits only" in faults_of(QLoRA, bits=8, bnb_4bit_use_double_quant=True)
    assert QLoRA(bits=4, bnb_4bit_use_double_quant=True).bits == 4


def test_no_module_to_adapt_is_a_fault():
    for nothing in ("", ",", " , ", None, ["q_proj"]):
        assert faults_of(LoRA, target_modules=nothing).startswith("target_modules ")
    assert LoRA(target_modules=" q_proj, v_proj ,").targets == ["q_proj", "v_proj"]


def test_scaling_follows_the_papers():
    assert LoRA(r=16, lora_alpha=32).scaling == 2
    assert LoRA(r=16, lora_alpha=32, use_rslora=True).scaling == 8


@pytest.mark.parametrize(
    "method", [Full(), LoRA(r=3, use_rslora=True), QLoRA(bits=8), QLoRA(bnb_4bit_quant_type="fp4")]
)
def test_a_method_comes_back_from_its_record(method):
    assert method_from_dict(method_to_dict(method)) == method


@pytest.mark.parametrize("saved", [{}, {"method": "dora"}, {"method": ["lora"]}])
def test_a_record_of_no_method_is_refused(saved):
    assert faults_of(lambda: method_from_dict(saved))


def test_what_is_no_configuration_is_refused():
    assert "is no TuneConfig" in faults_of(lambda: settled("tickets", {}))


def test_settings_change_a_ready_configuration():
    assert settled(TuneConfig(max_steps=3, seed=7), {"max_steps": 5}) == TuneConfig(max_steps=5, seed=7)
    assert TuneConfig(seed=7).replace(seed=8).seed == 8
    assert "seed" in faults_of(TuneConfig().replace, seed=-1)
