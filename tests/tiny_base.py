"""Fixtures: the tiny base, its rows, and settings of a tune. A module takes them by `pytest_plugins = "tiny_base"`."""

import pytest
from tiny import save_model, short_tune, tiny_llama, write_rows


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("base") / "tiny", tiny_llama())


@pytest.fixture(scope="session")
def rows(tmp_path_factory):
    return write_rows(tmp_path_factory.mktemp("rows") / "rows.jsonl")


@pytest.fixture
def settings(base, rows):
    return short_tune(base, rows)
