"""`train`: the same numbers for the same question, one tune at a time, and an end that is what happened."""

import json
import math
import threading

import pytest
import torch
from tiny import one_line, save_model, tiny_llama, weights

from finetune_lab.config import Full, LoRA, QLoRA, TuneConfig
from finetune_lab.errors import BusyError, ConfigError, RunError
from finetune_lab.events import Ended, Evaluated, Saved, Started, Stepped
from finetune_lab.tuning import checkpoints
from finetune_lab.tuning.run import load_run, tune
from finetune_lab.tuning.training import train

pytest_plugins = "tiny_base"
METHODS = [Full(), LoRA(r=4), LoRA(r=4, lora_dropout=0.2), QLoRA(r=4), QLoRA(r=4, bits=8)]


def named(method):
    return f"{method.name}-{getattr(method, 'bits', 16)}-{getattr(method, 'lora_dropout', 0)}"


def strict(file):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(file.read_text(encoding="utf-8"), parse_constant=refuse)


def test_a_run_tells_its_story_in_order(settings, tmp_path):
    events = list(train(LoRA(r=2), out=tmp_path / "run", **settings | {"save_steps": 2, "score_examples": 1}))
    kinds = [type(event) for event in events]
    assert kinds == [Started, Evaluated, Stepped, Stepped, Saved, Stepped, Stepped, Saved, Evaluated, Ended]
    assert [event.step for event in events] == [0, 0, 1, 2, 2, 3, 4, 4, 4, 4]
    assert {"dtype", "learning_rate", "model", "data", "threads"} <= set(events[0].reasons)
    assert sorted(item.name for item in (tmp_path / "run").iterdir() if item.name[0] != ".") == [
        "adapter", "checkpoints", "events.jsonl", "memory.json", "run.json",
    ]  # fmt: skip


@pytest.mark.parametrize("method", METHODS, ids=named)
def test_the_same_question_gives_the_same_numbers_and_bytes(settings, tmp_path, method):
    first, again = (tune(method, out=tmp_path / name, **settings) for name in ("first", "again"))
    torch.rand(7)
    other = tune(method, out=tmp_path / "other", **settings | {"seed": 1})
    assert len(first.losses) == 4
    assert first.losses == again.losses != other.losses
    assert weights(first.artifact) == weights(again.artifact) != weights(other.artifact)
    assert first.summary["eval_loss_after"] == again.summary["eval_loss_after"]


def test_a_base_with_dropout_of_its_own_is_seeded_too(settings, tmp_path):
    from transformers import GPT2Config, GPT2LMHeadModel

    ends = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1}
    model = GPT2LMHeadModel(GPT2Config(vocab_size=4096, n_embd=64, n_layer=1, n_head=2, n_positions=64, **ends))
    settings |= {"model": str(save_model(tmp_path / "gpt2", model))}
    runs = [tune(Full(), out=tmp_path / name, **settings) for name in ("first", "again")]
    assert model.config.resid_pdrop > 0
    assert runs[0].losses == runs[1].losses


def test_each_method_has_its_own_rate_and_an_asked_one_counts_even_at_zero(settings, tmp_path):
    own = [next(iter(train(method, out=tmp_path / method.name, **settings))) for method in (Full(), LoRA())]
    assert own[0].reasons["learning_rate"] != own[1].reasons["learning_rate"]
    run = tune(Full(), out=tmp_path / "still", **settings | {"learning_rate": 0.0})
    assert run.events[0].reasons["learning_rate"] == "0: as asked"
    assert run.summary["eval_loss_before"] == run.summary["eval_loss_after"]


def test_the_files_are_up_to_date_at_every_event(settings, tmp_path):
    folder = tmp_path / "run"
    seen = []
    for event in train(LoRA(r=2), out=folder, **settings | {"save_steps": 2}):
        seen.append(event)
        assert strict(folder / "run.json")["status"] == "running"
        run = load_run(folder)
        assert list(run.events) == seen
        assert run.status == ("finished" if isinstance(event, Ended) else "running")
    assert strict(folder / "run.json")["status"] == "finished"
    assert strict(folder / "run.json")["summary"] == load_run(folder).summary
    assert len(seen) == 10


def test_stop_ends_after_the_step_in_progress(settings, tmp_path):
    stop, events = threading.Event(), []
    for event in train(LoRA(r=2), out=tmp_path / "run", stop=stop, **settings):
        events.append(event)
        if isinstance(event, Stepped) and event.step == 2:
            stop.set()
    assert [type(event) for event in events[-3:]] == [Stepped, Saved, Ended]
    assert (events[-1].status, events[-1].step) == ("stopped", 2)
    assert f"after step 2 of 4; resume {tmp_path / 'run'} to go on" in events[-1].reason
    assert load_run(tmp_path / "run").artifact.is_dir()


def leave_at(kind, step, folder, settings, method=None):
    for event in train(method or LoRA(r=2), out=folder, **settings):
        if type(event) is kind and event.step == step:
            break
    return load_run(folder)


@pytest.mark.parametrize(
    ("kind", "step", "status"),
    [(Started, 0, "stopped"), (Evaluated, 0, "stopped"), (Stepped, 1, "stopped"), (Saved, 2, "stopped"),
     (Stepped, 4, "stopped"), (Saved, 4, "stopped"), (Evaluated, 4, "stopped"), (Ended, 4, "finished")],
)  # fmt: skip
def test_leaving_the_loop_saves_where_it_stands(settings, tmp_path, kind, step, status):
    run = leave_at(kind, step, tmp_path / "run", settings | {"save_steps": 2})
    assert run.status == strict(run.folder / "run.json")["status"] == status
    assert run.events[-1].step == step
    assert [type(event) for event in run.events].count(Ended) == 1
    if step:
        assert checkpoints.step_of(checkpoints.last_verified(run.folder / "checkpoints")) == step
        assert run.artifact.is_dir()


def test_a_second_tune_is_refused_while_one_runs_and_not_after(settings, tmp_path):
    running = train(LoRA(r=2), out=tmp_path / "first", **settings)
    next(running)
    with pytest.raises(BusyError) as caught:
        tune(LoRA(r=2), out=tmp_path / "second", **settings)
    assert one_line(caught.value)
    assert not (tmp_path / "second").exists()
    in_thread = []

    def second():
        try:
            tune(LoRA(r=2), out=tmp_path / "second", **settings)
        except BusyError as error:
            in_thread.append(error)

    thread = threading.Thread(target=second)
    thread.start()
    thread.join()
    assert len(in_thread) == 1
    running.close()
    assert tune(LoRA(r=2), out=tmp_path / "third", **settings).status == "finished"


@pytest.mark.parametrize("breaks", ["in the loop", "in the consumer", "before it begins"])
def test_a_tune_is_allowed_after_one_that_broke(settings, tmp_path, monkeypatch, breaks):
    def fail(*_, **__):
        raise ZeroDivisionError

    on_event = fail if breaks == "in the consumer" else None
    wrong = {"max_length": 5000} if breaks == "before it begins" else {}
    with monkeypatch.context() as patch:
        if breaks == "in the loop":
            patch.setattr("finetune_lab.tuning.loop.Trainer.update", fail)
        with pytest.raises((ZeroDivisionError, ConfigError)):
            tune(LoRA(r=2), out=tmp_path / "broken", on_event=on_event, **settings | wrong)
    assert tune(LoRA(r=2), out=tmp_path / "run", **settings).status == "finished"


def test_what_broke_a_run_off_is_in_its_record(settings, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr("finetune_lab.tuning.loop.Trainer.update", fail)
    with pytest.raises(ZeroDivisionError):
        tune(LoRA(r=2), out=tmp_path / "run", **settings)
    run = load_run(tmp_path / "run")
    assert (run.status, run.summary["reason"]) == ("broken off", "ZeroDivisionError: of all things")
    assert strict(run.folder / "run.json")["status"] == "broken off"


def poisoned_at(step, monkeypatch, part="loss"):
    """From this step on the loss, or the gradient, is NaN."""
    from finetune_lab.tuning.loop import Trainer

    backward = Trainer.backward

    def poisoned(self, group):
        if self.step + 1 >= step:
            with torch.no_grad():
                next(p for p in self.model.parameters() if p.requires_grad).fill_(math.nan)
        return backward(self, group)

    monkeypatch.setattr(Trainer, "backward", poisoned)


@pytest.mark.parametrize("method", [Full(), LoRA(r=2), QLoRA(r=2)], ids=lambda method: method.name)
@pytest.mark.parametrize(("save_steps", "good"), [(1, 2), (2, 2), (3, None), (0, None)])
def test_a_loss_that_is_not_finite_ends_the_run_as_diverged(settings, tmp_path, monkeypatch, method, save_steps, good):
    """With a NaN at step 4, the state after step 3 is what gave it, so that step 2 is the last known to be good."""
    poisoned_at(4, monkeypatch)
    run = tune(method, out=tmp_path / "run", **settings | {"max_steps": 6, "save_steps": save_steps})
    assert (run.status, run.events[-1].step, len(run.losses)) == ("diverged", 4, 4)
    assert not math.isfinite(run.losses[-1])
    summary = strict(run.folder / "run.json")["summary"]
    assert (summary["status"], summary["loss_last"]) == ("diverged", None)
    assert "not finite at step 4" in summary["reason"]
    if good is None:
        assert "no good checkpoint yet" in summary["reason"]
        with pytest.raises(RunError, match="has no artifact"):
            _ = run.artifact
        return
    assert f"the last good checkpoint, step-00000{good}, is kept" in summary["reason"]
    assert checkpoints.verification_faults(run.folder / "checkpoints" / f"step-00000{good}") == []
    from safetensors.torch import load_file

    (file,) = run.artifact.glob("*.safetensors")
    assert all(tensor.isfinite().all() for tensor in load_file(file).values())


def test_leaving_at_the_step_that_diverged_keeps_the_good_checkpoint(settings, tmp_path, monkeypatch):
    poisoned_at(4, monkeypatch)
    run = leave_at(Stepped, 4, tmp_path / "run", settings | {"max_steps": 6, "save_steps": 1})
    assert run.status == "diverged"
    assert "step-000002, is kept" in run.summary["reason"]


def test_a_rate_far_too_high_diverges(settings, tmp_path):
    run = tune(Full(), out=tmp_path / "run", **settings | {"learning_rate": 1e30, "max_steps": 6})
    assert run.status == "diverged"
    assert len(run.losses) < 6 or run.summary["eval_loss_after"] is None


@pytest.mark.parametrize("method", [Full(), LoRA(r=2)], ids=lambda method: method.name)
def test_a_model_that_overflowed_within_diverges_though_its_loss_is_finite(tmp_path, method):
    """At rate 1e6 a normalization overflows to zero: all logits are equal, the loss is log(4096), with no gradient.

    On `tickets`, where that is so from 3e5 to 1e7; other numbers may overflow further, to a gradient that is none.
    """
    few = {"max_steps": 3, "save_steps": 1, "batch_size": 2, "max_length": 128, "eval_examples": 2, "score_examples": 0}
    run = tune(method, out=tmp_path / "run", learning_rate=1e6, **few)
    assert (run.status, len(run.losses)) == ("diverged", 2)
    assert run.losses[1] == pytest.approx(math.log(4096), abs=1e-3)
    assert "no gradient was left at step 2" in run.summary["reason"]


def test_a_poisoned_base_diverges_at_the_first_step(settings, tmp_path):
    model = tiny_llama()
    with torch.no_grad():
        model.model.norm.weight[0] = math.nan
    run = tune(LoRA(r=2), out=tmp_path / "run", **settings | {"model": str(save_model(tmp_path / "bad", model))})
    assert (run.status, run.events[-1].step) == ("diverged", 1)
    assert strict(run.folder / "run.json")["summary"]["eval_loss_before"] is None


def test_weights_that_break_in_the_last_step_are_noticed(settings, tmp_path, monkeypatch):
    from finetune_lab.tuning.loop import Trainer

    update = Trainer.update

    def breaking(self, rate):
        update(self, rate)
        if self.step + 1 == 4:
            with torch.no_grad():
                next(p for p in self.model.parameters() if p.requires_grad).fill_(math.nan)

    monkeypatch.setattr(Trainer, "update", breaking)
    run = tune(LoRA(r=2), out=tmp_path / "run", **settings | {"save_steps": 3})
    assert run.status == "diverged"
    assert "evaluation loss was not finite after step 4; the last good checkpoint, step-000003" in run.summary["reason"]


def test_what_is_asked_is_checked_before_anything_is_written(settings, tmp_path):
    out = tmp_path / "run"
    for method, changes, says in [
        ("lora", {}, "is no method"), (LoRA, {}, "is no method"), (LoRA(), {"steps": 5}, "no setting steps"),
        (LoRA(), {"max_length": 257}, "more than the 256 tokens"),
    ]:  # fmt: skip
        with pytest.raises(ConfigError, match=says) as caught:
            tune(method, out=out, **settings | changes)
        one_line(caught.value)
        assert not out.exists()
    with pytest.raises(ConfigError, match="is no TuneConfig"):
        tune(LoRA(), "tickets", out=out)


def test_targets_that_are_not_there_end_in_one_line(settings, tmp_path):
    with pytest.raises(ConfigError) as caught:
        tune(LoRA(target_modules="query"), out=tmp_path / "run", **settings)
    assert "linear layers are: down_proj" in one_line(caught.value)


def test_a_resumed_run_takes_nothing_else(tmp_path):
    for more in ({"method": LoRA()}, {"config": TuneConfig()}, {"out": tmp_path / "x"}, {"max_steps": 9}):
        with pytest.raises(ConfigError, match="Give `resume` alone"):
            tune(resume=tmp_path, **more)


def test_looks_between_the_steps_change_no_number_and_are_not_the_result(settings, tmp_path):
    """`eval_steps`: loss and one answer, no score; the run is the same run, and one that was stopped has no result."""
    plain = tune(LoRA(r=2), out=tmp_path / "plain", **settings | {"score_examples": 2})
    looked = tune(LoRA(r=2), out=tmp_path / "looked", eval_steps=1, **settings | {"score_examples": 2})
    judged = [event for event in looked.events if isinstance(event, Evaluated)]
    assert [event.step for event in judged] == [0, 1, 2, 3, 4]
    assert [bool(event.scores) for event in judged] == [True, False, False, False, True]
    assert all(event.sample_prompt == judged[0].sample_prompt for event in judged)
    assert looked.losses == plain.losses
    assert looked.summary["eval_loss_after"] == plain.summary["eval_loss_after"]
    stop = threading.Event()
    for event in train(LoRA(r=2), out=tmp_path / "stopped", eval_steps=1, stop=stop, **settings):
        if isinstance(event, Evaluated) and event.step == 2:
            stop.set()
    stopped = load_run(tmp_path / "stopped")
    assert (stopped.status, stopped.summary["steps"], stopped.summary["eval_loss_after"]) == ("stopped", 3, None)
