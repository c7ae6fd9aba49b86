"""Answers for a person: alike ones together, marked at once, in the terminal or in a sheet; nothing is mixed up."""

import csv
import random
import time
from pathlib import Path

import pytest
import thirty
from test_class_course import invoke
from typer.testing import CliRunner

from finetune_lab.classroom.clusters import clusters
from finetune_lab.classroom.faults import ClassError
from finetune_lab.classroom.submission import Answered, Attempt
from finetune_lab.classroom.writing import write_submission
from finetune_lab.cli.classes import classes
from finetune_lab.errors import LabError


@pytest.fixture
def four_in(tmp_path, monkeypatch):
    """Four students whose texts a person reads, three of them alike, and three more who answered another question."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    texts = {number: ("checkpoint-qlora", thirty.unread(number - 13)) for number in range(13, 17)}
    texts |= {number: ("checkpoint-full", thirty.COPIED.replace("really", word)) for number, word in NEARLY.items()}
    for number, (question, text) in texts.items():
        answers = [Answered("lesson", question, (Attempt(text, thirty.DUE),))]
        write_submission(tmp_path / "in" / f"{number}.json", f"s{number}", thirty.COURSE, answers)
    return tmp_path


NEARLY = {1: "really", 10: "really", 11: "truly", 12: "simply"}


def read(path):
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write(path, rows, encoding="utf-8", **how):
    with Path(path).open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), **how)
        writer.writeheader()
        writer.writerows(rows)


def test_alike_texts_come_together_and_what_the_rubric_found_comes_first():
    texts = [*thirty.UNREAD, thirty.UNREAD[0]]
    assert clusters(texts, [""] * 5) == [[0, 4, 1, 2], [3]]
    assert clusters(texts, ["", "", "x", "", ""]) == [[0, 4, 1], [2], [3]]
    assert clusters([], []) == []
    assert clusters(["", "!!", "a"], [""] * 3) == [[0], [1], [2]]


def test_clusters_are_the_same_every_time_and_soon_there():
    chance = random.Random(0)
    words = [f"word{number}" for number in range(60)]
    texts = [" ".join(chance.choices(words[number % 6 * 10 :][:10], k=25)) for number in range(300)]
    start = time.process_time()
    found = clusters(texts, [""] * 300)
    assert time.process_time() - start < 8
    assert found == clusters(texts, [""] * 300)
    assert sorted(one for group in found for one in group) == list(range(300))
    assert all(len({one % 6 for one in group}) == 1 for group in found)


def test_a_sheet_is_filled_in_and_read_back(four_in):
    assert "4 answers in 2 clusters" in invoke("review", "in", "--sheet", "sheet.csv").stdout
    rows = read("sheet.csv")
    assert [(row["cluster"], row["student_id"]) for row in rows][:5] == [
        ("checkpoint-qlora/1", "*"), ("checkpoint-qlora/1", "s13"), ("checkpoint-qlora/1", "s14"),
        ("checkpoint-qlora/1", "s15"), ("checkpoint-qlora/2", "*"),
    ]  # fmt: skip
    assert invoke("review", "in", "--apply", "sheet.csv").stdout.startswith("0 marks")
    rows[0] |= {"points": "0,5", "note": "=the idea"}
    rows[2]["points"] = "1"
    random.Random(1).shuffle(rows)  # sorted by a person
    write("sheet.csv", rows, "utf-16", delimiter=";")  # and saved by Excel
    assert invoke("review", "in", "--apply", "sheet.csv").stdout.startswith("3 marks")
    assert [(row["student_id"], row["points"], row["note"]) for row in read("overrides.csv")] == [
        ("s13", "0.5", "'=the idea"), ("s14", "1", ""), ("s15", "0.5", "'=the idea"),
    ]  # fmt: skip
    assert "1 answers in 1 clusters" in invoke("review", "in", "--sheet", "rest.csv").stdout
    invoke("grade", "in")
    row = next(row for row in read("gradebook.csv") if row["student_id"] == "s14")
    assert (row["checkpoint-qlora"], row["needs_review"]) == ("1.0", "0")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"points": "3"}, "from 0 to 2"), ({"points": "good"}, "'good' is no number"),
        ({"points": "nan"}, "is no number"),
        ({"points": "1", "print": "00000000"}, "another answer since"),
        ({"points": "1", "student_id": "13"}, "'13' has no answer to mark"),
        ({"points": "1", "cluster": "none/1"}, "no answer to mark in 'none/1'"),
    ],
)  # fmt: skip
def test_a_sheet_with_faults_marks_nothing(four_in, change, said):
    invoke("review", "in", "--sheet", "sheet.csv")
    rows = read("sheet.csv")
    rows[1] |= change
    rows[2]["points"] = "1"
    write("sheet.csv", rows)
    with pytest.raises(ClassError, match=f"line 3.*{said}"):
        invoke("review", "in", "--apply", "sheet.csv")
    assert not Path("overrides.csv").exists()


def test_all_of_a_question_can_be_reviewed(four_in):
    invoke("override", "s1", "checkpoint-full", 0.5)
    invoke("review", "in", "--question", "checkpoint-full", "--sheet", "sheet.csv")
    rows = [row for row in read("sheet.csv") if row["student_id"] != "*"]
    assert len(rows) == 3
    assert "s1" not in {row["student_id"] for row in rows}
    together = {row["student_id"]: row["cluster"] for row in rows}
    assert len({together[f"s{number}"] for number in (10, 11, 12)}) == 1
    write("sheet.csv", [{**row, "points": "1"} for row in rows[:3]])
    assert invoke("review", "in", "--apply", "sheet.csv").stdout.startswith("3 marks")
    with pytest.raises(LabError, match="no question 'none'"):
        invoke("review", "in", "--question", "none", "--sheet", "sheet.csv")
    with pytest.raises(ClassError, match="either"):
        invoke("review", "in", "--apply", "sheet.csv", "--sheet", "sheet.csv")


def talk(*said):
    result = CliRunner().invoke(classes, ["review", "in"], input="\n".join(said) + "\n")
    assert result.exception is None, result.exception
    return result.stdout


def test_in_the_terminal_a_cluster_is_marked_at_once(four_in):
    out = talk("7", "a", "0.5 the idea is there", "1")
    assert "that is no number from 0 to 2" in out
    assert "4 marks" in out
    assert [row["points"] for row in read("overrides.csv")] == ["0.5", "0.5", "0.5", "1"]
    assert read("overrides.csv")[0]["note"] == "the idea is there"
    assert "0 marks" in talk("")


def test_in_the_terminal_each_alone_later_and_stop(four_in):
    assert "1 marks" in talk("e", "0", "", "q", "q")
    assert [(row["student_id"], row["points"]) for row in read("overrides.csv")] == [("s13", "0")]
    assert "0 marks" in talk("", "q")
