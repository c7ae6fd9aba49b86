"""Fixtures: the tiny base, its rows, and settings of a tune. A module takes them by `pytest_plugins = "tiny_base"`."""

import pytest
from tiny import save_model, tiny_llama, write_rows


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("base") / "tiny", tiny_llama())


@pytest.fixture(scope="session")
def rows(tmp_path_factory):
    return write_rows(tmp_path_factory.mktemp("rows") / "rows.jsonl")


@pytest.fixture
def settings(base, rows):
    """Settings of a tune that takes a fifth of a second."""
    return {
        "model": str(base), "data": str(rows), "max_steps": 4, "batch_size": 4, "max_length": 64,
        "eval_examples": 2, "score_examples": 0,
    }  # fmt: skip
