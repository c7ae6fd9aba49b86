"""The measured memory, against bytes counted by hand, torch's MemTracker and torch's profiler."""

import gc

import pytest
import torch
from memory_cases import batch_of, measured, one_step, small, trainer_of
from torch.profiler import ProfilerActivity, profile

from finetune_lab.config import Full, LoRA, QLoRA
from finetune_lab.events import Stepped
from finetune_lab.lora_update import fused_updates
from finetune_lab.memory.curve import curve_from_dict
from finetune_lab.memory.ledger import Ledger
from finetune_lab.memory.tracing import Shape
from finetune_lab.tuning.run import tune

SHAPE = Shape(4, 24, 40)
HELD = ("base_weights", "adapter_weights", "quantization_state", "optimizer")
HIDDEN, INNER, KEYS, VOCABULARY = 64, 96, 32, 300  # keys and values: 2 heads of 16
LAYER = 2 * HIDDEN * HIDDEN + 2 * HIDDEN * KEYS + 3 * HIDDEN * INNER  # q and o, k and v, the three of the MLP
OUTSIDE = VOCABULARY * HIDDEN + HIDDEN  # tied embedding and last norm
ROTARY = 2 * 8 * 4  # two tables of half a head's width, float32
TENSORS = 2 * 9 + 2  # seven matrices and two norms a layer, the embedding and the last norm


def two_layers():
    return small("llama", num_hidden_layers=2, tie_word_embeddings=True)


def test_a_full_tune_holds_what_a_hand_counts():
    found = measured(two_layers(), Full(), SHAPE).components
    weights = 2 * (LAYER + 2 * HIDDEN) + OUTSIDE
    assert found["base_weights"] == 4 * weights + ROTARY
    assert found["adapter_weights"] == found["quantization_state"] == 0
    assert found["gradients"] == 4 * weights
    assert found["optimizer"] == 8 * weights + 4 * TENSORS


def test_lora_holds_what_a_hand_counts():
    found = measured(two_layers(), LoRA(r=3), SHAPE).components
    ends = 2 * (HIDDEN + HIDDEN) + 2 * (HIDDEN + KEYS) + 3 * (HIDDEN + INNER)
    adapter = 2 * 3 * ends
    assert found["base_weights"] == 4 * (2 * (LAYER + 2 * HIDDEN) + OUTSIDE) + ROTARY
    assert found["adapter_weights"] == found["gradients"] == 4 * adapter
    assert found["optimizer"] == 8 * adapter + 4 * 2 * 7 * 2


@pytest.mark.parametrize(
    ("method", "bits", "constants"),
    [
        (QLoRA(r=3), 4, 4 * LAYER // 64 + 7 * 64),
        (QLoRA(r=3, bits=8), 8, 4 * (2 * HIDDEN + 2 * KEYS + 2 * INNER + HIDDEN)),
    ],
)
def test_qlora_holds_what_a_hand_counts(method, bits, constants):
    found = measured(two_layers(), method, SHAPE).components
    assert found["base_weights"] == 2 * LAYER * bits // 8 + 4 * (2 * 2 * HIDDEN + OUTSIDE) + ROTARY
    assert found["quantization_state"] == 2 * constants


def test_a_full_tune_peaks_where_torchs_memtracker_says():
    mem_tracker = pytest.importorskip("torch.distributed._tools.mem_tracker")
    config = two_layers()
    trainer, batch = trainer_of(config, Full()), batch_of(config, SHAPE)
    one_step(trainer, batch)
    trainer.optimizer.zero_grad(set_to_none=True)
    ledger = Ledger(trainer.model, trainer.optimizer)
    with ledger.step(1):
        one_step(trainer, batch)
    trainer.optimizer.zero_grad(set_to_none=True)
    tracker = mem_tracker.MemTracker()
    tracker.track_external(trainer.model, trainer.optimizer.optimizer)
    with tracker:
        one_step(trainer, batch)
    peak = tracker.get_tracker_snapshot("peak")[torch.device("cpu")]["Total"]
    assert ledger.components["peak"] == pytest.approx(peak, rel=0.01)


@pytest.mark.parametrize("method", [Full(), LoRA(r=4), QLoRA(r=4)])
def test_the_peak_is_the_allocators_own(method):
    config = two_layers()
    trainer, batch = trainer_of(config, method), batch_of(config, SHAPE)
    ledger = Ledger(trainer.model, trainer.optimizer)
    with fused_updates(trainer.model):
        for _ in range(2):
            with ledger.step(1):
                one_step(trainer, batch)
            trainer.optimizer.zero_grad(set_to_none=True)
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            one_step(trainer, batch)
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    assert len(events) > 200
    now = highest = sum(ledger.components[name] for name in HELD)
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        highest = max(highest, now)
    assert ledger.components["peak"] == pytest.approx(highest, rel=0.02)


@pytest.mark.parametrize("method", [Full(), LoRA(r=4)])
def test_every_step_counts_activations_as_the_sampled_ones_do(method):
    config = two_layers()
    sampled = measured(config, method, SHAPE, steps=2).components
    plain = measured(config, method, SHAPE, steps=3).components
    assert "peak" in sampled
    assert "peak" not in plain
    assert plain["activations"] == pytest.approx(sampled["activations"], abs=64)
    assert {name: plain[name] for name in HELD} == {name: sampled[name] for name in HELD}


@pytest.mark.parametrize(
    ("largest", "sampled"),
    [(0, [True, True, True, True, False, True]), (25, [True, True, False, True, False, True])],
    ids=["each that is larger", "known: a good deal larger, and the largest"],
)
def test_a_larger_batch_is_sampled(largest, sampled):
    trainer = trainer_of(two_layers(), LoRA(r=2))
    ledger = Ledger(trainer.model, trainer.optimizer, 24 * largest)
    peaks = []
    for rows in (20, 20, 22, 24, 3, 25):
        with ledger.step(rows * 24):
            one_step(trainer, batch_of(two_layers(), Shape(rows, 24, 20)))
        peaks.append("peak" in ledger.components)
        trainer.optimizer.zero_grad(set_to_none=True)
    assert peaks == sampled


def test_the_largest_batch_of_a_run_is_measured_and_few_others(tmp_path):
    run = tune(LoRA(r=2), max_steps=20, score_examples=0, eval_examples=2, out=tmp_path / "run")
    sampled = [event.memory for event in run.events if isinstance(event, Stepped) and "peak" in event.memory]
    assert 3 <= len(sampled) <= 6
    assert run.memory["measured"]["peak"] == pytest.approx(run.memory["predicted"]["peak"], rel=1e-3)


def test_the_curve_climbs_in_forward_and_falls_in_backward():
    ledger = measured(two_layers(), LoRA(r=4), SHAPE)
    points = ledger.curve.points
    assert len(points) > 50
    forward = [point.total for point in points if point.phase == "forward"]
    backward = [point.total for point in points if point.phase == "backward"]
    assert forward[-1] > 1.5 * forward[0]
    assert backward[-1] < 0.7 * backward[0]
    assert sum(ledger.curve.at_peak().values()) == ledger.curve.peak == ledger.components["peak"]
    assert {"layers.0.", "layers.1."} <= {
        f"layers.{p.module.split('layers.')[1][0]}." for p in points if "layers" in p.module
    }
    for phase in ("forward", "backward"):
        assert any("mlp" in point.module for point in points if point.phase == phase)
    assert curve_from_dict(ledger.curve.to_dict()) == ledger.curve
    assert ledger.curve.thinned(20).peak == ledger.curve.peak


def test_nothing_is_left_behind():
    config = two_layers()
    for _ in range(3):
        measured(config, LoRA(r=2), SHAPE)
    gc.collect()
    before = sum(isinstance(item, torch.Tensor) for item in gc.get_objects())
    for _ in range(3):
        measured(config, LoRA(r=2), SHAPE)
    gc.collect()
    assert sum(isinstance(item, torch.Tensor) for item in gc.get_objects()) <= before + 5
