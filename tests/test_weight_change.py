"""The change itself: singular values of W_tuned - W_base, what a lower rank keeps, and intruder dimensions."""

import json
import math
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import one_line, save_model, tiny_llama

import finetune_lab as lab
from finetune_lab.config import Full, LoRA, QLoRA
from finetune_lab.errors import ConfigError, LabError
from finetune_lab.models import Source, load_model
from finetune_lab.tuning.run import tune
from finetune_lab.views.layer_charts import describe_layers, layer_chart
from finetune_lab.views.plotting import plot
from finetune_lab.views.spectrum_charts import describe, spectrum_chart
from finetune_lab.weight_change.faults import WeightChangeError
from finetune_lab.weight_change.intruding import intruders, similarities
from finetune_lab.weight_change.layer_spectrum import LayerSpectrum, captured_by
from finetune_lab.weight_change.matrices import Dense, LowRank, cut
from finetune_lab.weight_change.spectra import spectrum
from finetune_lab.weight_change.truncation import truncate

pytest_plugins = "tiny_base"
LINEAR_LAYERS = 14  # seven in each of two blocks
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def runs(base, rows, tmp_path_factory):
    """A full tune, a LoRA and a QLoRA tune of the tiny base."""
    folder = tmp_path_factory.mktemp("runs")
    settings = {"model": str(base), "data": str(rows), "max_steps": 4, "batch_size": 4, "max_length": 64,
                "eval_examples": 2, "score_examples": 0}  # fmt: skip
    methods = {"full": Full(), "lora": LoRA(r=4), "qlora": QLoRA(r=2)}
    return {name: tune(method, out=folder / name, **settings) for name, method in methods.items()}


def logits(folder):
    model = load_model(Source("", str(folder), ""), CPU, torch.float32).eval()
    return model(torch.arange(2, 40).unsqueeze(0)).logits


def layer(values, weight_norm=1.0, name="layers.0.q_proj"):
    return LayerSpectrum(name, (8, 8), tuple(values), weight_norm)


@pytest.mark.parametrize("shape", [(40, 24, 3), (24, 40, 8), (6, 5, 9)])
def test_the_svd_by_factors_is_that_of_the_product(shape):
    out, inner, rank = shape
    factors = LowRank(torch.randn(out, rank), torch.randn(rank, inner))
    u, values, v = factors.svd()
    expected = torch.linalg.svdvals(factors.dense())[: len(values)]
    torch.testing.assert_close(values, expected)
    torch.testing.assert_close(u * values @ v, factors.dense())
    assert len(values) == min(shape)


def test_lora_has_exactly_r_values_and_a_full_tune_has_more(runs):
    found = {name: spectrum(run) for name, run in runs.items()}
    assert {name: len(one.layers) for name, one in found.items()} == dict.fromkeys(runs, LINEAR_LAYERS)
    assert {one.rank for one in found["lora"].layers} == {4}
    assert {one.rank for one in found["qlora"].layers} == {2}
    assert min(one.rank for one in found["full"].layers) > 30
    assert found["lora"].elsewhere == found["qlora"].elsewhere == 0
    assert 0 < found["full"].elsewhere < 1
    assert found["full"].rank_for(0.9) > found["lora"].rank_for(1.0) == 4
    assert (found["full"].what, found["qlora"].what) == ("full", "qlora r=2 4-bit")


def test_a_merged_adapter_has_the_spectrum_of_its_factors(runs, base, tmp_path):
    from peft import PeftModel

    model = load_model(Source("", str(base), ""), CPU, torch.float32)
    merged = PeftModel.from_pretrained(model, str(runs["lora"].artifact)).merge_and_unload()
    merged.save_pretrained(tmp_path / "merged")
    whole, factors = spectrum(tmp_path / "merged", base=base), spectrum(runs["lora"])
    assert len(whole.layers) == LINEAR_LAYERS
    for one, other in zip(whole.layers, factors.layers, strict=True):
        assert one.name == other.name
        assert one.rank == 4
        assert one.values[:4] == pytest.approx(other.values, rel=1e-4)
        assert one.relative_norm == pytest.approx(other.relative_norm, rel=1e-4)


def test_a_run_its_folder_and_its_artifact_are_the_same_item(runs, base):
    for name in ("full", "lora"):
        run = runs[name]
        found = [spectrum(item) for item in (run, run.folder, str(run.artifact))]
        assert found[0] == found[1] == found[2]
    moved = spectrum(runs["full"].artifact, base=base)
    assert moved.layers == spectrum(runs["full"]).layers
    assert lab.spectrum is spectrum
    assert lab.intruders is intruders
    assert lab.truncate is truncate


def test_energy_rises_to_one_and_ranks_follow_from_it(runs):
    for run in runs.values():
        found = spectrum(run)
        assert all(one <= other for one, other in zip(found.captured, found.captured[1:], strict=False))
        assert found.captured[-1] == pytest.approx(1.0)
        ranks = found.ranks_for(0.95)
        for one in found.layers:
            assert list(one.captured) == sorted(one.captured)
            assert one.captured[ranks[one.name] - 1] >= 0.95
            assert ranks[one.name] == 1 or one.captured[ranks[one.name] - 2] < 0.95
            assert 1 <= one.effective_rank <= len(one.values)
        assert str(found.rank_for(0.99)) in found.said
        assert repr(found).count("q_proj") == 1
        assert len(found.rows()) == LINEAR_LAYERS
        assert "<table>" in found._repr_html_()


def test_the_figures_of_known_values():
    equal, one = layer([2.0] * 4), layer([3.0, 0.0])
    assert equal.effective_rank == pytest.approx(4)
    assert one.effective_rank == pytest.approx(1)
    assert (equal.rank, one.rank) == (4, 1)
    assert equal.captured == pytest.approx((0.25, 0.5, 0.75, 1))
    assert equal.norm == 4
    assert captured_by([equal, one]) == pytest.approx((13 / 25, 17 / 25, 21 / 25, 1))
    shares = [0.5, 0.25, 0.25]
    assert layer(shares).effective_rank == pytest.approx(math.exp(-sum(p * math.log(p) for p in shares)))


def test_a_cut_is_the_nearest_matrix_of_its_rank():
    change = Dense(torch.randn(12, 9))
    values = change.singular_values()
    for rank in (1, 4, 9):
        left = torch.linalg.matrix_norm(change.dense() - cut(change, rank).dense())
        assert left == pytest.approx(values[rank:].norm().item(), abs=1e-9)


def test_cut_at_full_rank_the_model_gives_the_tuned_logits(runs, tmp_path):
    tuned = logits(runs["full"].artifact)
    whole = truncate(runs["full"], 64, tmp_path / "whole")
    torch.testing.assert_close(logits(whole), tuned, atol=1e-5, rtol=1e-5)
    part = truncate(runs["full"], 1, tmp_path / "part")
    assert (logits(part) - tuned).abs().max() > 1e-3
    assert spectrum(part, base=runs["full"].config.model).rank_for(1.0) < 64
    assert load_file(part / "model.safetensors")["model.embed_tokens.weight"].dtype == torch.float32
    assert sorted(item.name for item in tmp_path.iterdir()) == ["part", "whole"]


def test_cut_as_an_adapter_it_loads_in_peft_and_is_the_linear_layers_change(runs, base, tmp_path):
    from peft import PeftModel

    adapter = truncate(runs["full"], 64, tmp_path / "adapter", as_adapter=True)
    found, whole = spectrum(adapter), spectrum(runs["full"])
    assert found.captured == pytest.approx(whole.captured[: len(found.captured)], abs=1e-5)
    model = load_model(Source("", str(base), ""), CPU, torch.float32)
    merged = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload().state_dict()
    tuned = load_file(runs["full"].artifact / "model.safetensors")
    for name in ("model.layers.0.mlp.down_proj.weight", "model.layers.1.self_attn.q_proj.weight"):
        torch.testing.assert_close(merged[name], tuned[name], atol=1e-6, rtol=1e-5)
    smaller = truncate(runs["lora"], 2, tmp_path / "smaller", as_adapter=True)
    assert {one.rank for one in spectrum(smaller).layers} == {2}


def test_the_loss_of_each_rank_goes_from_the_base_to_the_whole_tune(runs):
    found = lab.losses_by_rank(runs["full"], (64, 1, 8))
    assert [cut.rank for cut in found.cuts] == [1, 8, 64]
    assert found.before == pytest.approx(runs["full"].summary["eval_loss_before"], abs=1e-4)
    assert found.after == pytest.approx(runs["full"].summary["eval_loss_after"], abs=1e-4)
    assert found.cuts[-1].rest_tuned == pytest.approx(found.after, abs=1e-4)
    assert found.cuts[-1].layers_only > found.after
    assert found.cuts[-1].energy == pytest.approx(1.0)
    lora = lab.losses_by_rank(runs["lora"], (4,))
    assert lora.cuts[0].layers_only == lora.cuts[0].rest_tuned == pytest.approx(lora.after, abs=1e-5)
    assert lora.after == pytest.approx(runs["lora"].summary["eval_loss_after"], abs=1e-4)
    assert "rank 4 is within" in repr(lora)
    for ranks in ((), (0,), (1.5,)):
        with pytest.raises(ConfigError, match="whole numbers"):
            lab.losses_by_rank(runs["lora"], ranks)


def test_an_unchanged_matrix_has_no_intruder_and_a_planted_direction_is_one():
    weight = torch.randn(32, 32, dtype=torch.float64)
    unchanged = similarities(weight, torch.zeros_like(weight), 10)
    assert unchanged == pytest.approx([1.0] * 10)
    u, values, v = torch.linalg.svd(weight)
    planted = u.sum(dim=1) / 32**0.5  # |cos| to each of the base's vectors is 0.18
    found = similarities(weight, 50 * values[0] * torch.outer(planted, v[-1]), 10)
    assert sum(value < 0.5 for value in found) == 1
    assert found[0] == pytest.approx(32**-0.5, abs=1e-3)


def test_intruders_by_layer_are_those_that_peft_finds(runs, base):
    from peft import PeftModel
    from peft.tuners.lora.intruders import reduce_intruder_dimension

    weights = load_file(runs["lora"].artifact / "adapter_model.safetensors")
    loud = runs["lora"].folder.parent / "loud"
    shutil.copytree(runs["lora"].artifact, loud)
    save_file({name: 8 * tensor for name, tensor in weights.items()}, loud / "adapter_model.safetensors")
    found = intruders(loud)
    heard = []
    model = load_model(Source("", str(base), ""), CPU, torch.float32)
    reduce_intruder_dimension(PeftModel.from_pretrained(model, str(loud)), logging_sink=heard.append)
    without = sum(": No intruders" in line for line in heard)
    assert found.total > 0
    assert sum(one.count == 0 for one in found.layers) == without
    assert len(found.layers) == LINEAR_LAYERS
    assert found.looked_at == 10 * LINEAR_LAYERS
    assert "2410.21228" in repr(found)
    assert f"{found.total} of 140" in found.said
    assert "<table>" in found._repr_html_()
    assert len(found.rows()) == LINEAR_LAYERS


@pytest.mark.parametrize("changes", [{"k": 0}, {"k": 2.5}, {"threshold": 0}, {"threshold": 1.5}])
def test_numbers_that_can_not_be_are_told(runs, changes):
    with pytest.raises(ConfigError) as caught:
        intruders(runs["lora"], **changes)
    one_line(caught.value)
    for share in (0, 1.5):
        with pytest.raises(ConfigError, match="more than 0"):
            spectrum(runs["lora"]).rank_for(share)


def test_a_model_against_itself_has_not_changed(base):
    found = spectrum(base, base=base)
    assert (found.layers, found.unchanged, found.elsewhere) == ((), LINEAR_LAYERS, 0.0)
    assert found.rank_for(0.9) == 0
    assert "No linear layer has changed" in repr(found)
    assert intruders(base, base=base).total == 0
    with pytest.raises(ConfigError, match="no change to draw"):
        plot(found)


def test_a_gpt2_keeps_its_weights_the_other_way_round(tmp_path):
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=2, n_embd=16, vocab_size=64, n_positions=64)).eval()
    save_model(tmp_path / "base", model)
    with torch.no_grad():
        model.transformer.h[0].attn.c_attn.weight += torch.outer(torch.ones(16), torch.ones(48))
    save_model(tmp_path / "tuned", model)
    found = spectrum(tmp_path / "tuned", base=tmp_path / "base")
    assert [(one.name, one.shape, one.rank) for one in found.layers] == [("h.0.attn.c_attn", (48, 16), 1)]
    for as_adapter in (False, True):
        again = truncate(tmp_path / "tuned", 1, tmp_path / f"cut{as_adapter}", base=tmp_path / "base",
                         as_adapter=as_adapter)  # fmt: skip
        assert spectrum(again, base=tmp_path / "base").layers[0].values[0] == pytest.approx(found.layers[0].values[0])
    torch.testing.assert_close(logits(tmp_path / "cutFalse"), logits(tmp_path / "tuned"), atol=1e-4, rtol=1e-4)


def test_what_does_not_belong_together_is_told_all_at_once(runs, base, tmp_path):
    other = save_model(tmp_path / "other", tiny_llama(hidden_size=32, num_hidden_layers=1))
    with pytest.raises(WeightChangeError) as caught:
        spectrum(other, base=base)
    assert "only in the base" in one_line(caught.value)
    assert "And " in caught.value.what
    with pytest.raises(WeightChangeError, match="faults"):
        spectrum(runs["lora"].artifact, base=other)
    with pytest.raises(WeightChangeError, match="its base is not known"):
        spectrum(other)
    with pytest.raises(LabError, match="no folder"):
        spectrum(tmp_path / "nothing at all", base=base)


def broken_copy(run, folder, **changes):
    shutil.copytree(run.artifact, folder)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | changes))
    return folder


def test_an_adapter_that_is_more_than_plain_lora_is_refused(runs, tmp_path):
    dora = broken_copy(runs["lora"], tmp_path / "dora", use_dora=True)
    with pytest.raises(WeightChangeError, match="not plain LoRA"):
        spectrum(dora)
    more = broken_copy(runs["lora"], tmp_path / "more")
    weights = load_file(more / "adapter_model.safetensors")
    first = next(iter(weights))
    save_file({**weights, "base_model.model.lm_head.weight": torch.ones(2)}, more / "adapter_model.safetensors")
    with pytest.raises(WeightChangeError, match="neither A nor B"):
        spectrum(more)
    save_file({name: t for name, t in weights.items() if name != first}, more / "adapter_model.safetensors")
    with pytest.raises(WeightChangeError, match="lacks A or B"):
        spectrum(more)
    (more / "adapter_model.safetensors").unlink()
    with pytest.raises(WeightChangeError, match=r"has no adapter_model\.safetensors"):
        spectrum(more)
    nameless = broken_copy(runs["lora"], tmp_path / "nameless", base_model_name_or_path=None)
    with pytest.raises(WeightChangeError, match="does not name its base"):
        spectrum(nameless)


def test_a_base_that_has_changed_since_the_run_is_told(base, rows, tmp_path):
    shutil.copytree(base, tmp_path / "mine")
    settings = {"model": str(tmp_path / "mine"), "data": str(rows), "max_steps": 1, "max_length": 64}
    run = tune(LoRA(r=1), out=tmp_path / "run", score_examples=0, **settings)
    save_model(tmp_path / "mine", tiny_llama().half())
    with pytest.raises(WeightChangeError, match="no longer the one"):
        spectrum(run)
    assert spectrum(run, base=tmp_path / "mine").layers
    cut_short = tmp_path / "mine" / "model.safetensors"
    cut_short.write_bytes(cut_short.read_bytes()[:100])
    with pytest.raises(WeightChangeError, match="can't be read"):
        spectrum(run, base=tmp_path / "mine")


def test_a_cut_that_can_not_be_written_leaves_nothing(runs, tmp_path):
    with pytest.raises(WeightChangeError, match="not an empty folder"):
        truncate(runs["lora"], 1, runs["lora"].folder)
    with pytest.raises(ConfigError, match="rank must be"):
        truncate(runs["lora"], 0, tmp_path / "new")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WeightChangeError) as caught:
        truncate(runs["lora"], 1, tmp_path / "file" / "new")
    one_line(caught.value)
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_charts_name_every_item_and_their_words_hold_the_numbers(runs):
    found = [spectrum(run) for run in runs.values()]
    chart = plot(*found, found[1])
    assert chart.description == describe(*found, found[1])
    assert f"rank {found[0].rank_for(0.9)} holds 90%" in chart.description
    texts = [text.get_text() for text in chart.texts]
    for name in ("full", "lora r=4", "lora r=4 (2)", "qlora r=2 4-bit"):
        assert any(text.startswith(f"{name}\n") for text in texts), texts
    assert chart.png().startswith(b"\x89PNG")
    assert len(chart.axes[1].lines) == 2 * 4 + 1
    layers = layer_chart(*found)
    assert layers.description == describe_layers(*found)
    assert len(layers.axes[0].lines) >= 3 * 7
    assert spectrum_chart(found[0]).png() != layers.png()
    with pytest.raises(ConfigError, match="no chart of"):
        plot(found[0], runs["lora"])
