"""Adapters as ZIP files: the same bytes each time, and nothing hostile in one is ever opened or left behind."""

import io
import json
import os
import pickle
import stat
import warnings
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save as as_safetensors
from spoiling import WEIGHTS, change_json
from tiny import hashes, one_line

from finetune_lab.adapters import archive as archives
from finetune_lab.adapters.faults import AdapterError
from finetune_lab.adapters.library import AdapterLibrary

pytest_plugins = ("tiny_base", "tiny_adapters")
CONFIG = "adapter_config.json"


@pytest.fixture
def files(run):
    """What a good archive holds, by path."""
    return {f"a/{file.name}": file.read_bytes() for file in run.artifact.iterdir()}


def zipped(path, files, method=zipfile.ZIP_STORED):
    """An archive with these entries; a name may be a ZipInfo."""
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", method) as archive:
        warnings.simplefilter("ignore")  # of names that stand twice
        for name, content in files.items() if isinstance(files, dict) else files:
            archive.writestr(name, content)
    return path


def refused(library, file, name="x"):
    with pytest.raises(AdapterError) as caught:
        library.import_zip(file, name)
    assert library.names() == []
    left = [item.name for item in library.folder.iterdir()] if library.folder.exists() else []
    assert left in ([], [".lock"])
    return one_line(caught.value)


def test_there_and_back(library, run, source, tmp_path):
    library.add(run.folder, "billing")
    (tmp_path / "to give \N{SNOWMAN}").mkdir()
    file = library.export("billing", tmp_path / "to give \N{SNOWMAN}")
    assert file.name == "billing.zip"
    assert {stat.S_IMODE(info.external_attr >> 16) for info in zipfile.ZipFile(file).infolist()} == {0o644}
    other = AdapterLibrary(tmp_path / "other", source)
    card = other.import_zip(file)
    assert card == library.card("billing")
    assert hashes(other.path("billing")) == hashes(library.path("billing"))
    assert other.export("billing", tmp_path / "again.zip").read_bytes() == file.read_bytes()
    assert other.import_zip(file, "theirs").name == "theirs"
    with pytest.raises(AdapterError, match="already"):
        other.import_zip(file)


def test_an_export_replaces_nothing_else(library, run, tmp_path):
    library.add(run.folder, "a")
    file = library.export("a", tmp_path)
    assert library.export("a", tmp_path) == file
    file.write_bytes(b"mine")
    with pytest.raises(AdapterError, match="holds something else"):
        library.export("a", tmp_path)
    assert file.read_bytes() == b"mine"
    with pytest.raises(AdapterError, match="can't be written"):
        library.export("a", tmp_path / "nowhere" / "a.zip")
    with pytest.raises(AdapterError, match="There is no adapter"):
        library.export("b", tmp_path)
    assert not list(tmp_path.glob(".*partial"))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("top", ["", "a/", "My adapter \N{SNOWMAN}/"])
def test_other_programs_archives(library, files, tmp_path, method, top):
    entries = {name.replace("a/", top, 1): content for name, content in files.items()}
    more = {f"{top}tokenizer.json": "{}", "__MACOSX/a/._x": "x", f"{top}.DS_Store": "x"} | ({top: ""} if top else {})
    card = library.import_zip(zipped(tmp_path / "billing.zip", more | entries, method))
    assert (card.name, card.steps) == ("billing", 4)
    assert sorted(item.name for item in library.path("billing").iterdir()) == sorted(name[2:] for name in files)


def link(name):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def device(name):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFIFO | 0o777) << 16
    return entry


HOSTILE = {
    "points outside": ["../evil.json", "/etc/evil.json", "a/../../evil.json", "C:/evil.json", "..\\evil.json",
                       "\\evil.json", "a/../a/card.json"],
    "link is not followed": [link("a/evil.json"), link("a")],
    "no ordinary file": [device("a/pipe")],
    "another entry has this name": ["a/card.json", "a/CARD.JSON", "A/Adapter_Config.json"],
    "folder within a folder": ["a/b/c.json", "a/b/", "a/b/card.json"],
    "more than one folder": ["b/card.json", "notes.txt"],
    "a pickle can run code": ["a/adapter_model.bin", "a/x.PKL", "a/optimizer.pt", "a/x.ckpt"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("why", "entry"), [(why, entry) for why, entries in HOSTILE.items() for entry in entries], ids=str
)
def test_traps(library, files, tmp_path, why, entry):
    before = set(tmp_path.parent.rglob("*"))
    file = zipped(tmp_path / "x.zip", [*files.items(), (entry, b"evil")])
    text = refused(library, file)
    assert why in text
    assert "nothing of it was opened" in text
    made = {path for path in set(tmp_path.parent.rglob("*")) - before if library.folder not in (path, *path.parents)}
    assert made == {file}


def test_all_traps_are_listed_at_once(library, files, tmp_path):
    many = [*files.items(), ("../x", b""), ("a/model.bin", b""), (link("a/l"), b""), ("a/b/c/d", b"")]
    text = refused(library, zipped(tmp_path / "x.zip", many))
    assert all(part in text for part in ("5 faults", "outside", "pickle", "link", "folder within"))
    text = refused(library, zipped(tmp_path / "y.zip", [*files.items(), *((f"../{n}", b"") for n in range(90))]))
    assert "and 86 more" in text


def test_a_pickle_is_never_opened(library, files, tmp_path, monkeypatch):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path}/owned",)

    del files[f"a/{WEIGHTS}"]
    files["a/adapter_model.bin"] = pickle.dumps(Evil())
    opened = []
    real = zipfile.ZipFile.open
    monkeypatch.setattr(
        zipfile.ZipFile,
        "open",
        lambda self, name, *rest, **more: opened.append(name) or real(self, name, *rest, **more),
    )
    file = tmp_path / "x.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    opened.clear()
    assert "a pickle can run code" in refused(library, file)
    assert opened == []
    assert not (tmp_path / "owned").exists()


def test_an_archive_without_the_files_or_that_is_none(library, files, tmp_path):
    text = refused(library, zipped(tmp_path / "x.zip", {"a/README.md": "x"}))
    assert f"it has no {CONFIG}" in text
    assert f"it has no {WEIGHTS}" in text
    (tmp_path / "x.zip").write_bytes(b"PK\3\4 no archive")
    assert "no ZIP archive" in refused(library, tmp_path / "x.zip")
    assert "There is no" in refused(library, tmp_path / "nowhere.zip")
    assert "no ZIP archive" in refused(library, tmp_path)
    many = {f"a/{n}": b"" for n in range(201)} | files
    assert "over 200 entries" in refused(library, zipped(tmp_path / "many.zip", many))


def test_bombs(library, files, tmp_path, monkeypatch):
    bomb = dict(files) | {f"a/{WEIGHTS}": bytes(30_000_000)}
    assert "unpacks to far more" in refused(library, zipped(tmp_path / "x.zip", bomb, zipfile.ZIP_DEFLATED))
    text = refused(library, zipped(tmp_path / "y.zip", dict(files) | {"a/card.json": b" " * 2_000_000}))
    assert "card.json: it has over 1,000,000 bytes" in text
    monkeypatch.setattr(archives, "MOST_BYTES", 1000)
    assert "its files have over 1,000 bytes" in refused(library, zipped(tmp_path / "z.zip", files))


def test_an_archive_that_lies_about_its_sizes(library, files, tmp_path):
    """The directory says 10 bytes, and a megabyte is packed: what is written is no longer than what was said."""
    packed = zlib.compressobj(wbits=-15)
    content = bytes(1_000_000)
    stream = packed.compress(content) + packed.flush()
    file = zipped(tmp_path / "x.zip", dict(files) | {f"a/{WEIGHTS}": b"0123456789"}, zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo(f"a/{WEIGHTS}")
    whole = bytearray(file.read_bytes())
    start = info.header_offset + 30 + len(info.filename)
    if len(stream) <= info.compress_size:
        whole[start : start + len(stream)] = stream
    else:
        whole[start : start + info.compress_size] = stream[: info.compress_size]
    file.write_bytes(whole)
    assert "in the archive is broken" in refused(library, file)


def test_an_encrypted_entry(library, files, tmp_path):
    file = zipped(tmp_path / "x.zip", files)
    whole = bytearray(file.read_bytes())
    at = whole.rindex(b"PK\1\2")
    whole[at + 8] |= 1
    file.write_bytes(whole)
    assert "it is encrypted" in refused(library, file)


def test_what_does_not_fit_is_not_moved_in(library, adapter, files, tmp_path):
    cut = dict(files) | {f"a/{WEIGHTS}": files[f"a/{WEIGHTS}"][:-10]}
    assert "cut short" in refused(library, zipped(tmp_path / "x.zip", cut))
    other = dict(files) | {f"a/{WEIGHTS}": as_safetensors({"x": np.zeros(3, np.float32)})}
    assert "holds no LoRA matrix" in refused(library, zipped(tmp_path / "y.zip", other))
    change_json(adapter / "card.json", base_sha256="0" * 64)
    change_json(adapter / CONFIG, r=64)
    mixed = {f"a/{file.name}": file.read_bytes() for file in adapter.iterdir()}
    text = refused(library, zipped(tmp_path / "z.zip", mixed))
    assert "tuned from" in text
    assert "another rank" in text
    evil = dict(files) | {
        f"a/{CONFIG}": json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 1, "bias": "x" * 50_000})
    }
    evil.pop("a/card.json")
    assert "bias" in refused(library, zipped(tmp_path / "w.zip", evil))


def test_a_name_that_the_file_can_not_give(library, files, tmp_path):
    file = zipped(tmp_path / "billing (1).zip", files)
    with pytest.raises(AdapterError, match="such as 'billing-1'"):
        library.import_zip(file)
    assert library.import_zip(file, "billing").name == "billing"


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_changed_byte_does_harm(run, source, tmp_path, data):
    """Whatever is changed in an archive, it is refused in one line, or a whole entry comes of it."""
    buffer = io.BytesIO()
    zipped(buffer, {f"a/{file.name}": file.read_bytes() for file in run.artifact.iterdir()}, zipfile.ZIP_DEFLATED)
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        directory = len(content) - data.draw(st.integers(1, 400))
        content[data.draw(st.sampled_from([directory, data.draw(st.integers(0, len(content) - 1))]))] = data.draw(
            st.integers(0, 255)
        )
    (tmp_path / "x.zip").write_bytes(
        content[: data.draw(st.sampled_from([len(content), len(content), len(content) // 2]))]
    )
    library = AdapterLibrary(tmp_path / "fuzz", source)
    try:
        library.import_zip(tmp_path / "x.zip", "x")
    except AdapterError as error:
        one_line(error)
        assert library.names() == []
    else:
        assert library.names() == ["x"]
        library.remove("x")
    assert library.broken() == {}
