"""The library: whole entries or none, through kills, full disks, two writers and hostile names."""

import errno
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from spoiling import WEIGHTS, change_json, change_tensors
from tiny import hashes, one_line

from finetune_lab.adapters import entries, shipping
from finetune_lab.adapters import library as libraries
from finetune_lab.adapters.card import read_card, readme, write_card
from finetune_lab.adapters.compatibility import mismatches
from finetune_lab.adapters.faults import AdapterError
from finetune_lab.adapters.library import AdapterLibrary
from finetune_lab.config import Full
from finetune_lab.device import detect_device
from finetune_lab.models import load_model
from finetune_lab.tuning.run import tune

pytest_plugins = ("tiny_base", "tiny_adapters")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks a process that has torch loaded already")


def refused(action, *arguments, **named):
    with pytest.raises(AdapterError) as caught:
        action(*arguments, **named)
    return one_line(caught.value)


def test_a_run_is_added_and_its_entry_loads_in_plain_peft(library, run, source):
    assert library.names() == []
    card = library.add(run.folder, "billing")
    assert (card.name, card.steps, library.names()) == ("billing", 4, ["billing"])
    assert sorted(item.name for item in (library.folder / "billing").iterdir()) == [
        "README.md", "adapter_config.json", WEIGHTS, "card.json",
    ]  # fmt: skip
    assert hashes(library.path("billing"))[WEIGHTS] == hashes(run.artifact)[WEIGHTS]
    device = detect_device()
    adapted = PeftModel.from_pretrained(load_model(source, device.torch_device, torch.float32), library.path("billing"))
    assert sum("lora_" in name for name, _ in adapted.named_parameters()) == 28
    assert library.add(run.folder).name == "records"
    assert library.add(run.artifact, "again").status == "finished"
    assert [card.name for card in library.cards()] == library.names() == ["again", "billing", "records"]
    assert all(name in repr(library) for name in library.names())


def test_a_run_from_before_there_were_cards_gets_one(library, run, tmp_path):
    old = shutil.copytree(run.folder, tmp_path / "old run")
    (old / "adapter" / "card.json").unlink()
    assert "such as 'old-run'" in refused(library.add, old)
    assert library.add(old, "old") == replace(library.add(run.folder, "new"), name="old")


def test_an_adapter_from_elsewhere_keeps_its_readme(library, foreign):
    (foreign / "README.md").write_text("# My model\nLicense: mine\n")
    (foreign / "training_args.bin").write_bytes(b"pickle")
    card = library.add(foreign, "theirs")
    assert (card.name, card.r, card.data) == ("theirs", 2, None)
    assert "License: mine" in (library.path("theirs") / "README.md").read_text()
    library.rename("theirs", "kept")
    assert "License: mine" in (library.path("kept") / "README.md").read_text()
    assert not (library.path("kept") / "training_args.bin").exists()
    (foreign / "README.md").write_text("# Model Card for Model ID\n")
    library.add(foreign, "bare")
    assert (library.path("bare") / "README.md").read_text("utf-8") == readme(library.card("bare"))


def test_rename_and_remove(library, run):
    library.add(run.folder, "one")
    library.rename("one", "Two")
    library.rename("Two", "two")
    assert library.names() == ["two"]
    assert read_card(library.path("two")).name == "two"
    assert "# two" in (library.path("two") / "README.md").read_text("utf-8")
    library.remove("two")
    assert library.names() == []
    assert [item.name for item in library.folder.iterdir()] == [".lock"]
    for action in (library.remove, library.path, library.card):
        assert "There is no adapter 'two'" in refused(action, "two")
    assert "There is no adapter" in refused(library.rename, "two", "three")


NAMES = ["", ".", "..", "../x", "a/b", "a\\b", "/etc", "C:x", "-x", ".x", "x.", "a b", "é", "x\n", "x\0",
         "CON", "nul.txt", "com1", "x" * 65, "~", "*"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_hostile_names(library, run, tmp_path, name):
    library.add(run.folder, "good")
    before = hashes(tmp_path)
    assert "can't be an adapter's name" in refused(library.add, run.folder, name)
    assert "can't be an adapter's name" in refused(library.rename, "good", name)
    for action in (library.remove, library.path, library.card):
        assert "There is no adapter" in refused(action, name)
    assert {**hashes(tmp_path), **before} == before


def test_names_are_told_apart_by_more_than_capitals(library, run):
    library.add(run.folder, "Billing")
    for name in ("Billing", "billing"):
        assert "has an adapter 'Billing' already" in refused(library.add, run.folder, name)
    library.add(run.folder, "other")
    assert "already" in refused(library.rename, "other", "BILLING")
    assert library.names() == ["Billing", "other"]


def test_what_does_not_fit_is_not_added_and_all_of_it_is_told(library, adapter, run, settings, tmp_path, other_source):
    wide = AdapterLibrary(tmp_path / "wide", other_source)
    text = refused(wide.add, run.folder)
    assert "2 faults" in text
    assert "tuned from" in text
    assert "do not fit" in text
    assert not wide.folder.exists()
    assert "left a whole model" in refused(library.add, tune(Full(), out=tmp_path / "full", **settings).folder)
    assert "does not exist" in refused(library.add, tmp_path / "nowhere")
    assert "has no adapter_config.json" in refused(library.add, tmp_path)
    assert "import_zip" in refused(library.add, run.folder / "run.json")
    (adapter / WEIGHTS).write_bytes((adapter / WEIGHTS).read_bytes()[:-5])
    assert "cut short" in refused(library.add, adapter, "x")
    assert library.names() == []


def test_one_bad_entry_never_hides_the_others(library, run, other_source, tmp_path):
    library.add(run.folder, "good")
    shutil.copytree(library.path("good"), library.folder / "a b")
    shutil.copytree(library.path("good"), library.folder / "GOOD")
    for name in ("broken", "cut", "json", "other"):
        shutil.copytree(library.path("good"), library.folder / name)
    (library.folder / "broken" / "card.json").write_text("{")
    (library.folder / "cut" / WEIGHTS).write_bytes(b"1234")
    (library.folder / "json" / "adapter_config.json").write_text("[]")
    change_json(library.folder / "other" / "card.json", base_sha256="0" * 64, scores_after={"mine": 1.0})
    (library.folder / "empty").mkdir()
    (library.folder / "notes.txt").write_text("mine")
    (library.folder / "link").symlink_to(library.folder / "good")
    assert library.names() == ["GOOD"]  # by their order, the first of two that differ by capitals alone
    assert set(library.broken()) == {"a b", "good", "broken", "cut", "json", "other", "empty", "link"}
    assert all(name in repr(library) for name in library.broken())
    for name in ("broken", "cut", "json", "other", "empty"):
        refused(library.path, name)
    for name in library.broken():
        library.remove(name)
    assert library.broken() == {}
    assert library.names() == ["GOOD"]
    assert (library.folder / "notes.txt").read_text() == "mine"


def test_a_broken_entry_can_be_renamed(library, run):
    library.add(run.folder, "good")
    shutil.copytree(library.path("good"), library.folder / "my copy")
    library.rename("my copy", "copy")
    assert library.names() == ["copy", "good"]
    (library.folder / "copy" / "card.json").write_text("{")
    library.rename("copy", "still-broken")
    assert list(library.broken()) == ["still-broken"]


@pytest.fixture
def shipped_folder(run, tmp_path, monkeypatch):
    folder = tmp_path / "data" / "adapters"
    for name, changes in (("billing", {}), ("elsewhere", {"base_sha256": "0" * 64})):
        shutil.copytree(run.artifact, folder / name)
        change_json(folder / name / "card.json", **changes)
    (folder / "README.md").write_text("what they are")
    monkeypatch.setattr(shipping, "shipped", tmp_path.joinpath)
    return folder


def test_shipped_adapters_of_this_base_can_be_used_and_not_changed(
    library, run, shipped_folder, other_source, tmp_path
):
    before = hashes(shipped_folder)
    assert library.names() == ["billing"]
    assert library.path("billing") == shipped_folder / "billing"
    for text in (refused(library.remove, "billing"), refused(library.rename, "billing", "mine")):
        assert "is shipped with finetune-lab" in text
    for name in ("billing", "Billing"):
        assert "finetune-lab ships" in refused(library.add, run.folder, name)
    library.add(library.path("billing"), "mine")
    assert library.names() == ["billing", "mine"]
    assert library.card("mine").name == "mine"
    assert "finetune-lab ships" in refused(library.rename, "mine", "billing")
    shutil.copytree(library.folder / "mine", library.folder / "billing")
    assert list(library.broken()) == ["billing"]
    library.remove("billing")
    assert (library.names(), library.broken()) == (["billing", "mine"], {})
    assert AdapterLibrary(tmp_path / "wide", other_source).names() == []
    (shipped_folder / "billing" / "card.json").write_text("{")
    assert list(library.broken()) == ["billing"]
    (shipped_folder / "billing" / "card.json").write_bytes((shipped_folder / "elsewhere" / "card.json").read_bytes())
    assert {name: value for name, value in hashes(shipped_folder).items() if "billing/card" not in name} == {
        name: value for name, value in before.items() if "billing/card" not in name
    }


def killed_at(point, work):
    """Do `work` in another process, which is killed at the n-th of the calls that write, rename or sync."""
    left = [point]
    for owner, name in ((Path, "rename"), (Path, "replace"), (Path, "mkdir"), (os, "fsync"), (shutil, "copyfileobj")):
        real = getattr(owner, name)

        def kill_or_do(*arguments, real=real, **named):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)

        setattr(owner, name, kill_or_do)
    work()


def in_child(target, *arguments):
    process = multiprocessing.get_context("fork").Process(target=target, args=arguments)
    process.start()
    process.join(60)
    return process.exitcode


@forks
@pytest.mark.parametrize("kind", ["add", "rename", "remove", "import_zip"])
def test_a_kill_at_any_point_leaves_a_readable_library(library, run, tmp_path, kind):
    library.add(run.folder, "kept")
    file = library.export("kept", tmp_path)
    whole = hashes(library.path("kept"))
    works = {
        "add": lambda: library.add(run.folder, "new"),
        "rename": lambda: library.rename("old", "new"),
        "remove": lambda: library.remove("old"),
        "import_zip": lambda: library.import_zip(file, "new"),
    }
    killed = 0
    for point in range(1, 40):
        for name in library.names():
            if name != "kept":
                library.remove(name)
        if kind in ("rename", "remove"):
            library.add(run.folder, "old")
        exitcode = in_child(killed_at, point, works[kind])
        if exitcode == 0:
            break
        assert exitcode == -signal.SIGKILL
        killed += 1
        again = AdapterLibrary(library.folder, library.base)
        assert again.broken() == {}
        assert set(again.names()) - {"old", "new"} == {"kept"}
        assert [again.card(name).name for name in again.names()] == again.names()
        assert hashes(again.path("kept")) == whole
        assert kind != "rename" or len(again.names()) == 2
    assert killed >= {"add": 10, "rename": 5, "remove": 1, "import_zip": 8}[kind]
    library.add(run.folder, "swept")
    assert not [item for item in library.folder.iterdir() if item.suffix in (".partial", ".removed")]


def hold(folder, base, path, started, release):
    real = entries.fill

    def slow(partial, adapter):
        real(partial, adapter)
        started.set()
        release.wait(30)

    libraries.fill = slow
    AdapterLibrary(folder, base).add(path, "first")


@forks
def test_two_processes_write_one_after_the_other(library, run, source, monkeypatch):
    context = multiprocessing.get_context("fork")
    started, release = context.Event(), context.Event()
    process = context.Process(target=hold, args=(library.folder, source, run.folder, started, release))
    process.start()
    assert started.wait(30)
    assert library.names() == []  # reading waits for nobody and sees nothing half-written
    monkeypatch.setattr(libraries, "PATIENCE", 0.1)
    text = refused(library.add, run.folder, "second")
    assert text.startswith(f"Another process is writing {library.folder}.")
    monkeypatch.setattr(libraries, "PATIENCE", 30)
    threading.Timer(0.3, release.set).start()
    library.add(run.folder, "second")
    process.join(30)
    assert process.exitcode == 0
    assert library.names() == ["first", "second"]


@forks
def test_one_name_is_given_once(library, run, source):
    context = multiprocessing.get_context("fork")
    results = context.Queue()

    def add():
        try:
            AdapterLibrary(library.folder, source).add(run.folder, "same")
            results.put("added")
        except AdapterError as error:
            results.put(str(error))

    processes = [context.Process(target=add) for _ in range(4)]
    for process in processes:
        process.start()
    told = sorted(results.get(timeout=60) for _ in processes)
    for process in processes:
        process.join()
    assert told.count("added") == 1
    assert sum("already" in text for text in told) == 3
    assert library.names() == ["same"]


def test_deleted_while_in_use(library, run, source):
    library.add(run.folder, "one")
    other = AdapterLibrary(library.folder, source)
    folder = other.path("one")
    with (folder / WEIGHTS).open("rb") as stream:
        library.remove("one")
        assert stream.read(8)  # who has it open reads on
    assert other.names() == []
    assert "There is no adapter 'one'" in refused(other.path, "one")
    assert "no folder" in mismatches(folder, source)[0]


def test_an_entry_that_goes_while_the_list_is_read(library, run, monkeypatch):
    for name in ("a", "b", "c"):
        library.add(run.folder, name)
    real = libraries.Shelf.own

    def stale(shelf):
        found = real(shelf)
        shutil.rmtree(shelf.folder / "b", ignore_errors=True)
        return found

    monkeypatch.setattr(libraries.Shelf, "own", stale)
    assert [card.name for card in library.cards()] == ["a", "c"]


@pytest.mark.parametrize("where", ["write_synced", "copyfileobj", "fsync"])
def test_a_full_disk_while_adding(library, run, monkeypatch, where):
    library.add(run.folder, "kept")
    before = hashes(library.folder)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    owner, name = {
        "write_synced": ("finetune_lab.adapters.card.write_synced", full),
        "copyfileobj": ("shutil.copyfileobj", full),
        "fsync": ("os.fsync", full),
    }[where]
    with monkeypatch.context() as patch:
        patch.setattr(owner, name)
        assert "The disk is full" in refused(library.add, run.folder, "new")
        if where != "copyfileobj":
            assert "The disk is full" in refused(library.rename, "kept", "other")
            assert len(library.names()) == 1
    if library.names() == ["other"]:  # its one rename was done; what its card says of its name does not count
        assert library.card("other").name == "other"
        library.rename("other", "kept")
    assert hashes(library.folder) == before
    assert library.add(run.folder, "new").name == "new"


def add_ten(library, run):
    for number in range(10):
        library.add(run.folder, f"a{number}")


def test_a_disk_that_is_really_full(source, run, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=80k", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this machine allows no mount")
    try:
        library = AdapterLibrary(disk / "library", source)
        with pytest.raises(AdapterError) as caught:
            add_ten(library, run)
        assert "The disk is full" in one_line(caught.value)
        assert len(library.names()) >= 1
        assert library.broken() == {}
        assert "The disk is full" in refused(library.export, "a0", disk)
        library.remove("a0")
        assert library.add(run.folder, "b").name == "b"
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_folder_that_can_only_be_read(library, run, source, tmp_path, monkeypatch):
    library.add(run.folder, "one")
    (library.folder / ".lock").unlink(missing_ok=True)
    disk = tmp_path / "readonly"
    disk.mkdir()
    mount = ["mount", "--bind", str(library.folder), str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this machine allows no mount")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(disk)], check=True)
        kept = AdapterLibrary(disk, source)
        assert kept.names() == ["one"]
        assert kept.card("one").steps == 4
        assert kept.export("one", tmp_path).is_file()
        for action in (lambda: kept.add(run.folder, "x"), lambda: kept.remove("one"), lambda: kept.rename("one", "x")):
            assert "can't be written: Read-only file system" in refused(action)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_library_where_a_file_is(run, source, tmp_path):
    (tmp_path / "file").write_text("mine")
    library = AdapterLibrary(tmp_path / "file", source)
    assert "can't be read" in refused(library.names)
    assert "can't be" in refused(library.add, run.folder)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_source_that_changes_while_it_is_copied(library, adapter, monkeypatch):
    real = entries.fill

    def changed(partial, folder):
        change_tensors(folder, lambda tensors: tensors.popitem())
        real(partial, folder)

    monkeypatch.setattr(libraries, "fill", changed)
    assert "no whole pair" in refused(library.add, adapter, "x")
    assert library.names() == []
    assert [item.name for item in library.folder.iterdir()] == [".lock"]


def test_a_description_may_be_added_by_hand(library, run):
    library.add(run.folder, "one")
    write_card(library.path("one"), replace(library.card("one"), description="For billing."))
    assert library.card("one").description == "For billing."
    assert json.loads((library.path("one") / "card.json").read_text("utf-8"))["format"] == 1


def test_many_entries_are_listed_fast(library, run):
    library.add(run.folder, "a0")
    for number in range(1, 100):
        shutil.copytree(library.path("a0"), library.folder / f"a{number}")
    library.names()
    start = time.perf_counter()
    assert len(library.names()) == 100
    assert time.perf_counter() - start < 5
