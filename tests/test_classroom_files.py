"""Submissions from strangers: nothing is run or unpacked, and one bad file stops nobody (F22 to F28)."""

import csv
import io
import json
import os
import random
import stat
import time
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from finetune_lab.classroom.batch import read_batch
from finetune_lab.classroom.faults import ClassError, SubmissionError
from finetune_lab.classroom.gradebook import Grading, make_gradebook
from finetune_lab.classroom.late import LatePolicy
from finetune_lab.classroom.parsing import LARGEST
from finetune_lab.classroom.submission import Answered, Attempt, seals, submission_from
from finetune_lab.classroom.verifying import verify
from finetune_lab.classroom.writing import write_submission
from finetune_lab.cli.classes import classes
from finetune_lab.quiz.loading import load_bank

NOW = datetime.now(UTC) - timedelta(hours=1)
LONG = "All of the base model's weights are updated, so gradients and optimizer state are needed for each of them."
RUN = {
    "method": {"method": "lora", "r": 8}, "config": {"max_steps": 2}, "started": "", "machine": "", "versions": {},
    "summary": {"method": "lora", "rank": 8, "steps": 2, "loss_first": 3.0, "trainable_parameters": 5,
                "total_parameters": 9},
    "curve": {"steps": [1, 2], "losses": [3.0, 2.0]}, "hashes": {"events.jsonl": "ab" * 32},
}  # fmt: skip


def content(folder, by="ann", given=(("quick-qlora", "quantized-base"),), **changes):
    """The bytes of a good submission; parts changed on top are sealed again."""
    answers = [Answered("lesson", question, (Attempt(answer, NOW),)) for question, answer in given]
    path = write_submission(folder / "made.txt", by, "ml-101", answers)
    data = {**json.loads(path.read_text("utf-8")), **changes}
    path.unlink()
    if changes and "seals" not in changes:
        data["seals"] = seals(data)
    return json.dumps(data).encode()


def whys(source):
    return {note.about: note.what for note in read_batch(source).notes}


BAD = {
    "empty": b"",
    "cut off": None,
    "deep": b"[" * 100_000,
    "deep and whole": b"[" * 500 + b"]" * 500,
    "no object": b"[1]",
    "binary": b"\x80\x04\x95cposix\nsystem\n.",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "NaN": b'{"a": NaN}',
    "infinite": b'{"a": 1e999}',
    "many digits": b'{"a": ' + b"9" * 5000 + b"}",
    "doubled key": b'{"student": "a", "student": "b"}',
    "half a letter": b'{"student": "\\ud800"}',
    "huge": b'{"a": "' + b"x" * LARGEST + b'"}',
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_submission_is_noted_and_the_rest_goes_on(tmp_path, name):
    good = content(tmp_path)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.json").write_bytes(good)
    (folder / "b.json").write_bytes(good[:-40] if BAD[name] is None else BAD[name])
    batch = read_batch(folder)
    assert list(batch.handed) == ["ann"]
    assert [note.about for note in batch.notes] == ["b.json"]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"format": 2}, "format"), ({"format": True}, "format"), ({"student": 5}, "student"),
        ({"student": ""}, "student"),
        ({"student": "a\nb"}, "student"), ({"student": " "}, "student"), ({"course": None}, "course"),
        ({"created": "yesterday"}, "created"), ({"created": "2026-13-45T00:00:00Z"}, "created"),
        ({"created": "2026-11-25T00:00:00"}, "created"), ({"answers": {}}, "answers"), ({"answers": [5]}, "answers.0"),
        ({"answers": [{"bank": "lesson", "question": "q", "attempts": []}]}, "answers.0.attempts"),
        ({"runs": [{}]}, "runs.0"), ({"runs": [{**RUN, "curve": {"steps": [1], "losses": ["x"]}}]}, "runs.0.curve"),
        ({"more": 1}, "more"),
    ],
)  # fmt: skip
def test_faults_have_their_place(tmp_path, changes, place):
    with pytest.raises(SubmissionError, match=place):
        submission_from(content(tmp_path, **{"seals": {}, **changes}))


def test_all_faults_are_listed(tmp_path):
    with pytest.raises(SubmissionError, match=r"3 faults.*format.*student.*course"):
        submission_from(content(tmp_path, format=9, student=[], course=1, seals={}))


def test_a_question_stands_once(tmp_path):
    good = json.loads(content(tmp_path))
    with pytest.raises(SubmissionError, match="twice"):
        submission_from(content(tmp_path, answers=good["answers"] * 2))


def test_links_pipes_and_other_files_are_not_opened(tmp_path):
    folder = tmp_path / "in"
    (folder / "a student" / "ünder").mkdir(parents=True)
    (folder / "a student" / "ünder" / "good.json").write_bytes(content(tmp_path))
    (tmp_path / "secret.json").write_bytes(content(tmp_path, student="bob"))
    (folder / "link.json").symlink_to(tmp_path / "secret.json")
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.json")
    (folder / "notebook.ipynb").write_text("{}", encoding="utf-8")
    (folder / ".DS_Store").write_bytes(b"\x00")
    assert list(read_batch(folder).handed) == ["ann"]
    assert {name: what.split(": ")[1] for name, what in whys(folder).items()} == {
        "link.json": "a link is not followed.", "linked": "a link is not followed.",
        "pipe.json": "it is no ordinary file.", "notebook.ipynb": "it is no .json file.",
    }  # fmt: skip


def test_an_archive_is_read_without_unpacking(tmp_path):
    source = tmp_path / "in.zip"
    good = content(tmp_path)
    link = zipfile.ZipInfo("link.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    inner = tmp_path / "inner.zip"
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("x.json", good)
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("moodle/Ann_1_file/ann.json", good)
        for name in ("../../out.json", "/etc/out.json", "C:\\out.json", "..\\out.json"):
            archive.writestr(name, good)
        archive.writestr(link, "/etc/passwd")
        archive.write(inner, "inner.zip")
        archive.writestr("bomb.json", b"0" * 300_000_000)
        archive.writestr("same.json", content(tmp_path, student="bob"))
        archive.writestr("SAME.json", content(tmp_path, student="eve"))
        archive.writestr("__MACOSX/._ann.json", b"\x00")
    before = sorted(tmp_path.rglob("*"))
    start = time.perf_counter()
    batch = read_batch(source)
    assert time.perf_counter() - start < 5
    assert sorted(tmp_path.rglob("*")) == before
    assert list(batch.handed) == ["ann", "eve"]
    found = whys(source)
    assert {name: what for name, what in found.items() if "outside" in what}.keys() == {
        "../../out.json", "/etc/out.json", "C:/out.json", "../out.json",
    }  # fmt: skip
    assert "link" in found["link.json"]
    assert "archive within" in found["inner.zip"]
    assert "over 5,000,000 bytes" in found["bomb.json"]
    assert "another file has this name" in found["same.json"]


def test_a_damaged_archive_costs_only_what_is_damaged(tmp_path):
    source = tmp_path / "in.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("a.json", content(tmp_path))
        archive.writestr("b.json", content(tmp_path, student="bob"))
    data = bytearray(source.read_bytes())
    data[100] ^= 255  # within the first file: its checksum is wrong
    source.write_bytes(data)
    assert list(read_batch(source).handed) == ["bob"]
    source.write_bytes(data[:-30])
    for wrong in (source, tmp_path / "none.zip"):
        with pytest.raises(ClassError):
            read_batch(wrong)


def test_too_many_entries_are_refused_whole(tmp_path):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for number in range(10_001):
            archive.writestr(f"{number}.json", b"")
    with pytest.raises(ClassError, match="10,000"):
        read_batch(tmp_path / "in.zip")


def test_the_latest_of_a_student_counts_and_it_is_said(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name, student, created in (("1", "Zoe\u0308", "10"), ("2", "Zo\u00eb", "12"), ("3", "Zo\u00eb", "11")):
        (folder / f"{name}.json").write_bytes(content(tmp_path, by=student, created=f"2026-11-{created}T00:00:00Z"))
    batch = read_batch(folder)
    assert [one.file for one in batch.counted] == ["2.json"]
    assert whys(folder) == {"Zo\u00eb": "the latest counts, 2.json; set aside: 1.json, 3.json."}


def test_another_course_is_set_aside(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.json").write_bytes(content(tmp_path))
    assert len(read_batch(folder, "ml-101").handed) == 1
    batch = read_batch(folder, "ml-102")
    assert (batch.handed, len(batch.notes)) == ({}, 1)


def test_an_edit_names_its_part(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    good = json.loads(content(tmp_path, runs=[RUN]))
    assert submission_from(json.dumps(good).encode()).broken_seals == ()
    good["runs"][0]["summary"]["loss_first"] = 1.0
    good["answers"][0]["attempts"][0]["answer"] = "no-attention"
    (folder / "a.json").write_text(json.dumps(good), encoding="utf-8")
    found = [note.what for note in verify(read_batch(folder), load_bank("lesson"))]
    assert "changed after it was written" in found[0]
    assert "answers lesson quick-qlora, runs 1." in found[0]
    assert "loss_first is 1.0, but the curve begins at 3" in found[1]


def test_another_students_file_under_a_new_name_is_seen(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    ann = content(tmp_path, given=[("checkpoint-full", LONG), ("lora-count", 4)], runs=[RUN])
    (folder / "ann.json").write_bytes(ann)
    (folder / "eve.json").write_bytes(ann.replace(b'"student": "ann"', b'"student": "eve"'))
    (folder / "max.json").write_bytes(content(tmp_path, by="max", given=[("checkpoint-full", LONG.upper())]))
    found = [(note.about, note.what) for note in verify(read_batch(folder), load_bank("lesson"))]
    assert found[0][0] == "eve"
    assert "no seal fits" in found[0][1]
    assert found[1:] == [
        ("ann, eve", "the same run record in 2 submissions."),
        ("ann, eve, max", "the same text for checkpoint-full in 3 submissions."),
        ("ann, eve", "the same answers at the same times in 2 submissions."),
    ]
    assert "the same run record" in CliRunner().invoke(classes, ["verify", str(folder)]).stdout


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        ("curve", {"steps": [2, 1], "losses": [3.0, 2.0]}, "loss curve"),
        ("curve", {"steps": [1], "losses": []}, "loss curve"),
        ("curve", {"steps": [1, 2], "losses": [3.0, -2.0]}, "below zero"), ("method", {"r": 16}, "rank is 8"),
        ("config", {"max_steps": 1}, "2 steps, but 1"), ("summary", {"total_parameters": 1}, "5 of 1"),
    ],
)  # fmt: skip
def test_impossible_runs_are_named(tmp_path, part, change, said):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.json").write_bytes(content(tmp_path, runs=[{**RUN, part: {**RUN[part], **change}}]))
    assert any(said in note.what for note in verify(read_batch(folder), load_bank("lesson")))


def test_honest_submissions_have_nothing_to_look_at(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.json").write_bytes(content(tmp_path, runs=[RUN]))
    assert verify(read_batch(folder), load_bank("lesson")) == []


@pytest.mark.parametrize(
    ("begun", "late"),
    [
        ([NOW + timedelta(minutes=5)], False),
        ([NOW - timedelta(minutes=5)], True),
        ([NOW - timedelta(minutes=5), NOW + timedelta(minutes=5)], False),  # of the second run nothing was known yet
        ([None], False),  # and a record without a time tells nothing
    ],
)
def test_a_prediction_after_the_last_run_is_seen(tmp_path, begun, late):
    question = next(one.id for one in load_bank("lesson").questions if one.kind == "predict" and one.choices)
    folder = tmp_path / "in"
    folder.mkdir()
    runs = [{**RUN, "started": one.isoformat(timespec="seconds") if one else ""} for one in begun]
    (folder / "a.json").write_bytes(content(tmp_path, runs=runs, given=[(question, "optimizer"), ("lora-count", 4)]))
    found = [note.what for note in verify(read_batch(folder), load_bank("lesson"))]
    assert found == ([f"a.json: {question} was predicted after the last run had begun."] if late else [])


def test_no_damage_ever_stops_a_batch(tmp_path):
    """A fuzz test: bytes flipped, cut and doubled, and parts of the JSON put in each other's place."""
    chance = random.Random(0)
    good = content(tmp_path, runs=[RUN], given=[("checkpoint-full", LONG), ("lora-count", 4)])
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(300):
        data = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        at = chance.randrange(len(data))
        (folder / f"{number}.json").write_bytes(chance.choice([data, data[:at], data[at:] + data[:at]]))
        (folder / f"m{number}.json").write_text(json.dumps(_mixed(json.loads(good), chance)), encoding="utf-8")
    batch = read_batch(folder)
    verify(batch, load_bank("lesson"))
    book = make_gradebook(batch, load_bank("lesson"), Grading(late=LatePolicy(NOW, 10)))
    assert len(list(csv.reader(io.StringIO(book.to_csv())))) == len(book.rows) + 1
    seen = sum(len(several) for several in batch.handed.values())
    assert seen + sum("not read" in note.what for note in batch.notes) == 600
    assert seen > 0


def _mixed(value, chance):
    """The value with about one part in twenty replaced by something of another kind."""
    if chance.random() < 0.04:
        return chance.choice([None, True, -1, 1e20, "", "=x", "\x00", [], {}, [[]], "2026-02-30T00:00:00Z"])
    if isinstance(value, dict):
        return {key: _mixed(one, chance) for key, one in value.items()}
    return [_mixed(one, chance) for one in value] if isinstance(value, list) else value
