"""Hugging Face names: told from files, and what is said when the hub refuses, hangs up or is not there."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from finetune_lab.config import TuneConfig
from finetune_lab.data import load_data
from finetune_lab.data.files import is_file_name
from finetune_lab.errors import DataError
from finetune_lab.resources import PACKAGE


def fault(config: TuneConfig) -> str:
    with pytest.raises(DataError) as caught:
        load_data(config)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["a.jsonl", "./a", "/a", "~/a", "a/b/c", "a\\b", "no/such.csv", "notes.txt"])
def test_names_of_files(name: str) -> None:
    assert is_file_name(name)


@pytest.mark.parametrize("name", ["squad", "openai/gsm8k", "x/wiki_v1.1", "tuetschek/e2e_nlg"])
def test_names_of_the_hub(name: str) -> None:
    assert not is_file_name(name)


def test_a_name_that_is_neither() -> None:
    assert "can't be the name of a data set" in fault(TuneConfig(data="no such name!"))


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does for a data set that is gated, or isn't there."""

    def do_GET(self) -> None:
        gated = "gated" in self.path
        self.send_response(403 if gated else 401)
        self.send_header("X-Error-Code", "GatedRepo" if gated else "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Tests stay quiet."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    constants = pytest.importorskip("huggingface_hub.constants")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    server.server_close()
    thread.join()


def test_unknown_and_gated_hub_names(hub: None) -> None:
    assert "no Hugging Face data set 'ticket'" in fault(TuneConfig(data="ticket"))
    assert "is gated" in fault(TuneConfig(data="someone/gated-set"))


def test_the_hub_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    start = time.monotonic()
    assert "could not be had from the Hugging Face hub" in fault(TuneConfig(data="someone/set"))
    assert time.monotonic() - start < 10


def test_offline_mode_uses_only_what_is_there(tmp_path: Path) -> None:
    code = (
        "from finetune_lab.config import TuneConfig; from finetune_lab.data import load_data; import sys\n"
        "assert not {'torch', 'transformers', 'datasets'} & set(sys.modules)\n"
        "load_data(TuneConfig(data='someone/set'))"
    )
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PYTHONPATH": str(PACKAGE.parent)}
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "DataError: The data set 'someone/set' could not be had" in done.stderr
    assert time.monotonic() - start < 10


def test_splits_of_a_hub_set(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    rows = [{"prompt": f"p{number}", "completion": "c"} for number in range(20)]
    splits = {"train": datasets.Dataset.from_list(rows), "test": datasets.Dataset.from_list(rows[:3])}
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets, "load_dataset", lambda _: datasets.DatasetDict(splits))
    data = load_data(TuneConfig(data="someone/set"))
    assert (len(data.train), len(data.validation), len(data.test)) == (20, 3, 3)
    assert data.reason == "the data set's own test, for validation and test"
    splits["train"] = datasets.Dataset.from_list([*rows, {"prompt": None, "completion": "c"}])
    assert "someone/set (train): row 21: 'prompt' is null" in fault(TuneConfig(data="someone/set"))
    del splits["train"]
    assert "no split 'train', only test" in fault(TuneConfig(data="someone/set"))
