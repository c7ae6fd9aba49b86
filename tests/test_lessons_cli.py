"""`finetune-lab lessons`: whoever installed the package gets the notebooks, and loses none that was worked in."""

from pathlib import Path

import pytest

from finetune_lab.cli.app import run
from finetune_lab.resources import shipped


def test_the_lessons_are_copied_and_one_that_is_there_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {file.name for file in shipped("lessons").glob("*.ipynb")}
    assert names
    folder = tmp_path / "my lessons"
    mine = folder / min(names)
    folder.mkdir()
    mine.write_text("worked in")
    assert run(["lessons", str(folder)]) == 0
    assert {file.name for file in folder.iterdir()} == names
    assert mine.read_text() == "worked in"
    assert f"{mine} is there already: left as it is" in capsys.readouterr().out


def test_a_folder_that_cant_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("a file")
    assert run(["lessons", str(tmp_path / "taken")]) == 2
    assert capsys.readouterr().err.startswith("error: ")
