"""`lab.Adapters`: the notebook's object over a library on disk and a base in memory."""

import dataclasses
import shutil

import pytest
import torch
from tiny import one_line
from tiny_tuned import strengthen

import finetune_lab as lab
from finetune_lab.config import TuneConfig
from finetune_lab.errors import ConfigError, LabError
from finetune_lab.serving.faults import ServingError
from finetune_lab.serving.listing import card_row
from finetune_lab.serving.scores import distinct
from finetune_lab.tables import as_html, as_text

pytest_plugins = ["tiny_base", "tiny_tuned"]
PROMPTS = [f"Message: number {n} {'please ' * (n % 3)}\nRecord: " for n in range(5)]


@pytest.fixture
def library(base, runs, tmp_path):
    made = lab.Adapters(str(base), tmp_path / "library")
    made.add(runs["billing"], "billing")
    made.add(runs["returns"].folder, "returns")
    made.add(runs["four"].artifact, "four")
    return made


@torch.no_grad()
def logits(model):
    return model(input_ids=torch.arange(40, 64).view(2, 12)).logits


def test_the_library_is_a_table_and_a_collection(library, runs, tmp_path):
    assert not library.in_memory
    assert (len(library), list(library), library.names()) == (3, ["billing", "four", "returns"], list(library))
    assert "billing" in library
    assert "nobody" not in library
    rows = library.rows()
    assert list(rows[0]) == ["adapter", "method", "r", "data", "score", "size", "base", "from"]
    assert [row["method"] for row in rows] == ["lora", "qlora 4-bit", "lora"]
    assert {row["from"] for row in rows} == {"yours"}
    assert {row["data"] for row in rows} == {"rows.jsonl"}
    assert as_text(rows) in repr(library)
    assert as_html(rows) == library._repr_html_()
    assert library.card("four").bits == 4
    assert not library.in_memory  # none of this needs a model

    file = library.export("returns", tmp_path)
    library.remove("returns")
    assert library.import_zip(file, "again").name == "again"
    assert library.names() == ["again", "billing", "four"]


def test_use_switches_nests_and_falls_back_to_what_was(library):
    with library.use(None) as model:
        base = logits(model)
    with library.use("billing") as model:
        billing = logits(model)
        with library.use("returns"):
            assert not torch.equal(logits(model), billing)
            with library.use(None):
                assert torch.equal(logits(model), base)
        assert torch.equal(logits(model), billing)
    assert not torch.equal(billing, base)
    with library.use(None) as model:
        assert torch.equal(logits(model), base)
    assert library.loaded_base.loaded == ("billing", "returns")
    library.unload("billing")
    assert library.loaded_base.loaded == ("returns",)


def test_a_batch_may_have_an_adapter_for_each_prompt(library):
    with library.use("billing"), library.use("returns"), library.use("four"):
        pass
    strengthen(library.loaded_base.model)
    names = ["billing", "__base__", "returns", "four", "billing"]
    alone = [library.generate(prompt, name, 10) for prompt, name in zip(PROMPTS, names, strict=True)]
    assert library.generate(PROMPTS, names, 10) == alone
    assert len(set(alone)) >= 3
    assert library.generate(PROMPTS[0], max_new_tokens=10) == library.generate(PROMPTS[0], "__base__", 10)
    with library.use("four"):
        assert library.generate(PROMPTS[3], max_new_tokens=10) == alone[3]
        assert library.generate(PROMPTS, names, 10) == alone
        assert library.generate(PROMPTS[1], "__base__", 10) == alone[1]
    assert library.generate([], "four") == []
    tried = library.try_prompt(PROMPTS[0], max_new_tokens=10)
    assert list(tried.answers) == ["base", "billing", "four", "returns"]
    assert tried.answers["billing"] == alone[0]
    assert PROMPTS[0].splitlines()[0] in repr(tried)
    assert as_html(tried.rows()) in tried._repr_html_()


def test_all_wrong_names_are_listed_at_once_and_nothing_is_loaded(library):
    attempts = [
        lambda: library.generate(PROMPTS[:3], ["no", "billing", "never"]),
        lambda: library.try_prompt("Hello", ["no", "billing", "never"]),
        lambda: library.combine({"no": 1, "billing": 1, "never": 1}, name="mixed"),
        lambda: library.scores(["no", "billing", "never"], data="tickets"),
    ]
    for attempt in attempts:
        with pytest.raises(ServingError) as caught:
            attempt()
        text = one_line(caught.value)
        assert "'no'" in text
        assert "'never'" in text
        assert "There are: billing, four, returns." in text
    assert not library.in_memory
    with pytest.raises(LabError, match="no adapter 'no'"), library.use("no"):
        pass


@pytest.mark.parametrize(
    ("prompts", "names", "tokens", "says"),
    [
        (["a", ""], ["billing"], 0, ["Prompt 2", "2 prompts, but 1 adapters", "max_new_tokens"]),
        (["a", 3], [7, None], 5, ["Prompt 2", "7 is no name"]),
        ("a", "billing", True, ["max_new_tokens"]),
    ],
)
def test_what_can_not_be_answered_is_told_whole(library, prompts, names, tokens, says):
    with pytest.raises(ConfigError) as caught:
        library.generate(prompts, names, tokens)
    assert [part for part in says if part not in one_line(caught.value)] == []


@pytest.mark.parametrize("bits", [3, "4", True, None])
def test_a_width_that_does_not_exist(base, bits):
    with pytest.raises(ConfigError, match="bits must be"):
        lab.Adapters(str(base), bits=bits)


def test_one_deleted_while_loaded_answers_until_unloaded(library):
    before = library.generate(PROMPTS[0], "billing", 10)
    shutil.rmtree(library.path("billing"))
    assert "billing" not in library
    assert library.generate(PROMPTS[0], "billing", 10) == before
    library.unload("billing")
    with pytest.raises(ServingError, match="no adapter 'billing'") as caught:
        library.generate(PROMPTS[0], "billing", 10)
    one_line(caught.value)
    shutil.rmtree(library.path("returns"))
    with pytest.raises(ServingError, match="no adapter 'returns'"), library.use("returns"):
        pass


def test_removing_and_renaming_reach_memory(library):
    with library.use("billing") as model:
        before = logits(model)
        with pytest.raises(ServingError, match="in use"):
            library.remove("billing")
        assert "billing" in library
        library.rename("billing", "invoices")
        assert torch.equal(logits(model), before)
    with library.use("invoices") as model:
        assert torch.equal(logits(model), before)
    library.remove("invoices")
    assert library.loaded_base.loaded == ()


def test_a_strangers_card_breaks_no_table_and_writes_nothing_to_the_terminal(library):
    card = library.card("billing")
    strange = dataclasses.replace(card, data="rows\x1b[2Jgone", scores_after={"bleu": 0.5})
    row = card_row(strange, shipped=False)
    assert row["score"] == "-"
    assert row["data"] == "rows\N{REPLACEMENT CHARACTER}[2Jgone"
    assert card_row(card, shipped=False)["score"].endswith("%")


def test_one_takes_the_place_of_another_only_when_asked(library, runs, tmp_path, monkeypatch):
    with pytest.raises(LabError, match="has an adapter 'billing' already"):
        library.add(runs["returns"], "billing")
    before = library.generate(PROMPTS, "returns")
    library.generate(PROMPTS, "billing")  # in memory
    assert library.add(runs["returns"], "billing", replace=True).r == 4
    assert library.generate(PROMPTS, "billing") == before
    assert library.names() == ["billing", "four", "returns"]
    monkeypatch.chdir(tmp_path)
    folders = [library.merge("billing").folder for _ in range(2)]
    assert [folder.name for folder in folders] == ["billing-16bit", "billing-16bit-2"]


def test_one_removed_and_added_anew_is_the_new_one(library, runs):
    with library.use("billing") as model:
        before = logits(model)
    other = lab.Adapters(library.base.name, library.library.folder)  # as another process would
    other.remove("billing")
    other.add(runs["four"], "billing")
    with library.use("billing") as model:
        assert not torch.equal(logits(model), before)


@pytest.mark.parametrize("bits", [4, 8])
def test_a_quantized_base_serves_too(base, library, bits):
    served = lab.Adapters(str(base), library.library.folder, bits=bits)
    with served.use(None) as model:
        assert model.config.quantization_config is not None
        alone = logits(model)
    with served.use("four") as model:
        assert not torch.equal(logits(model), alone)
    assert len(served.try_prompt("Message: hello\nRecord: ", max_new_tokens=4).answers) == 4


def test_scores_of_each_adapter_on_each_data_set(library, runs, rows):
    config = runs["billing"].config
    scores = library.scores(data=[config, config.replace(data=str(rows))])
    assert list(scores.judged) == ["base", "billing", "four", "returns"]
    first, second = scores.judged["billing"]
    assert {first, second} == {config.data, str(rows)}  # both are called rows.jsonl
    mine = scores.judged["billing"][first]
    assert mine.eval_loss == pytest.approx(runs["billing"].summary["eval_loss_after"], abs=1e-5)
    assert mine.scores == runs["billing"].summary["scores_after"]
    assert scores.judged["base"][first].eval_loss == pytest.approx(
        runs["billing"].summary["eval_loss_before"], abs=1e-5
    )
    assert scores.shares["billing"][first] == mine.score
    assert as_text(scores.rows()) == repr(scores)
    assert as_html(scores.rows()) == scores._repr_html_()
    assert list(library.scores(["billing"]).judged["billing"]) == ["rows.jsonl"]


def test_data_sets_of_the_same_name_are_told_apart(tmp_path):
    one, two = str(tmp_path / "a" / "x.jsonl"), str(tmp_path / "b" / "x.jsonl")
    assert distinct(["tickets", one]) == ["tickets", "x.jsonl"]
    assert distinct([one, two]) == [one, two]
    assert distinct(["tickets", "tickets"]) == ["tickets (1)", "tickets (2)"]


def test_merging_from_the_library(library, runs, tmp_path):
    config: TuneConfig = runs["billing"].config
    merged = library.merge("four", 4, out=tmp_path / "merged", data=config)
    assert (merged.into_bits, merged.folder) == (4, tmp_path / "merged")
    assert [drift.what for drift in merged.drift] == ["beside 4 bits"]
    again = library.merge("billing", out=str(tmp_path / "float"))
    assert again.drift[0].largest_logit_difference < 1e-4
    assert library.path("billing").is_dir()
