"""The forecast: the same bytes as the plan and the run, quickly; what can't be is a fault, not an exception."""

import random
import statistics
import time
from dataclasses import replace

import pytest
from tiny import save_model, tiny_llama, write_rows

from finetune_lab.bench.earlier import earlier_runs
from finetune_lab.bench.forecast import forecast, warm_up
from finetune_lab.bench.interpolation import Structure, combination, features
from finetune_lab.bench.rank_limit import rank_limit
from finetune_lab.bench.run_shapes import shapes_of
from finetune_lab.bench.timing import Duration, in_words, operations_a_second
from finetune_lab.config import Full, LoRA, QLoRA, TuneConfig
from finetune_lab.device import detect_device
from finetune_lab.memory.known_models import find_config
from finetune_lab.memory.prediction import predict_components
from finetune_lab.memory.tracing import Shape
from finetune_lab.tuning.run import tune
from finetune_lab.tuning.session import Session

pytest_plugins = "tiny_base"
METHODS = [Full(), LoRA(), LoRA(lora_dropout=0.1), QLoRA(), QLoRA(bits=8), QLoRA(bnb_4bit_use_double_quant=True)]


def named(method):
    return f"{method.name}-{getattr(method, 'bits', 16)}-{getattr(method, 'lora_dropout', 0)}"


@pytest.mark.parametrize("method", METHODS, ids=named)
def test_combined_steps_are_the_traced_ones_to_the_byte(base, method):
    config, device = find_config(base), detect_device()
    structure, draw = Structure(config, device), random.Random(7)
    compared = 0
    for _ in range(40):
        rows, length = draw.randint(2, 9), draw.randint(8, 60)
        shape = Shape(rows, length, draw.randint(1, rows * (length - 1)))
        chosen = replace(method, r=draw.choice((2, 3, 8, 16, 64))) if isinstance(method, LoRA) else method
        before = structure.traces
        found = structure.predict(chosen, shape)
        if structure.traces == before:  # made of others
            compared += 1
            assert found.prediction == predict_components(config, chosen, device, shape)
    assert compared >= 12
    assert structure.traces <= 24


def test_what_is_not_linear_is_traced_every_time(base, monkeypatch):
    """Were a size no sum of the known products, the check would see it: here the combination is made wrong."""
    config, device = find_config(base), detect_device()
    structure = Structure(config, device)
    wrong = lambda steps, weights: replace(combination(steps, weights), points=steps[0].points + 4)  # noqa: E731
    monkeypatch.setattr("finetune_lab.bench.interpolation.combination", wrong)
    shapes = [Shape(2, 20, labelled) for labelled in (5, 6, 7, 8, 9)]
    for shape in shapes:
        assert structure.predict(LoRA(), shape).prediction == predict_components(config, LoRA(), device, shape)
    assert structure.traces == len(shapes)


def test_the_ten_numbers():
    assert features(Full(), Shape(2, 10, 7)).tolist() == [1, 2, 10, 20, 7, 0, 0, 0, 0, 0]
    assert features(LoRA(r=3), Shape(2, 10, 7)).tolist() == [1, 2, 10, 20, 7, 3, 6, 30, 60, 21]


@pytest.mark.parametrize(
    "changes",
    [{}, {"batch_size": 1}, {"max_length": 20}, {"gradient_accumulation_steps": 2, "max_steps": 9}, {"seed": 5}],
    ids=str,
)
def test_the_forecast_is_what_the_run_itself_will_predict(settings, changes):
    config = TuneConfig(**settings | changes)
    for method in (LoRA(r=2), Full()):
        made, own = forecast(method, config), Session(method, config).plan()
        assert made.faults == ()
        assert made.components == own.components
        assert made.explanations == own.explanations
        assert str(made.verdict) == str(own.verdict)


def test_replayed_data_counts_too(base, rows, tmp_path):
    long = write_rows(tmp_path / "long.jsonl", words=9)
    config = TuneConfig(
        model=str(base), data=str(rows), replay_data=str(long), replay_share=0.5, max_length=128, batch_size=4
    )
    own = Session(LoRA(), config).plan()
    assert own.shape in shapes_of(config).largest
    assert forecast(LoRA(), config).components == own.components


def test_a_forecast_tells_what_the_run_then_has(settings, tmp_path):
    for method in (Full(), LoRA(r=2), QLoRA(r=2)):
        made = forecast(method, TuneConfig(**settings))
        run = tune(method, out=tmp_path / method.name, **settings)
        assert made.trainable_parameters == run.summary["trainable_parameters"]
        assert made.total_parameters == run.summary["total_parameters"]
        assert made.share == pytest.approx(made.trainable_parameters / made.total_parameters)
        assert made.components == run.memory["predicted"]
        adapter = sum(file.stat().st_size for file in run.artifact.glob("*.safetensors"))
        assert made.artifact_bytes == pytest.approx(adapter, rel=0.02, abs=2000)


def test_a_rank_slider_is_answered_in_time_once_it_is_warm(settings):
    config = TuneConfig(**settings | {"batch_size": 3})
    warm_up(LoRA(r=4), config)
    spent = []
    for rank in (2, 3, 5, 9, 17, 31, 64):
        began = time.perf_counter()
        made = forecast(LoRA(r=rank), config)
        spent.append(time.perf_counter() - began)
        assert not made.faults
    assert len(spent) == 7
    assert statistics.median(spent) < 0.3  # seconds; on a quiet machine it is a hundredth of one


def test_what_can_not_be_is_a_fault_on_one_line(settings, tmp_path):
    config = TuneConfig(**settings)
    impossible = [
        (LoRA(target_modules="nowhere"), config),
        (LoRA(), config.replace(max_length=100_000)),
        (LoRA(), config.replace(data=str(tmp_path / "none.jsonl"))),
        (LoRA(), config.replace(model=str(tmp_path / "no model"))),
        (Full(), config.replace(max_length=8)),
    ]
    for method, asked in impossible:
        made = forecast(method, asked)
        assert len(made.faults) == 1
        assert "\n" not in made.faults[0]
        assert (made.components, made.verdict, made.duration, made.peak, made.share) == ({}, None, None, 0, 0.0)
        assert str(made).startswith("can't be run: ")


def test_warnings_say_what_was_probably_not_meant(settings):
    config = TuneConfig(**settings)
    assert forecast(LoRA(r=8), config).warnings == ()
    made = forecast(LoRA(r=100, lora_alpha=1000), config.replace(learning_rate=1.0, max_length=24))
    text = " | ".join(made.warnings)
    assert len(made.warnings) == 4
    for part in ("rank 100 is more than 64", "multiplied by 10", "200 times the default", "lose their start"):
        assert part in text
    assert all(line in str(made) for line in made.warnings)


def test_a_base_that_is_not_here_is_forecast_without_a_download():
    made = forecast(QLoRA(r=16), TuneConfig(model="qwen3-8b", batch_size=1, max_length=256))
    assert made.faults == ()
    assert made.total_parameters > 8e9
    assert "not on this machine" in made.warnings[0]
    assert made.duration.total > 0


def test_the_rank_is_limited_by_the_smallest_side_of_an_adapted_layer(base, tmp_path):
    assert rank_limit(str(base)) == 64
    assert rank_limit("lab-base") == 256
    assert rank_limit(str(base), "gate_proj,up_proj") == 64
    grouped = save_model(tmp_path / "grouped", tiny_llama(num_attention_heads=4, num_key_value_heads=1))
    assert rank_limit(str(grouped)) == 16  # keys and values are 16 wide
    assert rank_limit(str(grouped), "q_proj") == 64


def test_time_is_taken_from_runs_of_the_same_kind(settings, tmp_path):
    config = TuneConfig(**settings)
    rough = forecast(LoRA(r=2), config, tmp_path)
    assert "rough guess" in str(rough)
    assert rough.duration.a_step > 0
    for name in ("one", "two"):
        run = tune(LoRA(r=2), out=tmp_path / name, **settings)
    (tmp_path / "three").mkdir()
    (tmp_path / "three" / "run.json").write_text("{", encoding="utf-8")
    made = forecast(LoRA(r=4), config.replace(max_steps=40), tmp_path)
    assert "2 earlier runs" in str(made)
    speeds = [found.tokens_per_second for found in earlier_runs(tmp_path, LoRA(r=4), config)]
    assert run.summary["tokens_per_second"] in speeds
    shapes = shapes_of(config.replace(max_steps=40))
    assert made.duration.a_step == pytest.approx(shapes.tokens_per_step / statistics.median(speeds))
    assert made.duration.steps == pytest.approx(40 * made.duration.a_step)
    for other in (Full(), QLoRA(r=2), LoRA(r=64)):
        assert earlier_runs(tmp_path, other, config) == []
    assert earlier_runs(tmp_path, LoRA(r=2), config.replace(gradient_checkpointing=True)) == []


def test_times_in_words():
    assert [in_words(seconds) for seconds in (0.4, 45, 600, 8000)] == ["0 s", "45 s", "10 min", "2.2 h"]
    assert str(Duration(1.0, 60.0, 5.0, "by x")) == "about 65 s: 60 s of steps, 5 s around them; by x"
    assert operations_a_second(detect_device()) > 1e8
