"""For every test: no network but this machine's own, one thread, a known start of every random generator."""

import gc
import os
import random
import socket
import sys
from collections.abc import Iterator
from typing import Any

# Read by torch and huggingface_hub when they are imported, and inherited by the processes that a test starts.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the tests say what a CPU does, on a machine with a GPU too

import psutil
import pytest

GIGABYTES_A_WORKER = 2.0  # what a process of the tests holds at most, and the kernel or the browser that it starts
LOCAL_HOSTS = ("", "localhost", "127.0.0.1", "::1", "0.0.0.0", None)
attempts: list[str] = []


class NetworkBlockedError(ConnectionError):
    """A test reached for the network. As a ConnectionError, the code under test meets what it meets offline."""


def refuse_unless_local(host: Any, port: Any) -> None:
    """Raise NetworkBlockedError, and note the attempt, unless the host is this machine."""
    name = host.decode() if isinstance(host, bytes) else host
    if name not in LOCAL_HOSTS:
        attempts.append(f"{name}:{port}")
        raise NetworkBlockedError(f"A test reached for {name}:{port}; tests use no network.")


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers() -> int:
    """How many processes `-n auto` is: one a core, as far as memory goes; 0 is the one process that pytest is."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(cores, int(psutil.virtual_memory().available / 1e9 / GIGABYTES_A_WORKER))
    return workers if workers > 1 else 0


def pytest_collection_finish() -> None:
    """What is imported by now stays: with torch there, a look through it takes 0.4 s in every `gc.collect()`."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Connections and look-ups of names end at this machine; an attempt fails the test unless it is marked offline."""
    look_up = socket.getaddrinfo

    def guarded_look_up(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        refuse_unless_local(host, port)
        return look_up(host, port, *arguments, **options)

    def guarded(connect: Any) -> Any:
        def guarded_connect(self: socket.socket, address: Any) -> Any:
            if isinstance(address, tuple):  # the address of a Unix socket is a path
                refuse_unless_local(address[0], address[1])
            return connect(self, address)

        return guarded_connect

    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, guarded(getattr(socket.socket, name)))
    attempts.clear()
    yield
    if attempts and request.node.get_closest_marker("offline") is None:
        pytest.fail(f"The test reached for the network: {', '.join(attempts)}")


@pytest.fixture(autouse=True)
def known_start() -> Iterator[None]:
    """Seeds before the test, torch's settings after it. What is not loaded stays so: importing torch takes seconds."""
    random.seed(0)
    torch = sys.modules.get("torch")
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    if torch is not None:
        torch.manual_seed(0)
    yield
    torch = sys.modules.get("torch")  # the test may have been the first to need it
    if torch is not None:
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(1)
