"""Base models by their Hugging Face name, as local folders; a hub that does not answer is given up in seconds."""

import re
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import OfflineModeIsEnabled, RepositoryNotFoundError

from finetune_lab.errors import ModelError
from finetune_lab.models.faults import INSTEAD, explained

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
HUB_SECONDS = 6.0  # until the hub counts as out of reach; its own library tries for half a minute, file by file
HUB_FILES = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")


def hub_folder(name: str, files: tuple[str, ...] = HUB_FILES) -> tuple[Path, str]:
    """The local folder with a hub model's `files` (patterns), downloaded where needed, and where they came from.

    Raises:
        ModelError: no such model, no access to it, or the hub is out of reach and the model was not downloaded before.
    """
    failure = OfflineModeIsEnabled("HF_HUB_OFFLINE is set") if constants.HF_HUB_OFFLINE else _failure(name)
    if isinstance(failure, RepositoryNotFoundError):  # GatedRepoError is one of them
        raise explained(failure, name, "model") from failure
    try:
        wanted: dict[str, Any] = {"allow_patterns": list(files), "ignore_patterns": ["*/*", "consolidated*"]}
        folder = snapshot_download(name, **wanted, local_files_only=failure is not None)
    except Exception as error:
        if failure is None or isinstance(error, RepositoryNotFoundError):
            raise explained(error, name, "model") from error
        what = f"{name} was not downloaded before, and the hub can't be reached ({type(failure).__name__})."
        raise ModelError(what, f"Check the name and the network. Or: {INSTEAD}") from error
    return Path(folder), "downloaded before; the hub can't be reached" if failure else "from the Hugging Face hub"


def _failure(name: str) -> Exception | None:
    """What keeps the hub from answering for this model within `HUB_SECONDS`; None when it does answer."""

    def ask() -> None:
        try:
            HfApi().model_info(name, timeout=HUB_SECONDS)
            answers.put(None)
        except Exception as error:  # noqa: BLE001 - handed to the thread that waits
            answers.put(error)

    answers: SimpleQueue[Exception | None] = SimpleQueue()
    Thread(target=ask, daemon=True).start()  # its own limit counts anew for each address of the hub
    try:
        return answers.get(timeout=HUB_SECONDS)
    except Empty:
        return TimeoutError(f"no answer in {HUB_SECONDS:g} seconds")
