"""Forgetting is measured where that was asked, replay keeps its share exactly, and both resume exactly."""

import json
import sys
from itertools import islice
from pathlib import Path

import pytest
from tiny import losses, one_line, session_of, write_rows
from typer.testing import CliRunner

from finetune_lab.batches import Encoded, encode_texts, mixed_batches
from finetune_lab.cli.app import app
from finetune_lab.config import LoRA, QLoRA, TuneConfig
from finetune_lab.data import load_data
from finetune_lab.data.others import load_other
from finetune_lab.errors import ConfigError, DataError, RunError
from finetune_lab.events import Evaluated, Started, event_from_dict, event_to_dict
from finetune_lab.models import find_base, load_tokenizer
from finetune_lab.tuning.comparison import compare
from finetune_lab.tuning.material import material_of
from finetune_lab.tuning.run import load_run, tune
from finetune_lab.tuning.training import train

pytest_plugins = "tiny_base"
DATA = Path(__file__).resolve().parents[1] / "data"


@pytest.fixture(scope="module")
def tokenizer(base):
    return load_tokenizer(find_base(str(base)))


@pytest.fixture
def texts(tmp_path):
    file = tmp_path / "texts.jsonl"
    lines = [json.dumps({"text": f"Text {n} about the sales order of day {n}."}) for n in range(9)]
    file.write_text("\n".join(lines))
    return file


def numbered(count, first, length=6):
    """Examples that tell by their first token which source they are from."""
    return [Encoded((first, *([n % 50 + 10] * (length + n % 4))), 1, 0) for n in range(count)]


@pytest.mark.parametrize(("share", "size"), [(0.25, 8), (0.1, 8), (0.3, 10), (0.29, 7), (0.9, 4), (0.25, 1)])
def test_the_replayed_share_is_exact_over_many_batches(share, size):
    sources = (numbered(40, 2), numbered(12, 3))
    made = list(islice(mixed_batches(sources, share, size, 1, seed=0), 300))
    replayed = [int((batch.input_ids[:, 0] == 3).sum()) for batch in made]
    assert all(len(batch.input_ids) == size for batch in made)
    assert sum(replayed) == int(round(300 * size * share, 6))
    assert max(replayed) - min(replayed) <= 1


def test_skipped_batches_are_those_that_a_resumed_run_has_done():
    sources = (numbered(40, 2), numbered(12, 3))
    whole = list(islice(mixed_batches(sources, 0.3, 4, 1, seed=5), 60))
    rest = list(islice(mixed_batches(sources, 0.3, 4, 1, seed=5, skip=37), 23))
    assert [batch.input_ids.tolist() for batch in whole[37:]] == [batch.input_ids.tolist() for batch in rest]
    other = next(mixed_batches(sources, 0.3, 4, 1, seed=6))
    assert other.input_ids.tolist() != whole[0].input_ids.tolist()


def test_every_example_of_both_sources_has_its_turn():
    sources = (numbered(24, 2), numbered(9, 3))
    seen = [row[1:3] for batch in islice(mixed_batches(sources, 0.5, 6, 1, seed=1), 8) for row in
            batch.input_ids.tolist() if row[0] == 2]  # fmt: skip
    assert len(seen) == 24
    assert {row[0] for row in seen} == {n % 50 + 10 for n in range(24)}


def test_a_plain_text_is_learned_whole_after_one_start_token(tokenizer):
    short, long = encode_texts(tokenizer, ["Click New.", "Click New. " * 40], 20)
    assert short.ids[0] == tokenizer.bos_token_id
    assert tokenizer.decode(short.ids[1:]) == "Click New."
    assert (short.start, short.cut) == (1, 0)
    assert len(long.ids) == 20
    assert long.cut > 50


def test_nothing_is_replayed_or_judged_unless_it_was_asked_for(settings, tmp_path):
    race = compare([LoRA(r=1), QLoRA(r=1)], out=tmp_path / "race", **settings | {"max_steps": 1})
    assert all("loss on" not in column for row in race.rows() for column in row)
    for run in race.runs:
        assert run.summary["forgetting_before"] == run.summary["forgetting_after"] == {}
        assert not {"replay", "forgetting"} & set(run.events[0].reasons)
    plain = material_of(TuneConfig(**settings), load_tokenizer(find_base(settings["model"])))
    assert plain.replay == []
    assert plain.forgetting == {}


def test_the_loss_on_other_data_is_judged_before_and_after_and_shown(settings, texts, tmp_path):
    settings |= {"forgetting_data": f"base, {texts},tickets,base", "max_length": 200, "learning_rate": 2e-2}
    race = compare([LoRA(r=2)], out=tmp_path / "race", **settings)
    run = race.runs[0]
    before, after = (run.summary[f"forgetting_{when}"] for when in ("before", "after"))
    assert list(before) == list(after) == ["base", str(texts), "tickets"]
    assert all(abs(before[name] - after[name]) > 1e-3 for name in before)
    assert before["base"] == pytest.approx(8.3, abs=0.5)  # ln 4,096: the tiny base knows nothing
    row = race.rows()[0]
    assert [column for column in row if column.startswith("loss on")] == [
        "loss on base", "loss on texts.jsonl", "loss on tickets",
    ]  # fmt: skip
    assert row["loss on base"] == f"{before['base']:.3f} → {after['base']:.3f}"
    assert "2 of base" in run.events[0].reasons["forgetting"]
    assert "product-help text of our own" in run.events[0].reasons["forgetting"]
    assert load_run(run.folder).summary["forgetting_after"] == after


def test_replay_is_said_with_its_share_of_the_tokens_and_changes_the_run(settings, tmp_path):
    plain = tune(LoRA(r=2), out=tmp_path / "plain", **settings)
    run = tune(LoRA(r=2), out=tmp_path / "mixed", **settings | {"replay_share": 0.5})
    reason = run.events[0].reasons["replay"]
    assert "50% of the examples of the batches are from base (480 in all)" in reason
    assert "lab-base itself wrote" in reason
    assert int(reason.split("about ")[1].split("%")[0]) > 50  # texts are longer than the answers
    assert run.losses != plain.losses
    assert run.summary["memory"]["predicted"]["peak"] == pytest.approx(
        run.summary["memory"]["measured"]["peak"], rel=0.01
    )


def test_replay_keeps_some_of_what_a_tune_would_forget(settings, texts, tmp_path):
    """The tiny base knows nothing yet; with replay it comes to know the texts, without it does not."""
    held = tmp_path / "held.jsonl"
    held.write_text(texts.read_text().replace("Text ", "Text 1"))
    settings |= {"forgetting_data": str(held), "replay_data": str(texts), "max_steps": 12, "learning_rate": 2e-2}
    without, replayed = (
        tune(LoRA(r=4), out=tmp_path / f"run{share}", **settings | {"replay_share": share}).summary
        for share in (0.0, 0.5)
    )
    name = str(held)
    assert without["forgetting_before"] == replayed["forgetting_before"]
    assert replayed["forgetting_after"][name] < without["forgetting_after"][name] - 0.5


def test_a_resumed_run_with_replay_goes_on_to_the_same_losses(settings, tmp_path):
    settings |= {"replay_share": 0.3, "forgetting_data": "base", "max_steps": 6, "gradient_accumulation_steps": 2}
    whole, events = session_of(LoRA(r=2), settings, tmp_path / "whole")
    steps = train(LoRA(r=2), out=tmp_path / "cut", **settings)
    for event in steps:
        if type(event).__name__ == "Stepped" and event.step == 3:
            steps.close()
    resumed = list(train(resume=tmp_path / "cut"))
    assert losses(load_run(tmp_path / "cut").events) == losses(events)
    assert resumed[-2].forgetting == events[-2].forgetting
    assert "replay" in resumed[0].reasons
    assert whole.material.replay


def test_replayed_or_judged_data_that_changed_stops_a_resumed_run(settings, texts, tmp_path):
    for name, field in (
        ("a", {"replay_share": 0.5, "replay_data": str(texts)}),
        ("b", {"forgetting_data": str(texts)}),
    ):
        steps = train(LoRA(r=2), out=tmp_path / name, **settings | {"max_steps": 3, **field})
        for event in steps:
            if type(event).__name__ == "Stepped":
                steps.close()
        kept = texts.read_text()
        texts.write_text(kept.replace("sales order", "purchase order"))
        with pytest.raises(RunError, match="the examples to train on or to judge by changed"):
            list(train(resume=tmp_path / name))
        texts.write_text(kept)


def test_other_data_comes_as_texts_or_as_pairs(texts, rows):
    assert len(load_other("base", "train")) == 480
    assert len(load_other("base", "held-out")) == 160
    assert {example.prompt for example in load_other(str(texts), "held-out")} == {""}
    assert len(load_other(str(rows), "train")) == len(load_other(str(rows), "held-out")) == 24
    tickets = load_data(TuneConfig())
    assert load_other("tickets", "train") == tickets.train
    assert load_other("tickets", "held-out") == tickets.validation


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"text": ""}\n{"text": 3}\n', "2 faults"),
        ('{"text": "a"}\n{"other": "b"}\n', "'text' is null"),
        ('{"other": "b"}\n', "no prompt and completion"),
        ("", "is empty"),
    ],
)
def test_other_data_that_can_not_be_used_is_told_before_anything_runs(settings, tmp_path, content, says):
    bad = tmp_path / "bad.jsonl"
    bad.write_text(content)
    for field in ({"forgetting_data": str(bad)}, {"replay_data": str(bad), "replay_share": 0.5}):
        with pytest.raises(DataError, match=says) as caught:
            tune(LoRA(r=1), out=tmp_path / "run", **settings | field)
        one_line(caught.value)
    assert not (tmp_path / "run").exists()


def test_settings_that_contradict_are_told(settings, texts, tmp_path):
    both = {"forgetting_data": str(texts), "replay_data": str(texts), "replay_share": 0.2}
    for field, says in ((both, "can't be both"), ({"forgetting_data": " , "}, "names no data")):
        with pytest.raises(ConfigError, match=says) as caught:
            tune(LoRA(r=1), out=tmp_path / "run", **settings | field)
        one_line(caught.value)
    with pytest.raises(ConfigError, match=r"replay_share must be from 0\.0 to 0\.9"):
        TuneConfig(replay_share=0.95)


def test_an_evaluation_is_read_back_as_it_was_written():
    event = Evaluated(3, 1.0, {}, forgetting={"base": 2.5})
    assert event_from_dict(json.loads(json.dumps(event_to_dict(event)))) == event
    old = event_to_dict(event)
    old.pop("forgetting")  # written before there was such a field
    assert event_from_dict(old).forgetting == {}
    assert Started(0, 1, 1, 1, {}, "").reasons == {}


def test_the_command_line_has_the_options_with_their_defaults():
    shown = CliRunner().invoke(app, ["tune", "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}).output
    for option in ("--replay-share", "--replay-data", "--forgetting-data"):
        assert option in shown
    assert "share of each batch from replay_data, not from data (default 0.0; 0.0 to 0.9)" in " ".join(shown.split())


def test_the_shipped_text_is_what_its_script_makes_and_its_parts_share_no_line():
    sys.path.insert(0, str(DATA / "build"))
    try:
        made = __import__("make_base_text")
    finally:
        sys.path.remove(str(DATA / "build"))
    held = made.contents(0)
    assert (DATA / "base-text" / "held-out.jsonl").read_text(encoding="utf-8") == held
    replayed, judged = ([example.completion for example in load_other("base", part)] for part in ("train", "held-out"))
    assert (len(set(replayed)), len(set(judged))) == (480, 160)
    shared = {line for text in replayed for line in text.splitlines()} & {
        line for text in judged for line in text.splitlines() if len(line.split()) > 6
    }
    assert shared == set()


def test_rows_of_a_tune_do_not_become_texts(rows):
    assert all(example.prompt for example in load_other(str(write_rows(rows.with_name("more.jsonl"))), "train"))
