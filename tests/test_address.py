"""One command gives the course its address: the badges, and what Colab installs, agree with it everywhere."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("pyproject.toml", "README.md", "lessons", "quizzes")


@pytest.fixture
def copy(tmp_path):
    """A checkout of what the scripts read and write; the package itself is the installed one."""
    for name in COPIED:
        for file in (ROOT / name).rglob("*") if (ROOT / name).is_dir() else [ROOT / name]:
            if file.is_file() and "__pycache__" not in file.parts:
                target = tmp_path / file.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read_bytes())
    return tmp_path


def run(folder, script, *arguments):
    command = [sys.executable, str(folder / "lessons" / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)


def cells(folder):
    return nbformat.read(folder / "lessons" / "full_lora_qlora.ipynb", as_version=4).cells


def test_without_an_address_there_is_no_badge_and_colab_installs_an_uploaded_wheel(copy):
    assert run(copy, "address.py", "--check").returncode == 0
    assert "badge" not in (copy / "README.md").read_text("utf-8")
    installs = [line.strip() for cell in cells(copy) for line in cell.source.splitlines() if "%pip install" in line]
    assert installs == ["%pip install -q /content/finetune_lab-0.1.0-py3-none-any.whl"]


def test_one_command_and_a_build_write_it_everywhere_and_again_changes_nothing(copy):
    assert run(copy, "address.py", "ann/course.x").returncode == 0
    assert run(copy, "build.py").returncode == 0
    assert 'Repository = "https://github.com/ann/course.x"' in (copy / "pyproject.toml").read_text("utf-8")
    readme = (copy / "README.md").read_text("utf-8")
    assert readme.count("github/ann/course.x/blob/main/lessons/full_lora_qlora.ipynb") == 1
    first = cells(copy)[0].source
    assert "mybinder.org/v2/gh/ann/course.x/main?urlpath=lab/tree/lessons/full_lora_qlora.ipynb" in first
    source = "\n".join(cell.source for cell in cells(copy))
    assert "%pip install -q git+https://github.com/ann/course.x\n" in source
    before = {file: file.read_bytes() for file in copy.rglob("*") if file.is_file() and "__pycache__" not in file.parts}
    assert run(copy, "address.py", "https://github.com/ann/course.x/").returncode == 0
    assert run(copy, "build.py", "--check").returncode == 0
    assert {file: file.read_bytes() for file in before} == before


def test_another_address_replaces_the_one_before(copy):
    run(copy, "address.py", "ann/one")
    run(copy, "address.py", "bob/two")
    text = (copy / "README.md").read_text("utf-8") + (copy / "pyproject.toml").read_text("utf-8")
    assert "ann/one" not in text
    assert text.count("badges: made by") == 1


def test_what_disagrees_is_told(copy):
    run(copy, "address.py", "ann/one")
    page = copy / "README.md"
    page.write_text(page.read_text("utf-8").replace("ann/one", "ann/other"), "utf-8")
    found = run(copy, "address.py", "--check")
    assert found.returncode == 1
    assert "README.md" in found.stderr
    assert run(copy, "build.py", "--check").returncode == 1  # the notebooks were not built again


@pytest.mark.parametrize("given", ["ann", "ann/a b", "https://example.org/ann/x", "../x/y"])
def test_what_is_no_repository_is_refused_and_nothing_is_written(copy, given):
    before = (copy / "pyproject.toml").read_bytes()
    found = run(copy, "address.py", given)
    assert found.returncode == 2
    assert found.stderr.startswith("error:")
    assert len(found.stderr.splitlines()) == 1
    assert (copy / "pyproject.toml").read_bytes() == before
