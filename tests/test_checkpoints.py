"""Checkpoints: whole or not there, and a resumed run ends with the very bits of one that was never interrupted."""

import json
import shutil

import pytest
import torch
from tiny import hashes, losses, one_line, save_model, session_of, short_tune, tiny_llama, weights, write_rows

from finetune_lab.config import Full, LoRA, QLoRA
from finetune_lab.errors import RunError
from finetune_lab.events import Ended, Stepped
from finetune_lab.tuning import checkpoints
from finetune_lab.tuning.run import load_run, tune
from finetune_lab.tuning.training import train

pytest_plugins = "tiny_base"
METHODS = [Full(), LoRA(r=4), LoRA(r=4, lora_dropout=0.3), QLoRA(r=4, lora_dropout=0.3), QLoRA(r=4, bits=8)]
STEPS = 6


def named(method):
    return f"{method.name}-{getattr(method, 'bits', 16)}-{getattr(method, 'lora_dropout', 0)}"


def broken_off(folder, settings, step, method=None):
    """A run as it lies on disk after a kill right after this step: what came later is not there."""
    for event in train(method or LoRA(r=2), out=folder.with_name("whole"), **settings):
        if isinstance(event, Stepped) and event.step == step:
            shutil.copytree(folder.with_name("whole"), folder)
    return folder


@pytest.fixture(scope="module")
def killed_once(base, rows, tmp_path_factory):
    """Six steps asked for, saved at every second, killed after the fifth; the whole run lies beside it."""
    folder = tmp_path_factory.mktemp("killed") / "run"
    return broken_off(folder, short_tune(base, rows) | {"max_steps": STEPS, "save_steps": 2}, 5)


@pytest.fixture
def killed(killed_once, tmp_path):
    """A copy of it, to damage and to go on with."""
    return shutil.copytree(killed_once, tmp_path / "run")


def cannot_resume(folder):
    before = hashes(folder)
    with pytest.raises(RunError) as caught:
        tune(resume=folder)
    after = hashes(folder)
    assert {name: after[name] for name in before} == before
    return one_line(caught.value)


@pytest.mark.parametrize("method", METHODS, ids=named)
def test_a_resumed_run_ends_bit_identical(settings, tmp_path, method):
    settings |= {"max_steps": STEPS, "save_steps": 2, "score_examples": 1}
    folder = broken_off(tmp_path / "run", settings, 5, method)
    assert load_run(folder).status == "broken off"
    whole, resumed = load_run(tmp_path / "whole"), tune(resume=folder)
    assert resumed.losses == whole.losses
    assert len(resumed.losses) == STEPS
    assert weights(resumed.artifact) == weights(whole.artifact)
    assert resumed.summary["eval_loss_after"] == whole.summary["eval_loss_after"]
    assert resumed.summary["eval_loss_before"] == whole.summary["eval_loss_before"]
    last = f"checkpoints/step-{STEPS:06d}/"
    kept = [
        {name: value for name, value in hashes(run.folder).items() if name.startswith(last)} for run in (whole, resumed)
    ]
    assert len(kept[0]) == 4
    assert kept[0] == kept[1]


@pytest.mark.parametrize("step", [1, 3, STEPS])
def test_a_run_that_was_left_goes_on_from_any_step(settings, tmp_path, step):
    settings |= {"max_steps": STEPS, "gradient_accumulation_steps": 2}
    method = LoRA(r=2, lora_dropout=0.2)
    whole = tune(method, out=tmp_path / "whole", **settings)
    for event in train(method, out=tmp_path / "run", **settings):
        if isinstance(event, Stepped) and event.step == step:
            break
    assert load_run(tmp_path / "run").status == "stopped"
    resumed = tune(resume=tmp_path / "run")
    assert resumed.losses == whole.losses
    assert weights(resumed.artifact) == weights(whole.artifact)
    assert [event.step for event in resumed.events if isinstance(event, Stepped)] == list(range(1, STEPS + 1))
    assert sum(isinstance(event, Ended) for event in resumed.events) == 1
    assert resumed.events[-1].status == "finished"
    assert not [item for item in (tmp_path / "run").rglob(".*") if item.name != ".lock"]  # nothing half done lies about


def test_the_last_two_are_kept(settings, tmp_path):
    run = tune(LoRA(r=2), out=tmp_path / "run", **settings | {"max_steps": STEPS, "save_steps": 1})
    assert sorted(item.name for item in (run.folder / "checkpoints").iterdir()) == ["step-000005", "step-000006"]


def test_newest_is_by_number_not_by_name(tmp_path):
    for name in ("step-999999", "step-1000000", "step-000002", ".step-000003.partial", "step-x", "notes"):
        (tmp_path / name).mkdir()
    assert [checkpoints.step_of(item) for item in checkpoints.complete(tmp_path)] == [1000000, 999999, 2]


def flip(file):
    data = bytearray(file.read_bytes())
    data[-3] ^= 16
    file.write_bytes(data)


def cut(file):
    file.write_bytes(file.read_bytes()[:-1])


def unlink(file):
    file.unlink()


def written(text):
    return lambda file: file.write_bytes(text)


DAMAGE = [
    ("trainable.safetensors", flip), ("optimizer.safetensors", flip), ("random.safetensors", flip),
    ("trainable.safetensors", cut), ("optimizer.safetensors", unlink), ("manifest.json", unlink),
    ("manifest.json", cut), ("manifest.json", written(b"[]")), ("manifest.json", written(b'{"files": {}}')),
    ("manifest.json", written(b'{"step": 4, "files": {}}')), ("manifest.json", written(b"\xff\xfe")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "damage"), DAMAGE)
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(killed, killed_once, name, damage):
    damage(killed / "checkpoints" / "step-000004" / name)
    resumed = tune(resume=killed)
    assert resumed.status == "finished"
    started = [event for event in resumed.events if type(event).__name__ == "Started"][-1]
    assert started.step == 2
    assert started.reasons["resumed"].startswith("from step-000002; step-000004 is not whole: ")
    whole = load_run(killed_once.with_name("whole"))
    assert resumed.losses == whole.losses
    assert weights(resumed.artifact) == weights(whole.artifact)
    assert [item.name for item in checkpoints.complete(killed / "checkpoints")] == ["step-000006", "step-000004"]
    assert checkpoints.verification_faults(killed / "checkpoints" / "step-000004") == []


def test_with_every_checkpoint_damaged_each_is_told(killed):
    flip(killed / "checkpoints" / "step-000004" / "trainable.safetensors")
    unlink(killed / "checkpoints" / "step-000002" / "random.safetensors")
    text = cannot_resume(killed)
    assert "step-000004: trainable.safetensors was changed or cut short" in text
    assert "step-000002: random.safetensors is missing" in text


def test_a_run_without_a_checkpoint_can_not_go_on(settings, tmp_path):
    folder = broken_off(tmp_path / "run", settings, 2)
    assert "holds no checkpoint to go on from" in cannot_resume(folder)


def test_a_folder_that_is_no_run_can_not_go_on(tmp_path):
    for folder in (tmp_path, tmp_path / "nothing", tmp_path / "a\0b"):
        with pytest.raises(RunError, match="is no run folder") as caught:
            tune(resume=folder)
        one_line(caught.value)


def test_a_finished_run_does_not_go_on(settings, tmp_path):
    run = tune(LoRA(r=2), out=tmp_path / "run", **settings)
    assert "is finished: all 4 steps are done" in cannot_resume(run.folder)
    assert load_run(run.folder) == run


def test_a_run_killed_between_its_last_event_and_its_record_is_finished(settings, tmp_path):
    run = tune(LoRA(r=2), out=tmp_path / "run", **settings)
    record = json.loads((run.folder / "run.json").read_text())
    (run.folder / "run.json").write_text(json.dumps(record | {"status": "running"}))
    assert load_run(run.folder).status == "finished"


def test_a_diverged_run_does_not_go_on(settings, tmp_path):
    run = tune(Full(), out=tmp_path / "run", **settings | {"learning_rate": 1e30})
    assert run.status == "diverged"
    assert "lower learning rate" in cannot_resume(run.folder)


def test_changed_data_base_and_tokenizer_are_noticed(base, settings, tmp_path):
    copied = shutil.copytree(base, tmp_path / "base")
    data, judged = write_rows(tmp_path / "rows.jsonl"), write_rows(tmp_path / "judged.jsonl", 4)
    settings |= {"model": str(copied), "data": str(data), "eval_data": str(judged), "save_steps": 2}
    folder = broken_off(tmp_path / "run", settings, 3)
    originals = {
        file: file.read_bytes() for file in (data, judged, copied / "tokenizer.json", copied / "model.safetensors")
    }

    write_rows(data, 25)
    assert "the training data and the examples to train on or to judge by changed" in cannot_resume(folder)
    data.write_bytes(originals[data])
    write_rows(judged, 5)
    assert "the examples to train on or to judge by changed" in cannot_resume(folder)
    judged.write_bytes(originals[judged])
    model = tiny_llama()
    with torch.no_grad():
        model.model.norm.weight.add_(0.5)
    save_model(copied, model)
    assert "the base model's weights changed" in cannot_resume(folder)
    for file, content in originals.items():
        file.write_bytes(content)
    vocabulary = json.loads(originals[copied / "tokenizer.json"])
    vocabulary["model"]["merges"] = vocabulary["model"]["merges"][:100]
    (copied / "tokenizer.json").write_text(json.dumps(vocabulary))
    assert "the examples to train on or to judge by changed" in cannot_resume(folder)
    (copied / "tokenizer.json").write_bytes(originals[copied / "tokenizer.json"])
    assert tune(resume=folder).status == "finished"


def test_versions_that_changed_are_said(killed):
    record = json.loads((killed / "run.json").read_text())
    record["versions"]["torch"] = "1.0"
    (killed / "run.json").write_text(json.dumps(record))
    event = next(iter(train(resume=killed)))
    assert event.reasons["resumed"].startswith("from step-000004; torch was 1.0, is ")


def test_a_save_that_fails_leaves_the_earlier_ones(settings, tmp_path, monkeypatch):
    session, _ = session_of(LoRA(r=2), settings | {"save_steps": 2}, tmp_path / "run")
    folder = tmp_path / "run" / "checkpoints"
    before = hashes(folder)
    assert len(before) == 8
    session.trainer.step = 5
    for broken in ("sha256", "write_synced", "save_file"):
        with monkeypatch.context() as patch:
            patch.setattr(checkpoints, broken, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                checkpoints.save(session.trainer, folder)
        assert hashes(folder) == before


def test_a_parameter_that_no_batch_has_reached_is_saved_too(settings, tmp_path):
    session, events = session_of(Full(), settings, tmp_path / "run")
    trainer = session.trainer
    unused = next(trainer.model.parameters())
    del trainer.optimizer.state[unused]
    trainer.step = 9
    kept = checkpoints.save(trainer, tmp_path / "other")
    checkpoints.restore(trainer, kept)
    assert unused not in trainer.optimizer.state
    assert len(trainer.optimizer.state) == 19
    assert len(losses(events)) == 4


def test_a_checkpoint_of_another_model_is_refused(settings, tmp_path):
    small, _ = session_of(LoRA(r=2, target_modules="q_proj"), settings, tmp_path / "small")
    other, _ = session_of(LoRA(r=2), settings, tmp_path / "other")
    with pytest.raises(RunError, match="of another model"):
        checkpoints.restore(other.trainer, tmp_path / "small" / "checkpoints" / "step-000004")
    assert small.trainer.step == 4
