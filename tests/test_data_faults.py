"""Every fault that a data file can have, caused and told with its line."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from finetune_lab.config import TuneConfig
from finetune_lab.data import load_data
from finetune_lab.errors import ConfigError, DataError

GOOD = b'{"prompt": "p1 ", "completion": "c1"}\n{"prompt": "p2 ", "completion": "c2"}\n'


def write(path: Path, content: bytes | list[dict[str, Any]]) -> str:
    if isinstance(content, list):
        content = "".join(json.dumps(row) + "\n" for row in content).encode()
    path.write_bytes(content)
    return str(path)


def fault(config: TuneConfig) -> str:
    with pytest.raises(DataError) as caught:
        load_data(config)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def pair(prompt: str = "p", completion: str = "c") -> bytes:
    return json.dumps({"prompt": prompt, "completion": completion}).encode() + b"\n"


LINE_FAULTS = [
    (b"{broken\n", "broken JSON at character 2"),
    (b'{"prompt": "a", "completion": "b"\n', "broken JSON"),
    (b"[" * 100_000 + b"\n", "broken JSON: brackets too deep"),
    (b'{"prompt": ' + b"1" * 5000 + b"}\n", "broken JSON: a number too long"),
    (b'"text"\n', "no JSON object"),
    (b'{"prompt": "a"}\n', "no field 'completion'"),
    (b'{"prompt": null, "completion": "b"}\n', "'prompt' is null"),
    (b'{"prompt": "a", "completion": 3}\n', "'completion' is a number, not text"),
    (b'{"prompt": ["a"], "completion": true}\n', "'prompt' is a list, not text"),
    (pair(completion=" \n"), "'completion' is empty"),
    (pair(prompt=""), "'prompt' is empty"),
    (b'{"prompt": "\xff", "completion": "b"}\n', "invalid UTF-8 at byte 13"),
    (b'{"prompt": "\0", "completion": "b"}\n', "a NUL byte"),
    (pair(prompt="a\0"), "'prompt' holds a NUL"),
    (pair(completion="\ud800"), "'completion' holds half a surrogate pair"),
]


@pytest.mark.parametrize(("line", "what"), LINE_FAULTS)
def test_a_fault_of_a_line_is_told_with_its_number(tmp_path: Path, line: bytes, what: str) -> None:
    path = write(tmp_path / "own.jsonl", pair() + b"\n" + line + pair())
    told = fault(TuneConfig(data=path))
    assert told.startswith(f"{path}: ")
    assert f"line 3: {what}" in told


def test_all_faults_are_told_at_once_in_order(tmp_path: Path) -> None:
    path = write(tmp_path / "own.jsonl", b"".join(line for line, _ in LINE_FAULTS[4:]) + pair())
    told = fault(TuneConfig(data=path))
    assert "12 faults: " in told  # one line has two
    assert [int(number) for number in re.findall(r"line (\d+):", told)] == [1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 11]


def test_the_list_of_faults_ends_after_twenty(tmp_path: Path) -> None:
    told = fault(TuneConfig(data=write(tmp_path / "own.jsonl", b"{\n" * 25)))
    assert "25 faults: (1) line 1: " in told
    assert "(20) line 20: " in told
    assert "and 5 more" in told
    assert "line 21" not in told


def test_faults_of_the_evaluation_file_are_told_too(tmp_path: Path) -> None:
    told = fault(TuneConfig(data=write(tmp_path / "a.jsonl", b"{\n"), eval_data=str(tmp_path / "none.csv")))
    assert "a.jsonl: line 1: broken JSON" in told
    assert "There is no file" in told
    assert "none.csv" in told


MESSAGES = [
    ([], "no message of the assistant"),
    ("hi", "no list of objects"),
    ([{"role": "user", "content": "a"}], "no message of the assistant"),
    ([{"role": "assistant", "content": "a"}], "nothing before the assistant's message"),
    ([{"role": "user", "content": None}, {"role": "assistant"}], "message 1: 'content' is null"),
]


@pytest.mark.parametrize(("messages", "what"), MESSAGES)
def test_faults_of_messages(tmp_path: Path, messages: Any, what: str) -> None:
    assert what in fault(TuneConfig(data=write(tmp_path / "own.jsonl", [{"messages": messages}])))


CSV_FAULTS = [
    (b"prompt,completion\na,b\nc\n", "line 3: 1 columns, the header has 2"),
    (b'prompt,completion\n"a\n\na",b\n"x\ny",b,c\n', "line 5: 3 columns, the header has 2"),
    (b'prompt,completion\na,b\n"c,d\ne,f\n', "line 3: broken CSV: unexpected end of data"),
    (b"prompt,completion,prompt\na,b,c\n", "line 1: the column name 'prompt' stands twice"),
    (b"prompt,completion\na,\n", "line 2: 'completion' is empty"),
    (b"prompt,completion\na,b\nc\xe9,d\n", "line 3: invalid UTF-8 at byte 2"),
    (b"prompt,completion\na\0,b\n", "line 2: a NUL byte"),
    (b'"prompt,completion\na,b\n', "line 1: broken CSV"),
    (b"prompt,completion\n", "has no rows"),
    (b"\n\n", "is empty"),
    (b"prompt;completion\na;b\n", "the fields are 'prompt;completion'"),
]


@pytest.mark.parametrize(("content", "what"), CSV_FAULTS)
def test_faults_of_csv(tmp_path: Path, content: bytes, what: str) -> None:
    assert what in fault(TuneConfig(data=write(tmp_path / "own.csv", content)))


FILE_FAULTS = [
    ("a.jsonl", b"", "is empty"),
    ("a.jsonl", b"\xef\xbb\xbf \n", "is empty"),
    ("a.jsonl", GOOD.decode().encode("utf-16"), "is UTF-16"),
    ("a.jsonl", GOOD.decode().encode("utf-16-le"), "is UTF-16"),
    ("a.csv", "prompt,completion\na,b\n".encode("utf-16-be"), "is UTF-16"),
    ("a.txt", GOOD, "unknown suffix '.txt'"),
    ("a", GOOD, "unknown suffix ''"),
    ("a.json", b'[\n{"prompt": "a"}\n]', "one JSON array"),
    ("a.jsonl", b'{"question": "a", "text": "b"}\n', "the fields are 'question', 'text'"),
]


@pytest.mark.parametrize(("name", "content", "what"), FILE_FAULTS)
def test_faults_of_a_file_as_a_whole(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    assert what in fault(TuneConfig(data=write(tmp_path / name, content)))


def test_missing_files_folders_and_fields(tmp_path: Path) -> None:
    assert "There is no file" in fault(TuneConfig(data=str(tmp_path / "none.jsonl")))
    assert "is a folder" in fault(TuneConfig(data=str(tmp_path)))
    path = write(tmp_path / "own.jsonl", GOOD)
    told = fault(TuneConfig(data=path, prompt_field="mr", completion_field="ref"))
    assert "no field 'mr' and no field 'ref'; the fields are 'prompt', 'completion'" in told
    with pytest.raises(ConfigError, match="own data"):
        load_data(TuneConfig(prompt_field="mr", completion_field="ref"))
