"""Texts that are too much alike, and runs that are done again: what is honest is left alone, what is not is named."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import thirty
from test_class_course import invoke, thirty_in  # noqa: F401 - a fixture

from finetune_lab.classroom.batch import read_batch
from finetune_lab.classroom.replays import Replayed, replay_notes
from finetune_lab.classroom.similar import shared_records, similar_texts
from finetune_lab.classroom.submission import Answered, Attempt
from finetune_lab.classroom.writing import write_submission
from finetune_lab.cli.replaying import replay_run
from finetune_lab.quiz.loading import load_bank

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
COMMON = "full fine tuning updates all of the weights of the base model "


def hand_in(folder, texts, question="checkpoint-full"):
    folder.mkdir(exist_ok=True)
    for student, said in texts.items():
        tries = tuple(Attempt(one, NOW) for one in ([said] if isinstance(said, str) else said))
        write_submission(folder / f"{student}.json", student, "ml-101", [Answered("lesson", question, tries)])
    return read_batch(folder)


def test_a_copied_passage_is_shown_with_its_owners(tmp_path):
    own = "my dog ate the second moment so I looked at the optimizer and found two floats for each weight"
    batch = hand_in(tmp_path / "in", {
        "a": "I think that " + thirty.COPIED, "b": thirty.COPIED.replace("really", "truly").upper() + "!", "c": own,
        "d": ["I don't know", thirty.COPIED[:120] + " and that is what I remember of the lecture"],
    })  # fmt: skip
    pairs = similar_texts(batch, load_bank("lesson"))
    assert [pair.students for pair in pairs] == [("a", "b"), ("a", "d"), ("b", "d")]
    assert pairs[0].share > 0.8
    assert any(
        "each and every weight of the pretrained base network by gradient descent" in one for one in pairs[0].passages
    )


def test_the_question_and_what_everyone_says_are_no_copies(tmp_path):
    prompt = load_bank("lesson")["checkpoint-full"].prompt
    batch = hand_in(tmp_path / "in", {
        f"s{number}": f"{prompt} {prompt} {COMMON * 2} {name} is what number {name} alone said about {name} here"
        for number, name in enumerate(["red", "blue", "green", "grey", "pink", "black"])
    })  # fmt: skip
    assert similar_texts(batch, load_bank("lesson")) == []


def test_short_texts_are_the_same_by_chance(tmp_path):
    batch = hand_in(tmp_path / "in", {"a": "all of the weights are updated", "b": "all of the weights are updated"})
    assert similar_texts(batch, load_bank("lesson")) == []


def test_the_command_lists_pairs_and_shared_records_and_changes_no_mark(thirty_in):  # noqa: F811
    invoke("grade", "in")
    before = Path("gradebook.csv").read_bytes()
    result = invoke("similar", "in")
    assert "s10@example.org, s12@example.org: checkpoint-full: 100 % of the shorter text" in result.stdout
    assert "s06@example.org, s07@example.org: the same run record in 2 submissions." in result.stdout
    assert "s06@example.org, s07@example.org: the same loss curve with the same time" in result.stdout
    assert "\x1b" not in result.stdout
    invoke("grade", "in")
    assert Path("gradebook.csv").read_bytes() == before


def test_the_same_losses_from_the_same_settings_are_no_shared_record(thirty_in):  # noqa: F811
    one = json.loads(Path("in/02.json").read_text("utf-8"))
    other = json.loads(Path("in/06.json").read_text("utf-8"))
    other["runs"][0]["curve"] = one["runs"][0]["curve"]
    Path("in/06.json").write_text(json.dumps(other), encoding="utf-8")
    Path("in/07.json").unlink()
    assert shared_records(read_batch(Path("in"))) == []


RECORD = {
    "method": {"method": "lora", "r": 4, "lora_alpha": 8}, "machine": "m", "versions": {"torch": "1"},
    "config": {"batch_size": 2, "max_length": 128, "max_steps": 3, "eval_examples": 1, "score_examples": 0, "seed": 7},
    "started": "", "summary": {}, "hashes": {},
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"config": {"model": "gpt2"}}, "only the embedded lab-base"),
        ({"config": {"model": "../x"}}, "embedded"),
        ({"config": {"data": "/etc/passwd.csv"}}, "only the shipped data"),
        ({"config": {"data": "owner/set"}}, "only the shipped data"),
        ({"config": {"eval_data": "x.csv"}}, "only the shipped data"), ({"config": {"batch_size": 10**9}}, "tokens"),
        ({"config": {"max_length": 10**9}}, "tokens"),
        ({"config": {"trust_remote_code": True}}, "none of this version"),
        ({"config": {"seed": "x"}}, "none of this version"), ({"method": {"method": "lora", "r": 4096}}, "rank"),
        ({"method": {"method": "pickle"}}, "no method"), ({"method": {}}, "no method"),
    ],
)  # fmt: skip
def test_what_is_not_shipped_or_too_large_is_not_replayed(change, said):
    found = replay_run({**RECORD, **change})
    assert isinstance(found, str)
    assert said in found


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """A student's real run of three steps of the embedded base."""
    import finetune_lab as lab

    run = lab.tune(lab.LoRA(r=4, lora_alpha=8), out=tmp_path_factory.mktemp("run") / "run", **RECORD["config"])
    return run.folder


@pytest.mark.slow
def test_an_honest_run_agrees_with_its_replay_and_an_edited_one_differs(honest, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    answers = [Answered("lesson", "quick-qlora", (Attempt("quantized-base", NOW),))]
    write_submission(folder / "ann.json", "ann", "ml-101", answers, [honest])
    data = json.loads((folder / "ann.json").read_text("utf-8").replace('"ann"', '"eve"'))
    data["runs"][0]["curve"]["losses"] = [
        round(loss * 0.8**at, 6) for at, loss in enumerate(data["runs"][0]["curve"]["losses"])
    ]
    (folder / "eve.json").write_text(json.dumps(data), encoding="utf-8")
    done = []

    def replay(record):
        done.append(record)
        return replay_run(record, steps=3)

    notes = {note.about: note.what for note in replay_notes(read_batch(folder).counted, replay)}
    assert len(done) == 1  # the same settings are done once
    assert "replayed 3 steps on the same versions: the losses agree within 0" in notes["ann"]
    assert "DIFFERS: at step 2 the record says" in notes["eve"]
    wrong = replay_run({**RECORD, "method": {"method": "lora", "target_modules": "no_such_layer"}})
    assert "can't be run" in wrong


def handed(losses, tmp_path, **more):
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    write_submission(folder / "a.json", "ann", "ml-101", [])
    data = json.loads((folder / "a.json").read_text("utf-8"))
    data["runs"] = [{**RECORD, **more, "curve": {"steps": list(range(1, len(losses) + 1)), "losses": losses}}]
    (folder / "a.json").write_text(json.dumps(data), encoding="utf-8")
    return read_batch(folder).counted


@pytest.mark.parametrize(
    ("losses", "machine", "said"),
    [
        ([3.0, 2.0], "m", "agree within 0 percent"), ([3.0, 2.03], "m", "agree within 1.5 percent"),
        ([3.0, 2.1], "m", "DIFFERS: at step 2"), ([3.0, 2.1], "other", "another machine: the losses agree"),
        ([3.0, 2.2], "other", "DIFFERS"), ([3.0], "m", "has 1 of the steps"), ([], "m", "has 0 of the steps"),
        ([1e30, -1e30], "m", "DIFFERS: at step 1"),
    ],
)  # fmt: skip
def test_the_tolerance_is_wider_elsewhere(tmp_path, losses, machine, said):
    again = Replayed({1: 3.0, 2: 2.0}, {"torch": "1"}, "m")
    note = next(replay_notes(handed(losses, tmp_path, machine=machine), lambda _: again))
    assert said in note.what
    assert "not replayed: why" in next(replay_notes(handed(losses, tmp_path), lambda _: "why")).what
