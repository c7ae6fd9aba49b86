"""Data sets by their Hugging Face name, read by the `datasets` library, which is imported only here."""

import hashlib
import json
import queue
import re
import threading
from typing import Any

from finetune_lab.data.records import Source
from finetune_lab.errors import DataError, UnavailableError

REQUEST_SECONDS = 5.0
DEADLINE_SECONDS = 6.0  # a request tries each address of the hub in turn, so that its own limit is not the last word
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
HINT = "Check the name, or give tickets, tickets-messy or a .jsonl or .csv file."


def load_hub(name: str) -> dict[str, Source]:
    """The splits of a data set with all their rows, e.g. `train`, `validation`, `test`.

    `sha256` is over the rows as JSON lines, since a data set of the hub can be many files. With HF_HUB_OFFLINE=1 only
    what was downloaded before is used.

    Raises:
        DataError: no such data set, access not granted, or the hub not reached within 6 seconds.
        UnavailableError: the `datasets` library isn't installed.
    """
    if not HUB_NAME.fullmatch(name):
        raise DataError(f"{name!r} is no file and can't be the name of a data set.", HINT)
    try:
        import datasets
        from huggingface_hub.constants import HF_HUB_OFFLINE
    except ImportError as error:
        raise UnavailableError(f"The library `datasets` can't be imported: {error}.", "pip install datasets") from error
    if not HF_HUB_OFFLINE:
        _ask_for(name)
    try:
        found = datasets.load_dataset(name)
    except Exception as error:  # it raises errors of several libraries; each means that there is no data
        raise _error(name, error) from error
    return {split: _source(f"{name} ({split})", rows) for split, rows in found.items()}


def _ask_for(name: str) -> None:
    """Fails soon when the data set can't be had: `load_dataset` itself retries for 23 seconds."""
    answers: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(_request(name)), daemon=True).start()
    try:
        failure = answers.get(timeout=DEADLINE_SECONDS)
    except queue.Empty:
        failure = TimeoutError("timed out")
    if failure is not None:
        raise _error(name, failure) from failure


def _request(name: str) -> Exception | None:
    from huggingface_hub import HfApi

    try:
        HfApi().dataset_info(name, timeout=REQUEST_SECONDS)
    except Exception as error:  # noqa: BLE001 - `_ask_for` raises from it in its own thread
        return error
    return None


def _error(name: str, error: Exception) -> DataError:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if isinstance(error, GatedRepoError) or "is a gated dataset" in str(error):
        why = f"The data set {name!r} is gated: its owner has to grant access."
        return DataError(why, "Ask for access on its page, then log in with `hf auth login`.")
    if isinstance(error, RepositoryNotFoundError) or type(error).__name__ == "DatasetNotFoundError":
        return DataError(f"There is no file and no Hugging Face data set {name!r}, or it is private.", HINT)
    text = " ".join(str(error).split())
    return DataError(
        f"The data set {name!r} could not be had from the Hugging Face hub: {type(error).__name__}: {text[:300]}.",
        "Check the name and the network (HF_HUB_OFFLINE=1 uses what was downloaded before), or give a file.",
    )


def _source(name: str, split: Any) -> Source:
    rows = [(number, dict(row)) for number, row in enumerate(split, 1)]
    digest = hashlib.sha256()
    for _, row in rows:
        digest.update(json.dumps(row, sort_keys=True, default=str).encode() + b"\n")
    return Source(name, rows, digest.hexdigest(), unit="row")
