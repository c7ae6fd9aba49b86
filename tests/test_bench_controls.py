"""The model behind the controls: built from config.py, consistent whatever is changed, and plain about what is off."""

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_lab.bench.controls import (
    ONE_RATE,
    PRESETS,
    control,
    controls,
    default_settings,
    rate_words,
    scale_words,
    settings_of,
    settings_to_job,
    why_disabled,
    with_change,
)
from finetune_lab.config import Full, LoRA, QLoRA, TuneConfig
from finetune_lab.errors import ConfigError


def changed(*changes):
    settings = default_settings()
    for name, value in changes:
        settings = with_change(settings, name, value)
    return settings


def test_every_field_of_the_configuration_is_a_control_with_its_own_help():
    of_config = {item.name: item for kind in (QLoRA, TuneConfig) for item in fields(kind) if item.name != "bits"}
    names = [item.name for item in controls()]
    assert len(names) == len(set(names))
    assert set(names) == {*of_config, "method", "bits", ONE_RATE}
    for name, item in of_config.items():
        assert control(name).help == item.metadata["help"]
        assert control(name).default == item.default or name in ("save_steps", "eval_steps")
    for item in controls():
        assert item.label
        assert item.help
        assert item.kind != "choice" or len(item.choices) > 1
        assert item.low is None or item.high is None or item.low < item.high


def test_kinds_choices_and_ranges():
    kinds = {name: control(name).kind for name in ("r", "learning_rate", "use_rslora", "data", "lr_scheduler_type")}
    assert kinds == {
        "r": "integer", "learning_rate": "number", "use_rslora": "switch", "data": "text",
        "lr_scheduler_type": "choice",
    }  # fmt: skip
    assert (control("r").low, control("r").high, control("r").logarithmic) == (1, 128, True)
    assert control("lr_scheduler_type").choices == ("linear", "cosine", "constant")
    assert {"tickets", "tickets-messy"} <= set(control("data").choices)
    assert control("learning_rate").optional
    assert not control("bits").more
    assert control("bnb_4bit_quant_type").more


@pytest.mark.parametrize(
    ("changes", "method", "bits"),
    [
        ([], "lora", 16),
        ([("bits", 4)], "qlora", 4),
        ([("bits", 8)], "qlora", 8),
        ([("bits", 4), ("bits", 16)], "lora", 16),
        ([("method", "qlora")], "qlora", 4),
        ([("bits", 8), ("method", "full")], "full", 16),
        ([("method", "full"), ("method", "lora")], "lora", 16),
    ],
    ids=str,
)
def test_bits_and_method_agree(changes, method, bits):
    settings = changed(*changes)
    assert (settings["method"], settings["bits"]) == (method, bits)
    (made,) = settings_to_job(settings).methods
    assert made.name == method
    assert getattr(made, "bits", 16) == bits


def test_what_does_not_apply_says_why():
    full, lora, four, eight = (
        changed(*changes) for changes in ([("method", "full")], [], [("bits", 4)], [("bits", 8)])
    )
    assert why_disabled("r", full).startswith("full fine-tuning has no rank")
    assert why_disabled("bits", full).startswith("full fine-tuning can't be quantized")
    assert why_disabled("bnb_4bit_use_double_quant", eight)
    assert why_disabled("bnb_4bit_use_double_quant", lora)
    assert why_disabled("bnb_4bit_use_double_quant", four) == ""
    assert why_disabled("r", four) == why_disabled("bits", lora) == ""
    assert why_disabled("prompt_field", lora)
    assert why_disabled("prompt_field", changed(("data", "own.csv"))) == ""
    off = {item.name for item in controls() if why_disabled(item.name, full)}
    assert {item.name for item in fields(LoRA)} <= off
    assert not off & {"max_steps", "batch_size", "seed", "learning_rate", "method"}


def test_a_setting_that_is_off_does_not_reach_the_job():
    settings = changed(("bits", 4), ("bnb_4bit_use_double_quant", True), ("bits", 8))
    assert settings_to_job(settings).methods == (QLoRA(bits=8),)
    own = changed(("data", "own.csv"), ("prompt_field", "q"), ("completion_field", "a"), ("data", "tickets"))
    assert settings_to_job(own).config.prompt_field is None


def test_a_race_uses_each_methods_own_rate_unless_asked_by_name():
    settings = changed(("learning_rate", 1e-3), ("r", 4), ("lora_alpha", 8))
    fair = settings_to_job(settings, Path("runs"), race=True)
    assert fair.methods == (Full(), LoRA(r=4, lora_alpha=8), QLoRA(r=4, lora_alpha=8, bits=4))
    assert fair.config.learning_rate is None
    assert fair.out == Path("runs")
    assert settings_to_job(with_change(settings, ONE_RATE, True), race=True).config.learning_rate == 1e-3
    assert settings_to_job(settings).config.learning_rate == 1e-3
    assert "unfair" in control(ONE_RATE).help
    assert why_disabled(ONE_RATE, default_settings())


def test_all_faults_come_at_once():
    settings = changed(("r", 0), ("max_steps", 0), ("batch_size", -1))
    with pytest.raises(ConfigError) as raised:
        settings_to_job(settings, race=True)
    for name in ("r must", "max_steps must", "batch_size must"):
        assert raised.value.what.count(name) == 1
    with pytest.raises(ConfigError, match="no method 'best'"):
        settings_to_job(changed(("method", "best")))


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_presets_are_settings_that_can_be_run(preset):
    job = settings_to_job(preset.settings)
    assert len(job.methods) == 1
    assert set(preset.settings) == set(default_settings())
    assert preset.words
    job = settings_to_job(preset.settings, race=True)
    assert len(job.methods) == 3


def test_presets_there_are():
    assert [preset.name for preset in PRESETS] == [
        "first try", "smallest memory", "best score", "high rank", "unfair one rate",
    ]  # fmt: skip
    unfair = PRESETS[-1].settings
    assert settings_to_job(unfair, race=True).config.learning_rate == Full().default_learning_rate


def test_words_beside_the_controls():
    assert scale_words(default_settings()) == "alpha / r = 2"
    assert scale_words(changed(("use_rslora", True), ("r", 16))) == "alpha / √r = 4"
    assert scale_words(changed(("method", "full"))) == "no adapter, no scale"
    assert rate_words(default_settings()) == "0.005, the default of lora"
    assert rate_words(changed(("learning_rate", 0.01))) == "0.01, as asked"


@given(
    st.lists(
        st.tuples(st.just("method"), st.sampled_from(["full", "lora", "qlora"]))
        | st.tuples(st.just("bits"), st.sampled_from([16, 8, 4]))
        | st.tuples(st.just("bnb_4bit_use_double_quant"), st.booleans())
        | st.tuples(st.just("r"), st.integers(1, 128)),
        max_size=8,
    )
)
def test_whatever_is_clicked_makes_a_job_and_comes_back_from_it(clicks):
    settings = changed(*clicks)
    job = settings_to_job(settings)
    again = settings_to_job(settings_of(job.methods[0], job.config))
    assert (again.methods, again.config) == (job.methods, job.config)
