"""Anything at all as a submission, a bank, a roster or an archive: a result or an error of ours, never a crash."""

import io
import json
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
import thirty
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from finetune_lab.classroom.batch import read_batch
from finetune_lab.classroom.course import read_course
from finetune_lab.classroom.details import details_of, details_path, read_details
from finetune_lab.classroom.exchange.gradescope import gradescope_files
from finetune_lab.classroom.exchange.tables import canvas_table, moodle_table, nbgrader_table
from finetune_lab.classroom.exchange.xapi import xapi_lines
from finetune_lab.classroom.gradebook import Grading, make_gradebook
from finetune_lab.classroom.grading import Graded
from finetune_lab.classroom.overrides import read_overrides
from finetune_lab.classroom.replays import Replayed, replay_notes
from finetune_lab.classroom.report.page import report_page
from finetune_lab.classroom.review_sheet import marks_in_sheet, review_sheet
from finetune_lab.classroom.reviewing import clusters_of
from finetune_lab.classroom.roster import read_roster
from finetune_lab.classroom.similar import shared_records, similar_texts
from finetune_lab.classroom.submission import seals, submission_from
from finetune_lab.classroom.verifying import verify
from finetune_lab.cli.replaying import replay_run
from finetune_lab.errors import LabError
from finetune_lab.quiz.loading import bank_path, load_bank

FUZZ = settings(
    max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
WORDS = st.sampled_from(
    ["", "=1+1", "<b>", "\u202e", "I don't know", "all weights", "1e9", "nan", "-0", "quantized-base"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A good submission with runs, as data."""
    folder = tmp_path_factory.mktemp("good")
    thirty.hand_in_all(folder / "in")
    return json.loads((folder / "in" / "03.json").read_text("utf-8"))


def calm(act, *arguments):
    """The result, or None after an error of ours; any other error is a failure."""
    faults = []
    try:
        return act(*arguments)
    except LabError as error:
        faults.append(error)
    assert faults[0].hint
    assert "\n" not in str(faults[0])
    return None


def paths_of(value, here=()):
    """The place of every part of the data."""
    yield here
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from paths_of(part, (*here, key))


def put(value, place, new):
    """A copy with another part in one place."""
    if not place:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = put(copy[place[0]], place[1:], new)
    return copy


@FUZZ
@given(
    st.binary(max_size=300) | st.text(max_size=200).map(str.encode) | ANYTHING.map(lambda one: json.dumps(one).encode())
)
@example(b"[" * 100_000)
@example(b'{"\\n": null}')
@example(b'{"a": 1, "a": 2}')
@example(b"9" * 5000)
def test_f23_any_bytes_are_a_submission_or_a_listed_fault(content):
    calm(submission_from, content)


@settings(FUZZ, max_examples=50)
@given(st.data())
def test_f23_f27_any_change_of_a_submission_goes_through_every_command(good, tmp_path_factory, data):
    places = [place for place in paths_of(good) if place]
    changed = good
    for place in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=3)):
        try:
            changed = put(changed, place, data.draw(ANYTHING))
        except (KeyError, IndexError, TypeError):
            continue  # another change took this place away
    if data.draw(st.booleans()):
        with suppress(KeyError, TypeError, AttributeError, ValueError):
            changed = {**changed, "seals": seals(changed)}
    folder = tmp_path_factory.mktemp("in")
    (folder / "a.json").write_text(json.dumps(changed), encoding="utf-8")
    every_command(folder)


def every_command(folder):
    """All that an instructor does with a folder of submissions."""
    bank, batch = load_bank("lesson"), read_batch(folder)
    verify(batch, bank)
    similar_texts(batch, bank)
    shared_records(batch)
    list(replay_notes(batch.counted, lambda _: Replayed({1: 3.0, 2: 2.0}, {}, "")))
    book = make_gradebook(batch, bank, Grading())
    book.to_csv()
    report_page(book)
    graded = Graded(bank, batch, book)
    review_sheet([*clusters_of(graded), *clusters_of(graded, "checkpoint-full")])
    out = folder.parent / f"{folder.name}.csv"
    details_path(out).write_text(json.dumps(details_of(book, "", "")), encoding="utf-8")
    details = read_details(out)
    for export in (nbgrader_table, canvas_table, moodle_table):
        export(details, "quiz")
    gradescope_files(details)
    list(xapi_lines(details, "https://example.org"))


@FUZZ
@given(
    st.dictionaries(st.sampled_from(["method", "r", "lora_alpha", "target_modules", "bits", "x"]), LEAVES), st.data()
)
def test_no_run_record_makes_the_replay_load_what_is_not_shipped(method, data):
    config = data.draw(st.dictionaries(st.sampled_from(["model", "data", "max_length", "seed", "x"]), LEAVES))
    config |= {"model": data.draw(st.text(max_size=9).filter(lambda name: name != "lab-base"))}
    assert isinstance(replay_run({"method": method, "config": config}), str)


@pytest.fixture(scope="module")
def lesson():
    return bank_path("lesson").read_bytes()


@FUZZ
@given(data=st.data())
def test_f21_any_bytes_are_a_bank_or_listed_faults(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("bank") / "bank.toml"
    path.write_bytes(data.draw(st.binary(max_size=200) | st.text(max_size=200).map(str.encode)))
    calm(load_bank, path)


@FUZZ
@given(data=st.data())
def test_f21_any_change_of_a_bank_is_a_bank_or_listed_faults(lesson, tmp_path_factory, data):
    lines = lesson.decode().splitlines()[:160]
    for at in data.draw(st.lists(st.integers(0, len(lines) - 1), min_size=1, max_size=3)):
        name = lines[at].partition("=")[0]
        lines[at] = data.draw(
            st.sampled_from(
                ["", "[[question]]", "[question.number]", f"{name}= 9e99", f"{name}= [[[]]]", f"{name}= nan"]
            )
            | ANYTHING.map(lambda value, name=name: f"{name}= {json.dumps(value)}")
        )
    path = tmp_path_factory.mktemp("bank") / "bank.toml"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    calm(load_bank, path)


TABLES = st.lists(st.lists(st.text(max_size=12) | WORDS, max_size=6), max_size=5).map(
    lambda rows: "\n".join(",".join(row) for row in rows)
)
HEADS = st.sampled_from(["", "student_id,email\n", "Student,ID,Section,SIS Login ID\n", "sep=;\nstudent_id;name\n",
                         "student_id,question,points,note\n", "cluster,student_id,points,note,print\n"])  # fmt: skip
CODES = st.sampled_from(["utf-8", "utf-16", "utf-8-sig", "utf-32", "latin-1"])
SAVED = st.builds(lambda head, rows, code: (head + rows).encode(code, "replace"), HEADS, TABLES, CODES)


@FUZZ
@given(
    st.builds(lambda head, rows, code: (head + rows).encode(code, "replace"), HEADS, TABLES, CODES)
    | st.binary(max_size=200)
)
def test_any_table_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("table") / "table.csv"
    path.write_bytes(content)
    calm(read_roster, path)
    calm(read_overrides, path, load_bank("lesson"))
    calm(marks_in_sheet, path, [])
    calm(read_course, path)
    calm(read_details, path.with_name("table.csv"))


@FUZZ
@given(
    st.binary(max_size=100),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=6),
    st.text(max_size=20),
)
def test_f22_any_archive_is_read_or_refused(tmp_path_factory, tail, flips, name):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in ("a.json", f"{name}.json", f"../{name}.json", "b.json"):
            archive.writestr(zipfile.ZipInfo(one.encode("utf-8", "replace").decode()), "{}" * 20)
    content = bytearray(made.getvalue())
    for at, value in flips:
        content[at % len(content)] = value
    folder = tmp_path_factory.mktemp("zip")
    path = folder / "in.zip"
    path.write_bytes(bytes(content) + tail)
    calm(read_batch, path)
    assert list(folder.iterdir()) == [path]
    assert not (Path(folder.parent) / f"{name}.json").exists()
