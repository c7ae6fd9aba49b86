"""Files and folders whole or not at all, whoever writes them: the class, the runs, the adapters."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from finetune_lab import storing
from finetune_lab.errors import LabError
from finetune_lab.storing import Storage, whole_folder, write_synced


class StoreError(LabError):
    """A fault of this test."""


STORAGE = Storage(StoreError, elsewhere="Go elsewhere.", full="Make room.")


def test_no_torch_is_loaded():
    code = "import sys, finetune_lab.storing, finetune_lab.zipped; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("number", storing.DISK_FULL)
def test_a_full_disk_is_told_as_one(tmp_path, number):
    with pytest.raises(StoreError, match=r"The disk is full: .* Make room"), STORAGE.explained(tmp_path):
        raise OSError(number, "no room")


def test_what_is_no_fault_of_the_disk_is_left_as_it_is(tmp_path):
    for error in (ValueError("x"), NotImplementedError("of torch"), KeyboardInterrupt()):
        with pytest.raises(type(error)), STORAGE.explained(tmp_path):
            raise error
    with pytest.raises(LabError, match="mine"), STORAGE.explained(tmp_path):
        raise LabError("mine", "do")


def test_a_text_replaces_the_old_one_in_one_step(tmp_path, monkeypatch):
    file = tmp_path / "a.txt"
    write_synced(file, "old\n")
    assert file.read_bytes() == b"old\n"

    def full(*_):
        raise OSError(errno.ENOSPC, "no room")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match="The disk is full"):
            STORAGE.replace_text(file, "new")
    assert [item.name for item in tmp_path.iterdir()] == ["a.txt"]
    assert file.read_text() == "old\n"
    assert file.stat().st_mode & 0o777 == 0o666 & ~umask()
    with pytest.raises(StoreError, match="Go elsewhere"):
        STORAGE.replace_text(tmp_path / "nowhere" / "x", "")


def umask():
    found = os.umask(0)
    os.umask(found)
    return found


def test_a_lock_is_waited_for_and_told(tmp_path):
    busy = pytest.raises(StoreError, match="Another process")
    with STORAGE.held(tmp_path / "x", 1), busy, STORAGE.held(tmp_path / "x", 0.05):
        pass
    with STORAGE.held(tmp_path / "x", 0):
        pass
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StoreError, match="can't be written"), STORAGE.held(tmp_path / "file" / "x", 0):
        pass
    with (
        pytest.raises(FileNotFoundError),
        STORAGE.held(tmp_path / "x", 0),
    ):  # what is done with it held is not its fault
        Path(tmp_path / "nowhere").read_text()


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch):
    def none(self, *_, **__):
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr(FileLock, "acquire", none)
    with pytest.raises(StoreError, match="its file system has no locks"), STORAGE.held(tmp_path / "x", 0):
        pass


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_that_can_not_be_filled_leaves_the_old_one(tmp_path, there, monkeypatch):
    final = tmp_path / "a"
    if there:
        final.mkdir()
        (final / "x").write_text("old")

    def fill():
        with whole_folder(final) as partial:
            (partial / "x").write_text("new")
            if not broken:
                return
            raise OSError(errno.ENOSPC, "no room")

    broken = True
    with pytest.raises(OSError, match="no room"):
        fill()
    rename = Path.rename
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda self, to: refuse() if "partial" in self.name else rename(self, to))
        broken = False
        with pytest.raises(OSError, match="not this one"):
            fill()
    assert [item.name for item in tmp_path.iterdir()] == (["a"] if there else [])
    assert not there or (final / "x").read_text() == "old"
    fill()
    assert (final / "x").read_text() == "new"
    assert [item.name for item in tmp_path.iterdir()] == ["a"]


def refuse():
    raise OSError(errno.EACCES, "not this one")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills a process")
@pytest.mark.parametrize("point", range(1, 8))
def test_a_kill_between_any_two_steps_loses_no_folder(tmp_path, point):
    """At every moment the old or the new one can be had, if need be after the next try."""
    code = f"""
import os, signal, sys
from pathlib import Path
from finetune_lab.storing import whole_folder
left = [{point}]
def counted(real):
    def do(*arguments, **named):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)
    return do
for owner, name in ((Path, "rename"), (Path, "mkdir"), (os, "fsync"), (os, "rmdir"), (os, "unlink")):
    setattr(owner, name, counted(getattr(owner, name)))
with whole_folder(Path(sys.argv[1]) / "a") as partial:
    (partial / "x").write_text("new")
"""
    with whole_folder(tmp_path / "a") as partial:
        (partial / "x").write_text("old")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == (-signal.SIGKILL if point < 7 else 0)
    with pytest.raises(OSError, match="no room"), whole_folder(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "no room")
    assert (tmp_path / "a" / "x").read_text() in ("old", "new")
