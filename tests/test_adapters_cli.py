"""`finetune-lab adapters`: the library on the command line, on a tiny base with real adapters."""

import json

import pytest
from tiny import hashes

from finetune_lab.cli.app import run
from finetune_lab.cli.side_by_side import side_by_side

pytest_plugins = ["tiny_base", "tiny_tuned"]


@pytest.fixture
def ask(base, tmp_path, capsys, monkeypatch):
    """Run one command in a folder of its own, with a library there; returns status, standard output and error."""
    monkeypatch.chdir(tmp_path)

    def asked(command, *arguments, library=True):
        options = ["--folder", "kept", "--base", str(base)] if library else []
        capsys.readouterr()
        status = run(["adapters", command, *map(str, arguments), *options])
        told = capsys.readouterr()
        return status, told.out, told.err

    return asked


@pytest.fixture
def filled(ask, runs):
    """The same with two adapters in the library."""
    for name in ("billing", "returns"):
        assert ask("add", runs[name].folder, "--name", name)[0] == 0
    return ask


def one_line(told):
    status, out, err = told
    assert status == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


def test_an_empty_library_says_so(ask, base, tmp_path):
    assert ask("list") == (0, f"There is no adapter for {base} in kept yet: tune one and add its run.\n", "")
    assert json.loads(ask("list", "--json")[1])["adapters"] == []
    assert list(tmp_path.iterdir()) == [], "reading makes nothing"


def test_what_is_added_is_listed_and_shown(filled, runs):
    _, table, _ = filled("list")
    assert [line.split()[0] for line in table.splitlines()[2:]] == ["billing", "returns"]
    listed = json.loads(filled("list", "--json")[1])
    assert [card["r"] for card in listed["adapters"]] == [2, 4]
    assert listed["broken"] == {}
    status, card, _ = filled("show", "returns")
    assert status == 0
    assert card.startswith("# returns\n")
    as_json = json.loads(filled("show", "returns", "--json")[1])
    assert (as_json["steps"], sorted(as_json["target_modules"])) == (4, ["down_proj", "q_proj"])


def test_a_broken_entry_is_told_and_hides_no_other(filled, tmp_path):
    (tmp_path / "kept" / "returns" / "adapter_model.safetensors").write_bytes(b"no tensors")
    status, table, told = filled("list")
    assert status == 0
    assert "billing" in table
    assert "returns" not in table
    assert told.startswith("returns can't be used: ")
    assert list(json.loads(filled("list", "--json")[1])["broken"]) == ["returns"]


def test_try_answers_with_the_base_and_with_each_adapter(filled):
    found = json.loads(filled("try", "My parcel is late.", "--max-new-tokens", 4, "--json")[1])
    assert found["prompt"] == "My parcel is late.", "the form of tickets is for lab-base only"
    assert list(found["answers"]) == ["base", "billing", "returns"]
    status, text, _ = filled("try", "My parcel is late.", "returns", "--max-new-tokens", 4)
    assert status == 0
    assert [line.split()[0] for line in text.splitlines() if line[:1].strip()] == ["prompt", "base", "returns"]


def test_try_at_other_bits(filled):
    found = json.loads(filled("try", "Late.", "billing", "--bits", 4, "--max-new-tokens", 2, "--json")[1])
    assert (found["bits"], list(found["answers"])) == (4, ["base", "billing"])


def test_rename_export_remove_import(filled, tmp_path):
    before = hashes(tmp_path / "kept" / "billing")["adapter_model.safetensors"]
    assert filled("rename", "billing", "accounts")[0] == 0
    assert filled("export", "accounts")[1].strip().endswith("accounts.zip")
    assert filled("remove", "accounts")[0] == 0
    assert [card["name"] for card in json.loads(filled("list", "--json")[1])["adapters"]] == ["returns"]
    assert filled("import", "accounts.zip", "--name", "back")[0] == 0
    assert hashes(tmp_path / "kept" / "back")["adapter_model.safetensors"] == before


def test_merge_writes_the_model_and_reports_the_drift(filled, tmp_path, rows):
    status, out, _ = filled("merge", "billing", "--out", "merged", "--data", rows, "--json")
    assert status == 0
    found = json.loads(out)
    assert (found["adapter"], found["into_bits"], found["caution"]) == ("billing", 16, "")
    assert found["drift"]
    assert (tmp_path / "merged" / "config.json").is_file()
    assert "not an empty folder" in one_line(filled("merge", "billing", "--out", "merged", "--data", rows))


def test_diff_tells_the_rank_of_one_tune_and_of_two(filled, runs, base):
    status, text, _ = filled("diff", "billing", runs["full"].folder)
    assert status == 0
    assert text.count("against") == 2
    assert text.count("\nall ") == 2
    lora, full = json.loads(filled("diff", "billing", runs["full"].folder, "--json")[1])
    assert (lora["method"], full["method"]) == ("lora", "full")
    assert lora["rank_for"]["0.99"] <= 2 < full["rank_for"]["0.99"]
    assert len(lora["layers"]) == len(full["layers"]) == 14
    assert "intruders" not in lora["layers"][0]


def test_diff_of_a_base_and_what_was_made_of_it(filled, runs, base):
    folder = runs["full"].artifact
    own = json.loads(filled("diff", runs["full"].folder, "--json")[1])
    against = json.loads(filled("diff", base, folder, "--json")[1])
    assert own[0]["layers"] == against[0]["layers"]
    assert len(against) == 1


def test_diff_by_layer_and_with_intruders(filled):
    _, text, _ = filled("diff", "returns", "--layers", "--intruders")
    assert text.count("layers.0.self_attn.q_proj") == 2
    assert "Claim (arXiv 2410.21228)" in text
    assert {
        layer["intruders"] for layer in json.loads(filled("diff", "returns", "--intruders", "--json")[1])[0]["layers"]
    }


FAULTS = [
    (("show", "nothing"), "There is no adapter 'nothing'"),
    (("try", "Hello", "billing", "nothing"), "There is no adapter 'nothing'"),
    (("try", "Hello", "--bits", "3"), "bits must be 16, 8 or 4"),
    (("merge", "billing", "--out", "m", "--into-bits", "5", "--data", "x.jsonl"), "into_bits must be 16, 8 or 4"),
    (("add", "nowhere"), "neither a run nor an adapter"),
    (("add", "kept/billing"), "an adapter 'billing' already"),
    (("remove", "nothing"), "There is no adapter 'nothing'"),
    (("rename", "billing", "returns"), "already"),
    (("rename", "billing", "../out"), "can't be an adapter's name"),
    (("export", "nothing"), "There is no adapter 'nothing'"),
    (("import", "nowhere.zip"), "nowhere.zip"),
    (("diff", "nothing"), "nothing"),
]


@pytest.mark.parametrize(("arguments", "said"), FAULTS, ids=lambda value: " ".join(value) if value else "")
def test_a_fault_is_one_line_and_changes_nothing(filled, tmp_path, arguments, said):
    before = hashes(tmp_path / "kept")
    assert said in one_line(filled(*arguments))
    assert hashes(tmp_path / "kept") == before


def test_answers_stand_beside_their_names_and_wrap():
    answers = {"base": "", "logistics": "ACTION: stop\nORDER: A-10000", "desk": "one two three four five six\x1b[2J"}
    assert side_by_side(answers, width=31).splitlines() == [
        "base       (nothing)",
        "logistics  ACTION: stop",
        "           ORDER: A-10000",
        "desk       one two three four",
        "           five six\\x1b[2J",
    ]
    assert max(map(len, side_by_side({"a": "word " * 200}, width=500).splitlines())) <= 120
