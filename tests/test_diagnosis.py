"""`doctor`: what it tries really runs, what fails is a finding with a next step."""

import json
import time
from typing import Any

import pytest
import torch
from huggingface_hub import constants

from finetune_lab.cli.app import run
from finetune_lab.device import detect_device
from finetune_lab.diagnosis import Diagnosis, doctor, operations, surroundings
from finetune_lab.diagnosis.check import Check, guarded

OPERATIONS = (
    "NF4 layer", "FP4 layer", "8-bit layer", "LoRA on NF4 layer", "LoRA on FP4 layer", "LoRA on 8-bit layer",
    "fused AdamW", "bfloat16",
)  # fmt: skip


@pytest.fixture(scope="module")
def found() -> Diagnosis:
    return doctor()


def test_every_operation_works_here_with_its_time_and_its_error(found: Diagnosis) -> None:
    tried = [check for check in found.checks if check.milliseconds is not None]
    assert tuple(check.name for check in tried) == OPERATIONS
    assert [(check.name, check.detail) for check in tried if check.verdict != "works"] == []
    assert all(check.ratio and check.ratio > 0 and check.error is not None and check.error < 0.03 for check in tried)


def test_the_base_is_there_and_the_hub_is_left_alone_when_offline(found: Diagnosis) -> None:
    verdicts = {check.name: check.verdict for check in found.checks}
    assert verdicts["lab-base"] == "works"
    assert verdicts["Hugging Face hub"] == "not tried"


def test_it_shows_versions_the_machine_and_what_to_do(found: Diagnosis) -> None:
    text, page = repr(found), found._repr_html_()
    for part in (
        "torch 2.",
        "float32: ",
        "threads",
        "GiB",
        "NF4 layer",
        "time ratio",
        "Everything that was tried works",
    ):
        assert part in text
        assert part in page or part == "threads"
    broken = Diagnosis(found.versions, found.machine, found.device, (Check("x", "fails", "it <broke>", "Mend it."),))
    assert broken.todo == ["x: it <broke>. Mend it."]
    assert "it &lt;broke&gt;" in broken._repr_html_()


def test_the_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert {"versions", "machine", "device", "checks", "todo"} == set(record)
    assert [check["name"] for check in record["checks"]][: len(OPERATIONS)] == list(OPERATIONS)


def test_wrong_arithmetic_is_found() -> None:
    right = [torch.ones(3)]
    check = operations.compared("x", "against y", lambda: [torch.ones(3) * 1.01], lambda: right, 1e-3)
    assert (check.verdict, round(check.error or 0, 3)) == ("fails", 0.01)
    assert operations.compared("x", "", lambda: [torch.full((3,), torch.nan)], lambda: right, 1.0).verdict == "fails"


def test_quantized_weights_are_checked_against_the_original(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(operations.ROUNDING, "nf4", 0.01)
    check = operations.quantized_layer("nf4", detect_device())
    assert (check.verdict, check.detail[:34]) == ("fails", "quantizing moved the weights by 9.")


def test_a_probe_that_raises_is_a_finding_with_a_next_step() -> None:
    def probe() -> Check:
        raise RuntimeError("no kernel\nfor this")

    assert guarded("x", "Mend it.", probe) == Check("x", "fails", "RuntimeError: no kernel for this", "Mend it.")
    assert guarded("x", "Mend it.", lambda: Check("x", "fails", "wrong")).next_step == "Mend it."


def test_a_missing_base_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "LAB_BASE", "/missing")
    check = surroundings.embedded_base()
    assert (check.verdict, bool(check.next_step)) == ("fails", True)


@pytest.mark.offline
def test_a_hub_out_of_reach_is_a_finding_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    begun = time.monotonic()
    check: Any = surroundings.hub()
    assert (check.verdict, bool(check.next_step)) == ("fails", True)
    assert time.monotonic() - begun < 2 * surroundings.HUB_SECONDS
