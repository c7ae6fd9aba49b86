"""The shipped sets, every layout of rows of one's own, and what is held out. Faults: test_data_faults.py."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from finetune_lab.config import TuneConfig
from finetune_lab.data import DataSet, Example, load_data
from finetune_lab.errors import DataError, UnavailableError
from finetune_lab.resources import shipped

GOOD = b'{"prompt": "p1 ", "completion": "c1"}\n{"prompt": "p2 ", "completion": "c2"}\n'


def write(path: Path, content: bytes | list[dict[str, Any]]) -> str:
    if isinstance(content, list):
        content = "".join(json.dumps(row) + "\n" for row in content).encode()
    path.write_bytes(content)
    return str(path)


def examples(data: DataSet) -> list[tuple[str, str]]:
    return sorted((example.prompt, example.completion) for example in (*data.train, *data.validation))


@pytest.mark.parametrize("name", ["tickets", "tickets-messy"])
def test_shipped_sets_are_complete_and_apart(name: str) -> None:
    data = load_data(TuneConfig(data=name))
    assert (len(data.train), len(data.validation), len(data.test)) == (3000, 300, 500)
    prompts = [{example.prompt for example in part} for part in (data.train, data.validation, data.test)]
    assert not prompts[0] & prompts[1]
    assert not prompts[0] & prompts[2]
    assert not prompts[1] & prompts[2]
    assert all(isinstance(json.loads(example.completion), dict) for example in data.test)
    assert data.validation == load_data(TuneConfig()).validation
    assert re.fullmatch("[0-9a-f]{64}", data.sha256)


def test_a_missing_shipped_file_names_the_places() -> None:
    with pytest.raises(UnavailableError, match="_shipped"):
        shipped("data", "no-such-set", "train.jsonl")


ROWS: list[tuple[str, dict[str, Any], TuneConfig, tuple[str, str]]] = [
    ("as it is", {"prompt": "a", "completion": "b", "id": None}, TuneConfig(), ("a", "b")),
    (
        "named",
        {"mr": "a", "ref": "b", "prompt": "x", "completion": "y"},
        TuneConfig(prompt_field="mr", completion_field="ref"),
        ("a\n", "b"),
    ),
    ("named, apart", {"mr": "a: ", "ref": "b"}, TuneConfig(prompt_field="mr", completion_field="ref"), ("a: ", "b")),
    (
        "messages",
        {
            "messages": [
                {"role": "system", "content": "be kind"},
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": "hello"},
                {"role": "user", "content": "thanks"},
            ]
        },
        TuneConfig(),
        ("system: be kind\nuser: hi\nassistant: ", "hello"),
    ),
    ("instruction", {"instruction": "add", "input": "1 2", "output": "3"}, TuneConfig(), ("add\n1 2\n", "3")),
    ("no input", {"instruction": "sing", "input": "", "output": "la"}, TuneConfig(), ("sing\n", "la")),
]


@pytest.mark.parametrize(("row", "config", "pair"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_layouts(tmp_path: Path, row: dict[str, Any], config: TuneConfig, pair: tuple[str, str]) -> None:
    path = write(tmp_path / "own.jsonl", [row])
    data = load_data(config.replace(data=path, eval_data=path))
    assert data.train == data.validation == data.test == (Example(*pair),)


def test_a_json_suffix_a_mark_and_other_line_ends_are_read(tmp_path: Path) -> None:
    plain = load_data(TuneConfig(data=write(tmp_path / "a.jsonl", GOOD)))
    marked = load_data(
        TuneConfig(data=write(tmp_path / "b.json", b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n") + b"\r\n"))
    )
    assert examples(plain) == examples(marked) == [("p1 ", "c1"), ("p2 ", "c2")]
    assert plain.sha256 != marked.sha256


def test_line_separators_inside_a_text_end_no_line(tmp_path: Path) -> None:
    row = '{"prompt": "a\u2028b\u0085c", "completion": "d"}\n'.encode()
    path = write(tmp_path / "own.jsonl", row)
    assert load_data(TuneConfig(data=path, eval_data=path)).train == (Example("a\u2028b\u0085c", "d"),)


def test_csv_with_quoted_line_breaks(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([["prompt", "completion"], ['a\n"b", c', "1"], ["d", "2"]])
    data = load_data(TuneConfig(data=str(path)))
    assert examples(data) == [('a\n"b", c', "1"), ("d", "2")]


def test_a_tenth_is_held_out_by_the_seed(tmp_path: Path) -> None:
    rows = [{"prompt": f"p{number}", "completion": str(number)} for number in range(55)]
    config = TuneConfig(data=write(tmp_path / "own.jsonl", rows))
    data = load_data(config)
    assert (len(data.train), len(data.validation)) == (50, 5)
    assert data.validation == data.test
    assert not set(data.train) & set(data.validation)
    assert len(examples(data)) == 55
    assert data == load_data(config)
    assert data.validation != load_data(config.replace(seed=1)).validation
    assert data.reason == "5 of 55 rows held out of training, chosen by seed 0"


def test_rows_with_the_same_prompt_stay_on_one_side(tmp_path: Path) -> None:
    rows = [{"prompt": f"p{number % 7}", "completion": str(number)} for number in range(30)]
    data = load_data(TuneConfig(data=write(tmp_path / "own.jsonl", rows)))
    assert data.validation
    assert not {row.prompt for row in data.train} & {row.prompt for row in data.validation}


@pytest.mark.parametrize("rows", [1, 2])
def test_too_few_prompts_to_hold_one_out(tmp_path: Path, rows: int) -> None:
    path = write(tmp_path / "own.jsonl", [{"prompt": "p", "completion": "c"}] * rows)
    with pytest.raises(DataError, match="too few to hold one out"):
        load_data(TuneConfig(data=path))
