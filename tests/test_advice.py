"""Advice: each rule speaks where it should, the sum is that of what is shown, and evidence counts where it exists."""

from typing import Any

import pytest

import finetune_lab as lab
from finetune_lab.advice.advising import Advice, advise
from finetune_lab.advice.case import Case, Evidence
from finetune_lab.advice.rules import METHODS, RULES
from finetune_lab.errors import ConfigError


def summary(method: str, loss: float | None, seconds: float = 10.0) -> dict[str, Any]:
    return {"method": method, "eval_loss_after": loss, "seconds": seconds, "steps": 10, "artifact_bytes": 1000}


class FinishedRun:
    """What `advise` reads of a run."""

    def __init__(self, method: str, loss: float | None, seconds: float = 10.0) -> None:
        self.summary = summary(method, loss, seconds)


def votes(advice: Advice, question: str) -> dict[str, int]:
    return next((vote.votes for rule, vote in advice.votes if rule.asks == question), {})


def test_a_small_model_on_a_roomy_card_begins_with_lora() -> None:
    advice = advise(model="qwen3-0.6b", device="T4")
    assert advice.method == "lora"
    assert advice.sentence == "Begin with LoRA."
    assert votes(advice, "Is memory tight?") == {"qlora": -1}


def test_where_lora_does_not_fit_or_barely_does_qlora_is_the_way() -> None:
    out = advise(model="qwen3-4b", device="T4")
    assert out.method == "qlora"
    assert set(votes(out, "Does it fit?")) == {"full", "lora"}
    tight = advise(model="qwen3-8b", device="L4", max_length=512)
    assert tight.method == "qlora"
    assert votes(tight, "Is memory tight?") == {"qlora": 1}


def test_full_tuning_needs_a_broad_change_much_clean_data_and_an_adapter_that_has_plateaued() -> None:
    asked: dict[str, Any] = {"model": "qwen3-0.6b", "device": "H200", "change": "broad", "examples": 50_000}
    assert advise(**asked, plateaued=True).method == "full"
    for lacking in ({"plateaued": False}, {"clean": False}, {"examples": 500}, {"change": "narrow"}):
        assert advise(**(asked | {"plateaued": True} | lacking)).method == "lora", lacking


def test_a_base_that_must_come_back_rules_full_tuning_out() -> None:
    asked: dict[str, Any] = {"device": "H200", "change": "broad", "examples": 50_000, "plateaued": True}
    assert advise(**asked, keep_base=True).totals["full"] < -50
    assert advise(**asked, keep_base=True).method == "lora"


def test_what_comes_before_a_tune_is_said_first() -> None:
    advice = advise(changing_facts=True, clean=False, device="T4")
    assert [line.split(":")[0] for line in advice.first] == [
        "First give the model the facts by retrieval", "First mend the data",
    ]  # fmt: skip
    assert advice.sentence.startswith("First give")
    assert advice.sentence.endswith("Then LoRA.")


def test_nothing_that_fits_is_no_advice_to_tune() -> None:
    advice = advise(model="llama-3.1-70b", device="T4")
    assert advice.method is None
    assert advice.sentence.startswith("No method fits: take a smaller model")


def test_own_runs_count_only_when_both_sides_were_measured_and_the_gap_is_noticeable() -> None:
    def asked(*runs: FinishedRun) -> Advice:
        return advise(device="T4", runs=runs)  # type: ignore[arg-type]

    question = "What did you measure?"
    assert votes(asked(FinishedRun("lora", 0.5)), question) == {}
    assert votes(asked(FinishedRun("lora", 0.51), FinishedRun("full", 0.5)), question) == {}
    assert votes(asked(FinishedRun("lora", 0.8), FinishedRun("full", 0.5)), question) == {"full": 1}
    assert votes(asked(FinishedRun("lora", 0.4), FinishedRun("full", 0.5)), question) == {"lora": 1, "qlora": 1}
    timed = asked(FinishedRun("lora", 0.5, 10), FinishedRun("qlora", 0.5, 15))
    assert "1.50 times LoRA's" in repr(timed)


def test_runs_that_did_not_finish_are_no_evidence() -> None:
    assert Evidence.of([summary("lora", None), summary("full", 0.3)]).losses == {"full": 0.3}


def test_the_sum_is_that_of_the_rows_and_every_rule_can_speak() -> None:
    spoken = set[str]()
    for asked in ({}, {"variants": 5, "keep_base": True, "model": "qwen3-8b", "device": "T4"}):
        advice = advise(**asked, runs=[FinishedRun("lora", 0.9), FinishedRun("full", 0.5)])  # type: ignore[arg-type]
        assert advice.totals == {name: sum(v.votes.get(name, 0) for _, v in advice.votes) for name in METHODS}
        assert len(advice.rows()) == len(advice.votes) + 1
        spoken |= {rule.asks for rule, _ in advice.votes}
    assert spoken == {rule.asks for rule in RULES}
    assert len(RULES) == 7


def test_wrong_answers_are_listed_at_once() -> None:
    with pytest.raises(ConfigError, match=r"variants must be at least 1.*examples must be at least 1"):
        Case(variants=0, examples=0)
    with pytest.raises(ConfigError, match="A case has no colour, size"):
        lab.advise(colour="red", size=3)


def test_it_shows_itself_as_text_and_html() -> None:
    advice = lab.advise(device="T4", variants=3)
    assert "3 variants on disk: full" in repr(advice)
    assert "<table>" in advice._repr_html_()
