"""Rollback, proved for adapters and failing for a full tune; and the base that a tune trained beside is whole."""

import json
import shutil

import pytest
import torch
from tiny import one_line, session_of
from tiny_tuned import METHODS
from torch import nn

from finetune_lab.config import LoRA, QLoRA
from finetune_lab.device import detect_device
from finetune_lab.errors import LabError
from finetune_lab.models import find_base
from finetune_lab.serving.fingerprint import base_sha256
from finetune_lab.serving.frozen import load_frozen
from finetune_lab.serving.rollback import PROMPTS, prove_rollback
from finetune_lab.tables import as_html, as_text

pytest_plugins = ["tiny_base", "tiny_tuned"]


@pytest.mark.parametrize("name", ["billing", "returns", "four", "eight"])
def test_an_adapter_leaves_the_base_bit_for_bit(runs, name):
    proof = prove_rollback(runs[name])
    assert proof.rolled_back
    assert proof
    assert proof.verdict.startswith("PROVED")
    assert [stage.name for stage in proof.stages] == ["before", "attached", "switched off", "unloaded"]
    assert [stage.equal for stage in proof.stages] == [True, False, True, True]
    assert proof.stages[1].largest > 0.01
    assert {stage.largest for stage in proof.stages[2:]} == {0.0}
    assert len({stage.sha256 for stage in proof.stages}) == 1
    assert proof.prompts == PROMPTS


def test_the_same_proof_fails_for_a_full_tune(runs):
    proof = prove_rollback(runs["full"].folder)
    assert not proof
    assert proof.verdict.startswith("FAILED: its weights have changed")
    assert [stage.equal for stage in proof.stages] == [True, False, False, False, True]
    before, *tuned, again = [stage.sha256 for stage in proof.stages]
    assert before == again
    assert before not in tuned
    assert "Loaded again from disk it is itself." in proof.verdict
    assert as_text(proof.rows()) in repr(proof)
    assert as_html(proof.rows()) in proof._repr_html_()
    assert proof.verdict in proof._repr_html_()


def test_the_proof_sees_a_single_bit(runs, monkeypatch):
    """A base whose adapter comes off but which lost the last bit of one weight meanwhile."""
    from finetune_lab.serving import rollback

    class Clumsy(rollback.LoadedBase):
        def detach(self, name):
            if name not in self.loaded:
                return
            super().detach(name)
            weight = self.model.model.layers[0].mlp.down_proj.weight
            weight.view(torch.int32)[0, 0] ^= 1

    monkeypatch.setattr(rollback, "LoadedBase", Clumsy)
    proof = prove_rollback(runs["billing"])
    assert not proof
    assert [stage.sha256 == proof.stages[0].sha256 for stage in proof.stages] == [True, True, True, False]


@pytest.mark.parametrize(
    "method", [LoRA(r=2), QLoRA(r=2), QLoRA(r=2, bnb_4bit_use_double_quant=True), QLoRA(r=2, bits=8)], ids=repr
)
def test_the_base_that_was_tuned_beside_is_bit_identical(settings, tmp_path, base, method):
    session, events = session_of(method, settings, tmp_path / "run")
    fresh = load_frozen(find_base(str(base)), detect_device(), method if isinstance(method, QLoRA) else None)
    fresh(torch.tensor([[5, 6]]))  # at the first pass bitsandbytes moves its 8-bit scales
    assert base_sha256(session.trainer.model) == base_sha256(fresh)
    assert events[-1].status == "finished"


def test_a_full_tune_moves_the_base(settings, tmp_path, base):
    session, _ = session_of(METHODS["full"], settings, tmp_path / "run")
    fresh = load_frozen(find_base(str(base)), detect_device(), None)
    assert base_sha256(session.trainer.model) != base_sha256(fresh)


def test_the_hash_knows_names_shapes_and_types_apart():
    hashes = set()
    for weight in (torch.zeros(2, 3), torch.zeros(3, 2), torch.zeros(2, 3, dtype=torch.float16), torch.ones(2, 3)):
        for name in ("one", "other"):
            module = nn.Module()
            module.register_parameter(name, nn.Parameter(weight))
            hashes.add(base_sha256(module))
    assert len(hashes) == 8


def test_an_adapter_is_found_by_its_folder_alone(runs, tmp_path):
    shutil.copytree(runs["billing"].artifact, tmp_path / "alone")
    assert prove_rollback(tmp_path / "alone", ["Hello"])
    assert prove_rollback(str(runs["four"].artifact), ["Hello"]).what.startswith("qlora r=2 4-bit")


def test_what_can_not_be_proved_is_told(runs, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "adapter_config.json").write_text(json.dumps([1]))
    for folder, prompts in (
        (tmp_path / "empty", None),
        (tmp_path / "odd", None),
        (runs["full"], []),
        (runs["full"], [""]),
    ):
        with pytest.raises(LabError) as caught:
            prove_rollback(folder, prompts)
        one_line(caught.value)
