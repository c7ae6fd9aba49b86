"""Fixtures: an adapter of a real tune of the tiny base, and a library. Taken with tiny_base's."""

import shutil

import pytest
from tiny import save_model, tiny_llama

from finetune_lab.adapters.library import AdapterLibrary
from finetune_lab.config import LoRA
from finetune_lab.models import find_base
from finetune_lab.tuning.run import tune


@pytest.fixture(scope="session")
def run(base, rows, tmp_path_factory):
    """Read only: other tests read it too."""
    folder = tmp_path_factory.mktemp("tuned") / "records"
    common = {"model": str(base), "data": str(rows), "batch_size": 4, "max_length": 64}
    return tune(LoRA(r=2), out=folder, max_steps=4, eval_examples=2, score_examples=1, **common)


@pytest.fixture(scope="session")
def source(base):
    return find_base(str(base))


@pytest.fixture(scope="session")
def other_source(tmp_path_factory):
    """Another base of the same names and of another width."""
    return find_base(str(save_model(tmp_path_factory.mktemp("base") / "wide", tiny_llama(hidden_size=96))))


@pytest.fixture
def adapter(run, tmp_path):
    """A copy of the run's adapter, to spoil."""
    return shutil.copytree(run.artifact, tmp_path / "made here")


@pytest.fixture
def foreign(adapter):
    """The same as another program would have left it: without our card and README."""
    (adapter / "card.json").unlink()
    (adapter / "README.md").unlink()
    return adapter


@pytest.fixture
def library(source, tmp_path):
    return AdapterLibrary(tmp_path / "Mes adaptateurs \N{SNOWMAN}", source)
