"""Colab: installing there upgrades nothing that is loaded already, and the old torchao is met with one line."""

import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from finetune_lab.device import detect_device
from finetune_lab.diagnosis.surroundings import surrounding_checks
from finetune_lab.errors import UnavailableError
from finetune_lab.installation import REMOVE_TORCHAO, require_peft_works, torchao_fault

LISTED = Path(__file__).with_name("colab_2026_08.txt").read_text(encoding="utf-8").splitlines()
COLAB = dict(line.split("==") for line in LISTED if not line.startswith("#"))
ENVIRONMENT = {"python_version": "3.13", "python_full_version": "3.13.15", "sys_platform": "linux", "extra": ""}


def wanted(package: str) -> list[Requirement]:
    """What a package needs on Colab, without extras."""
    found = [Requirement(line) for line in requires(package) or []]
    return [one for one in found if one.marker is None or one.marker.evaluate(ENVIRONMENT)]


def test_every_range_allows_what_colab_has_and_what_is_new_asks_for_nothing_newer() -> None:
    """Follows what would be newly installed; what Colab has would only be replaced if a range shut it out."""
    refused, compared, seen, open_ends = [], 0, set[str](), ["finetune-lab"]
    while open_ends:
        package = open_ends.pop()
        for need in wanted(package):
            name = canonicalize_name(need.name)
            if name in COLAB:
                compared += 1
                refused += [] if need.specifier.contains(COLAB[name]) else [f"{package} needs {need}"]
            elif name not in seen and name not in ("jupyterlab", "accelerate"):  # Colab has its own, version unknown
                seen.add(name)
                open_ends.append(name)
    assert refused == []
    assert "bitsandbytes" in seen
    assert compared >= 6
    assert len(COLAB) == 10


def test_our_python_range_has_colabs() -> None:
    text = (Path(__file__).resolve().parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert 'requires-python = ">=3.11,<3.14"' in text


@pytest.fixture
def old_torchao(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torchao 0.10.0 as far as anyone looks before using it."""
    (tmp_path / "torchao").mkdir()
    (tmp_path / "torchao" / "__init__.py").write_text("")
    told = tmp_path / "torchao-0.10.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: torchao\nVersion: 0.10.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("old_torchao")
def test_an_old_torchao_is_named_with_the_way_on() -> None:
    with pytest.raises(UnavailableError, match=r"torchao 0\.10\.0 is installed.*pip uninstall -y torchao"):
        require_peft_works()
    (found,) = [check for check in surrounding_checks() if check.name == "PEFT"]
    assert (found.verdict, found.next_step) == ("fails", REMOVE_TORCHAO)


@pytest.mark.usefixtures("old_torchao")
def test_lora_beside_an_old_torchao_ends_with_that_line_and_full_tuning_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    from finetune_lab.config import Full, LoRA
    from finetune_lab.methods import build
    from finetune_lab.models import find_base

    base, device = find_base("lab-base"), detect_device()
    with pytest.raises(UnavailableError, match="PEFT refuses"):
        build(base, LoRA(), device, 0)
    assert build(base, Full(), device, 0).training


def test_without_torchao_nothing_is_said() -> None:
    assert "torchao" not in sys.modules
    assert torchao_fault() is None
    assert [check.name for check in surrounding_checks()] == ["lab-base", "free disk", "Hugging Face hub"]
