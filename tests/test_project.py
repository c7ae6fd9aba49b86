"""The project keeps its own rules: a light import, short files, clean notebooks, no trace of the machine it grew on."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# In pieces, so that this file does not name them itself. The first: folders of the machine that the project grew on.
PRIVATE_NAMES = (
    r"(?<![\w.~}*-])/" + r"(work|tmp|opt|root)/",
    r"\.\./" + "shared",
    "pypi" + r"\.(org|io)",
    "python" + "hosted",
    "find" + "-links",
    "index" + "-url",
)


def project_files() -> list[Path]:
    """Every file that is or would be committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ("torch", "transformers", "peft", "bitsandbytes", "numpy", "matplotlib", "ipywidgets", "IPython")
    script = f"import sys, finetune_lab; print([name for name in {heavy} if name in sys.modules])"
    seen = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True).stdout
    assert seen.strip() == "[]"


def test_files_of_the_package_have_at_most_200_lines() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in (ROOT / "finetune_lab").rglob("*.py")}
    assert len(lengths) >= 10
    assert {str(path): length for path, length in lengths.items() if length > 200} == {}


def test_notebooks_carry_no_output_and_no_widget_state() -> None:
    notebooks = sorted((ROOT / "lessons").glob("*.ipynb"))
    cells = [(path.name, cell) for path in notebooks for cell in json.loads(path.read_text("utf-8"))["cells"]]
    code = [(name, cell) for name, cell in cells if cell["cell_type"] == "code"]
    assert len(notebooks) >= 1
    assert len(code) >= 5
    assert [name for name, cell in code if cell["outputs"] or cell["execution_count"] is not None] == []
    assert [path.name for path in notebooks if "widgets" in json.loads(path.read_text("utf-8"))["metadata"]] == []


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="git says which files belong to the project")
def test_no_file_names_this_machine_or_a_registry() -> None:
    texts = {path: path.read_bytes() for path in project_files() if path.suffix not in (".png", ".safetensors")}
    assert len(texts) >= 20
    pattern = re.compile("|".join(PRIVATE_NAMES))
    found = {
        str(path.relative_to(ROOT)): [match.group() for match in pattern.finditer(text.decode("utf-8"))]
        for path, text in texts.items()
    }
    assert {path: names for path, names in found.items() if names} == {}


def test_every_dependency_has_an_exact_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = project["dependencies"] + project["optional-dependencies"]["dev"]
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    names = [re.split(r"[<>=!~\[ ]", requirement)[0] for requirement in asked]
    assert len(names) >= 20
    assert [name for name in names if name not in pins] == []


def tree_in(readme: str) -> list[str]:
    """The paths of a drawn tree: lines such as `│   ├── name/   what it is`, four columns a level."""
    folders: list[str] = []
    paths = []
    for line in readme.splitlines():
        match = re.match(r"((?:│   |    )*)[├└]── (\S+)", line)
        if match:
            depth = len(match[1]) // 4
            folders[depth:] = [match[2]]
            paths.append("/".join(part.strip("/") for part in folders))
    return paths


@pytest.mark.skipif(not (ROOT / "README.md").exists(), reason="there is no README to check")
def test_the_tree_in_the_readme_exists() -> None:
    paths = tree_in((ROOT / "README.md").read_text("utf-8"))
    assert len(paths) >= 8, "README.md draws no tree"
    assert [path for path in paths if not (ROOT / path).exists()] == []
