"""The storage ledger: files as they lie on disk, and the same by arithmetic for a model that is not here."""

import pytest
from tiny import one_line, save_model, tiny_llama

import finetune_lab as lab
from finetune_lab.config import Full, LoRA, QLoRA
from finetune_lab.errors import ConfigError, LabError
from finetune_lab.memory.known_models import facts
from finetune_lab.serving.storage import storage
from finetune_lab.tuning.comparison import compare
from finetune_lab.tuning.run import tune

pytest_plugins = "tiny_base"


@pytest.fixture(scope="module")
def race(base, rows, tmp_path_factory):
    settings = {"model": str(base), "data": str(rows), "max_steps": 1, "max_length": 64, "score_examples": 0}
    return compare([Full(), LoRA(r=2), QLoRA(r=2)], out=tmp_path_factory.mktemp("race") / "race", **settings)


def size_of(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_what_lies_on_disk_is_counted_to_the_byte(race, base):
    full, lora, qlora = race.runs
    found = storage(race, n=100)
    copies, adapters = found.groups[0]
    assert copies.total(100) == 100 * size_of(full.folder / "model")
    mean = round((size_of(lora.folder / "adapter") + size_of(qlora.folder / "adapter")) / 2)
    assert adapters.total(100) == size_of(base) + 100 * mean
    assert "measured: 2 adapter(s), lora r=2, qlora r=2 4-bit" in repr(found)
    assert storage(*race.runs, n=100) == found
    assert storage(full.folder, str(lora.artifact), qlora.artifact, n=100).groups[0][1].each == mean


def test_without_a_full_tune_a_copy_is_as_large_as_the_base(race, base):
    found = storage(race.runs[1], n=3)
    assert found.groups[0][0].total(3) == 3 * size_of(base)
    assert "none was tuned" in found.rows()[0]["how"]
    assert len(storage(race.runs[0]).rows()) == 1


def test_a_prediction_is_near_what_is_then_saved(race, base):
    """A full tune here is saved in float32, a prediction is of 16 bits: twice its weights, and the tokenizer."""
    measured, predicted = storage(race, model=base, method=LoRA(r=2)).groups
    weights = size_of(race.runs[0].folder / "model") - (base / "tokenizer.json").stat().st_size
    assert weights == pytest.approx(2 * predicted[0].each, rel=0.02)
    saved = (race.runs[1].artifact / "adapter_model.safetensors").stat().st_size
    assert saved == pytest.approx(predicted[1].each, rel=0.03)
    assert measured[1].each > predicted[1].each


def test_a_named_public_model_is_predicted_from_its_published_sizes():
    found = storage(n=100, model="llama-3.2-1b", method=QLoRA(r=16))
    copies, single, half = found.groups[0]
    weights = facts("llama-3.2-1b")["parameters"]
    assert copies.total(100) == 200 * weights
    assert single.once == half.once == 2 * weights
    layer = 2 * (2048 + 2048) + 2 * (2048 + 512) + 3 * (2048 + 8192)
    adapter = 16 * 16 * layer  # rank, layers
    header = 130 * 16 * 7 * 2
    assert (single.each, half.each) == (4 * adapter + header, 2 * adapter + header)
    assert found.rows()[0]["of the full copies"] == "100.00%"
    assert found.to_dict()[1]["bytes"] == 2 * weights + 100 * single.each
    assert "<table>" in found._repr_html_()


def test_without_anything_lab_base_is_predicted():
    found = lab.storage()
    assert found.n == 10
    assert found.groups[0][0].each == 2 * 5_868_800


@pytest.mark.parametrize(
    ("arguments", "says"),
    [({"n": 0}, "n must be"), ({"n": 1.5}, "n must be"), ({"method": Full()}, "method must be LoRA"),
     ({"n": -1, "method": Full()}, "2 faults")],
)  # fmt: skip
def test_what_can_not_be_is_told(arguments, says):
    with pytest.raises(ConfigError, match=says) as caught:
        storage(**arguments)
    one_line(caught.value)


def test_items_of_several_bases_or_of_none_are_refused(race, rows, tmp_path):
    other = save_model(tmp_path / "other", tiny_llama(num_hidden_layers=1))
    settings = {"model": str(other), "data": str(rows), "max_steps": 1, "max_length": 64, "score_examples": 0}
    run = tune(LoRA(r=1), out=tmp_path / "run", **settings)
    with pytest.raises(ConfigError, match="several bases"):
        storage(race, run)
    with pytest.raises(LabError, match="neither a run nor an adapter"):
        storage(tmp_path)
    with pytest.raises(LabError):
        storage(model="no/such model at all")
