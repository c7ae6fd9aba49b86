"""The card: written by a tune of every ending, read back, and nothing a stranger writes in it can do harm."""

import json
import math
import re
import shutil
import threading

import mistune
import pytest
import torch
from peft import LoraConfig, get_peft_model
from spoiling import change_json
from tiny import hashes, one_line, tiny_llama

from finetune_lab.adapters import card as cards
from finetune_lab.adapters.card import AdapterCard, read_card, readme, write_card
from finetune_lab.adapters.faults import AdapterError
from finetune_lab.adapters.making import card_of_run
from finetune_lab.config import Full, LoRA, QLoRA
from finetune_lab.errors import LabError
from finetune_lab.events import Saved, Stepped
from finetune_lab.tuning import checkpoints
from finetune_lab.tuning.run import load_run, tune
from finetune_lab.tuning.training import train

pytest_plugins = ("tiny_base", "tiny_adapters")


def test_a_finished_tune_writes_what_its_run_says(run, source, rows):
    card = read_card(run.artifact)
    assert (card.name, card.base, card.data) == ("records", source.name, str(rows))
    assert (card.method, card.r, card.lora_alpha, card.bits, card.use_rslora) == ("lora", 2, 16, 16, False)
    assert (card.base_sha256, card.status, card.steps) == (source.sha256, "finished", 4)
    assert card.target_modules == ("all-linear",)
    for name in ("trainable_parameters", "eval_loss_before", "eval_loss_after", "scores_before", "scores_after"):
        assert getattr(card, name) == run.summary[name], name
        assert getattr(card, name)
    files = [run.artifact / name for name in ("adapter_config.json", "adapter_model.safetensors")]
    assert card.artifact_bytes == sum(file.stat().st_size for file in files) == run.summary["artifact_bytes"]
    assert "Model Card for Model ID" not in (run.artifact / "README.md").read_text("utf-8")
    assert (run.artifact / "README.md").read_text("utf-8") == readme(card)


def test_a_qlora_card_says_the_bits_and_a_full_tune_has_none(settings, tmp_path):
    tuned = tune(QLoRA(r=2, bits=4, use_rslora=True), out=tmp_path / "q", **settings)
    card = read_card(tuned.artifact)
    assert (card.method, card.bits, card.use_rslora) == ("qlora", 4, True)
    assert not (tune(Full(), out=tmp_path / "full", **settings).artifact / "card.json").exists()


def test_a_stopped_tune_says_so_and_the_resumed_one_writes_its_own(settings, tmp_path):
    stop, folder = threading.Event(), tmp_path / "run"
    for event in train(LoRA(r=2), out=folder, stop=stop, **settings):
        if isinstance(event, Stepped) and event.step == 2:
            stop.set()
    card = read_card(folder / "adapter")
    assert (card.status, card.steps, card.eval_loss_after, card.scores_after) == ("stopped", 2, None, {})
    assert "stopped after 2 steps" in card._repr_markdown_()
    assert "stopped" in repr(card)
    tune(resume=folder)
    assert (read_card(folder / "adapter").status, read_card(folder / "adapter").steps) == ("finished", 4)


def test_a_loop_that_is_left_leaves_a_card_too(settings, tmp_path):
    for event in train(LoRA(r=2), out=tmp_path / "run", **settings):
        if isinstance(event, Stepped) and event.step == 3:
            break
    assert (read_card(tmp_path / "run" / "adapter").status, read_card(tmp_path / "run" / "adapter").steps) == (
        "stopped",
        3,
    )


def test_a_diverged_tune_names_the_steps_of_the_checkpoint_that_was_kept(settings, tmp_path):
    events = train(LoRA(r=2), out=tmp_path / "run", **settings | {"save_steps": 1, "max_steps": 6})
    for event in events:
        if isinstance(event, Saved) and event.step == 3:
            session = events.gi_frame.f_locals["session"]
            with torch.no_grad():
                next(p for p in session.trainer.model.parameters() if p.requires_grad).fill_(math.nan)
    run = load_run(tmp_path / "run")
    card = read_card(run.artifact)
    kept = checkpoints.step_of(checkpoints.complete(run.folder / "checkpoints")[-1])
    assert (run.status, card.status) == ("diverged", "diverged")
    assert card.steps == kept < run.summary["steps"]
    assert (card.eval_loss_after, card.scores_after) == (None, {})


def test_a_card_that_can_not_be_written_loses_nothing_of_the_run(settings, tmp_path, monkeypatch):
    def full(file, text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cards, "write_synced", full)
    with pytest.raises(LabError) as caught:
        tune(LoRA(r=2), out=tmp_path / "run", **settings)
    assert "The disk is full" in one_line(caught.value)
    run = load_run(tmp_path / "run")
    assert (run.status, len(run.losses)) == ("finished", 4)
    assert json.loads((run.folder / "run.json").read_text())["summary"]["status"] == "finished"
    assert (run.artifact / "adapter_model.safetensors").is_file()
    assert read_card(run.artifact).steps is None  # PEFT's configuration alone is left to tell
    record = json.loads((run.folder / "run.json").read_text())
    assert card_of_run(run.artifact, record, "run").steps == 4


def test_a_card_comes_back_as_it_was_written(tmp_path):
    full = AdapterCard(
        name="a", base="b", base_sha256="c", method="lora", r=2, lora_alpha=16.5, target_modules=("q", "v"), bits=4,
        use_rslora=True, data="d\N{SNOWMAN}", data_sha256="e", steps=3, trainable_parameters=4,
        scores_before={"fields": 0.0}, scores_after={"fields": 0.5}, eval_loss_before=3.0, eval_loss_after=2,
        artifact_bytes=5, created="2026-11-25T00:00:00+00:00", status="finished", versions={"peft": "1"},
        description="What\nit does",
    )  # fmt: skip
    for card in (full, AdapterCard(name="bare")):
        write_card(tmp_path, card)
        assert read_card(tmp_path) == card
    assert repr(full).count("\n") == repr(card).count("\n") == 0


def test_a_folder_of_peft_alone_has_a_card_with_what_is_known(tmp_path):
    config = LoraConfig(r=3, lora_alpha=6, target_modules=["v_proj", "q_proj"], task_type="CAUSAL_LM")
    get_peft_model(tiny_llama(), config).save_pretrained(tmp_path / "elsewhere")
    before = hashes(tmp_path)
    card = read_card(tmp_path / "elsewhere")
    assert (card.name, card.r, card.lora_alpha, card.target_modules) == ("elsewhere", 3, 6, ("q_proj", "v_proj"))
    assert (card.base_sha256, card.data, card.steps, card.bits, card.status) == (None,) * 5
    assert list(card.versions) == ["peft"]
    assert "| r | 3 |" in card._repr_markdown_()
    assert hashes(tmp_path) == before


def test_all_faults_of_a_card_are_listed_at_once(adapter):
    changes = {
        "r": "eight", "steps": -1, "bits": True, "target_modules": "q_proj", "scores_after": {"fields": "good"},
        "eval_loss_after": 1e99, "versions": [], "use_rslora": 1, "secret": 1, "name": None,
        "description": "x" * 20_000,
    }  # fmt: skip
    change_json(adapter / "card.json", **changes)
    with pytest.raises(AdapterError) as caught:
        read_card(adapter)
    text = str(caught.value)
    assert "\n" not in text
    assert all(name in text for name in changes)
    assert "11 faults" in text


BROKEN = [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"format": 1}', b'{"format": 2, "name": "x"}', b"[" * 100_000,
          b'{"format": 1, "name": "x", "eval_loss_after": NaN}', b'{"format": 1, "name": "\\ud800"}',
          b'{"format": 1, "name": "x", "steps": 1' + b"0" * 5000 + b"}", b" " * 1_000_001]  # fmt: skip


@pytest.mark.parametrize("content", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_card_is_told_in_one_line(adapter, content):
    (adapter / "card.json").write_bytes(content)
    with pytest.raises(AdapterError) as caught:
        read_card(adapter)
    assert "card.json" in one_line(caught.value)


def test_a_record_that_says_too_little_is_told(run):
    record = json.loads((run.folder / "run.json").read_text())
    for lacking in ({}, {"summary": {}}, {"summary": 5, "method": []}, {**record, "summary": None}):
        with pytest.raises(AdapterError) as caught:
            card_of_run(run.artifact, lacking, "x")
        assert "does not say how" in one_line(caught.value)


def test_a_strangers_texts_are_no_markup(tmp_path):
    evil = "<script>alert(1)</script> | x | ![i](http://e/x.png)\n# head `code` $x$ \x1b[31m"
    names = {evil: 0.5}
    card = AdapterCard(name=evil, base=evil, data=evil, status=evil, target_modules=(evil,), description=evil,
                       scores_after=names, versions={evil: evil}, base_sha256=evil)  # fmt: skip
    text = card._repr_markdown_()
    html = mistune.create_markdown(plugins=["table", "math"])(text)
    tags = set(re.findall(r"<([a-z0-9]+)", html))
    assert tags == {"h1", "p", "strong", "table", "thead", "tbody", "tr", "th", "td"}
    assert html.count("alert(1)") == 10
    assert "\x1b" not in text
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    assert [len(re.findall("<t[hd]", row)) for row in rows] == [2] * 5 + [3] * 2


def test_a_card_without_weights_or_folder_is_told(tmp_path, run):
    with pytest.raises(AdapterError, match=r"there is no adapter_config\.json"):
        read_card(tmp_path / "nowhere")
    shutil.copy(run.artifact / "card.json", tmp_path)
    assert read_card(tmp_path).r == 2
