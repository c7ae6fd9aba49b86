"""The loop: the schedule, the gradient of a whole step, and that a step which is not finite moves nothing."""

import math

import pytest
import torch
from accelerate import Accelerator
from tiny import losses, session_of, tiny_llama, write_rows

from finetune_lab.batches import collate, encode, endless_batches
from finetune_lab.config import Full, LoRA, QLoRA, TuneConfig
from finetune_lab.data import load_data
from finetune_lab.models import find_base, load_tokenizer
from finetune_lab.tuning.loop import Trainer, schedule

pytest_plugins = "tiny_base"


@pytest.fixture(scope="module")
def encoded(base, rows):
    return encode(load_tokenizer(find_base(str(base))), load_data(TuneConfig(data=str(rows))).train, 64)


def trainer_of(model, **settings):
    return Trainer(model, TuneConfig(**settings), 1e-3, Accelerator(cpu=True))


def factors(**settings):
    config = TuneConfig(**settings)
    return [schedule(step, config) for step in range(config.max_steps)]


def test_the_linear_schedule_rises_and_falls_to_nothing():
    assert factors(max_steps=4, warmup_ratio=0.0) == [1, 0.75, 0.5, 0.25]
    assert factors(max_steps=6, warmup_ratio=0.35) == pytest.approx([1 / 3, 2 / 3, 1, 0.75, 0.5, 0.25])
    assert factors(max_steps=3, warmup_ratio=1.0) == pytest.approx([0.25, 0.5, 0.75])


def test_the_cosine_schedule_is_half_a_wave():
    expected = [0.5 * (1 + math.cos(math.pi * step / 4)) for step in range(4)]
    assert factors(max_steps=4, warmup_ratio=0.0, lr_scheduler_type="cosine") == pytest.approx(expected)


def test_the_constant_schedule_only_rises():
    assert factors(max_steps=5, warmup_ratio=0.2, lr_scheduler_type="constant") == [0.5, 1, 1, 1, 1]


@pytest.mark.parametrize("kind", ["linear", "cosine", "constant"])
def test_no_step_is_at_rate_zero(kind):
    for steps in (1, 2, 3, 60):
        for warmup in (0.0, 0.05, 0.5, 1.0):
            values = factors(max_steps=steps, warmup_ratio=warmup, lr_scheduler_type=kind)
            assert all(0 < value <= 1 for value in values), (steps, warmup)


def test_events_say_the_rate_that_was_used(settings, tmp_path):
    asked = settings | {"learning_rate": 0.01, "warmup_ratio": 0.0}
    _, events = session_of(LoRA(r=2), asked, tmp_path / "run")
    rates = [event.learning_rate for event in events if type(event).__name__ == "Stepped"]
    assert rates == pytest.approx([0.01, 0.0075, 0.005, 0.0025])


def test_two_batches_of_four_are_one_of_eight(encoded):
    eight = sorted(encoded, key=lambda example: len(example.ids))[::2][:8]  # halves with unlike numbers of labels
    gradients = []
    for group in ([eight], [eight[:4], eight[4:]]):
        trainer = trainer_of(tiny_llama(), max_grad_norm=1e6)
        loss, norm = trainer.backward([collate(part, 1) for part in group])
        gradients.append([loss, norm, *(p.grad.clone() for p in trainer.model.parameters())])
    assert len(gradients[0]) == 22
    assert gradients[0][:2] == pytest.approx(gradients[1][:2], rel=1e-5)
    for whole, halves in zip(gradients[0][2:], gradients[1][2:], strict=True):
        torch.testing.assert_close(whole, halves, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("method", [Full(), LoRA(r=4), QLoRA(r=4)], ids=lambda method: method.name)
def test_accumulating_over_all_the_data_trains_as_one_batch_does(base, tmp_path, method):
    data = write_rows(tmp_path / "rows.jsonl", 8)
    common = {"model": str(base), "data": str(data), "eval_data": str(data), "max_length": 64, "max_steps": 3,
              "eval_examples": 2, "score_examples": 0}  # fmt: skip
    _, one = session_of(method, common | {"batch_size": 8}, tmp_path / "one")
    _, two = session_of(method, common | {"batch_size": 4, "gradient_accumulation_steps": 2}, tmp_path / "two")
    assert list(losses(one).values()) == pytest.approx(list(losses(two).values()), abs=1e-4)


@pytest.mark.parametrize("method", [Full(), LoRA(r=4, lora_dropout=0.2), QLoRA(r=4)], ids=lambda method: method.name)
def test_gradient_checkpointing_changes_no_loss(settings, tmp_path, method):
    _, plain = session_of(method, settings, tmp_path / "plain")
    session, saving = session_of(method, settings | {"gradient_checkpointing": True}, tmp_path / "saving")
    assert session.trainer.model.is_gradient_checkpointing
    assert list(losses(saving).values()) == pytest.approx(list(losses(plain).values()), abs=1e-5)


def test_gradients_are_scaled_down_to_the_norm_asked_for(encoded):
    trainer = trainer_of(tiny_llama(), max_grad_norm=0.01)
    _, norm = trainer.backward([collate(encoded[:4], 1)])
    clipped = torch.stack([p.grad.norm() for p in trainer.model.parameters()]).norm()
    assert norm > 0.01
    assert clipped.item() == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_a_step_that_is_not_finite_moves_nothing(encoded, poison):
    model = tiny_llama()
    with torch.no_grad():
        model.model.norm.weight[3] = poison
    trainer = trainer_of(model)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    events = list(trainer.steps(endless_batches(encoded, 4, 1, seed=0)))
    assert [event.step for event in events] == [1]
    assert not math.isfinite(events[0].loss) or not math.isfinite(events[0].grad_norm)
    assert trainer.diverged
    for parameter, old in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter.nan_to_num(), old.nan_to_num())
    assert all(parameter.grad is None for parameter in model.parameters())
