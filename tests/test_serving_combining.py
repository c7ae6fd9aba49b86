"""Weighted combinations: exact where they can be, their faults listed, saved as adapters that say what they are of."""

import pytest
import torch
from tiny import one_line

import finetune_lab as lab
from finetune_lab.adapters.card import read_card
from finetune_lab.config import LoRA
from finetune_lab.errors import LabError
from finetune_lab.serving.combining import KINDS
from finetune_lab.serving.faults import ServingError
from finetune_lab.tuning.run import tune

pytest_plugins = ["tiny_base", "tiny_tuned"]
TOLERANCE = 1e-5  # on logits: the same sums in float32 in another order; svd adds the rounding of its factors


@pytest.fixture(scope="module")
def library(base, runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("combined")
    made = lab.Adapters(str(base), folder / "library")
    made.add(runs["billing"], "billing")
    made.add(runs["four"], "returns")
    made.add(runs["returns"], "wide")
    config = runs["billing"].config
    made.add(tune(LoRA(r=2, use_rslora=True), config, out=folder / "rs", seed=9), "rs")
    return made


@torch.no_grad()
def logits(library, name):
    with library.use(name) as model:
        return model(input_ids=torch.arange(40, 64).view(2, 12)).logits


@torch.no_grad()
def update(library, name, layer="layers.0.mlp.down_proj"):
    """The change that an adapter makes to one weight: (alpha/r) B A."""
    with library.use(name) as model:
        module = model.base_model.model.get_submodule(f"model.{layer}")
        return module.get_delta_weight(library.loaded_base.slot(name))


@pytest.mark.parametrize("kind", ["cat", "svd", "linear"])
@pytest.mark.parametrize("name", ["billing", "rs"])
def test_one_adapter_with_weight_one_is_itself(library, kind, name):
    library.combine({name: 1}, name=f"only-{kind}-{name}", combination_type=kind)
    assert (logits(library, f"only-{kind}-{name}") - logits(library, name)).abs().max() <= TOLERANCE


@pytest.mark.parametrize(("kind", "names"), [("cat", ["billing", "returns"]), ("cat", ["rs", "wide"]), ("svd", ["rs"])])
def test_cat_is_the_weighted_sum_exactly(library, kind, names):
    weights = dict(zip(names, (0.7, -0.3), strict=False))
    made = f"sum-{kind}-{'-'.join(names)}"
    card = library.combine(weights, name=made, combination_type=kind)
    wanted = sum(weight * update(library, name) for name, weight in weights.items())
    assert (update(library, made) - wanted).abs().max() <= 1e-6
    assert card.r == (sum(library.card(name).r for name in names) if kind == "cat" else 2)
    for name, weight in weights.items():
        assert f"{weight:g} x {name}" in card.description
    assert kind in card.description
    assert card.base_sha256 == library.base.sha256
    assert read_card(library.path(made)).description == card.description


def test_svd_keeps_the_largest_rank_and_linear_is_rough(library):
    weights = {"billing": 0.5, "wide": 0.5}
    wanted = sum(weight * update(library, name) for name, weight in weights.items())
    assert library.combine(weights, name="fit", combination_type="svd").r == 4
    best = torch.linalg.svdvals(wanted)[4:].norm()  # Eckart and Young: what rank 4 can't hold
    assert (update(library, "fit") - wanted).norm() == pytest.approx(best.item(), abs=1e-4)

    weights = {"billing": 0.5, "returns": 0.5}
    wanted = sum(weight * update(library, name) for name, weight in weights.items())
    library.combine(weights, name="rough", combination_type="linear")
    assert (update(library, "rough") - wanted).abs().max() > 1e-4


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("cat", "svd", "linear")])
def test_types_that_prune_are_repeatable_and_leave_torch_as_it_was(library, kind):
    state = torch.get_rng_state()
    for number in (1, 2):
        name = f"{kind}-{number}"
        library.combine({"billing": 1, "returns": 1}, name=name, combination_type=kind, density=0.5)
    assert torch.equal(logits(library, f"{kind}-1"), logits(library, f"{kind}-2"))
    assert torch.equal(torch.get_rng_state(), state)
    for number in (1, 2):
        library.remove(f"{kind}-{number}")


@pytest.mark.parametrize(
    ("weights", "options", "says"),
    [
        ({}, {}, ["No adapter"]),
        ({"billing": float("nan"), "returns": "1", "wide": True}, {}, ["nan", "'1'", "True", "3 faults"]),
        ({"billing": 0, "returns": 0.0}, {}, ["All weights are zero"]),
        ({"billing": 1}, {"combination_type": "mean"}, ["no combination_type 'mean'", "dare_ties_svd"]),
        ({"billing": 1}, {"combination_type": "ties"}, ["needs a density"]),
        ({"billing": 1}, {"combination_type": "ties_svd", "density": 2}, ["needs a density", "2"]),
        ({"billing": 1}, {"density": 0.5}, ["cat has no density"]),
        ({"billing": 1, "wide": 1}, {"combination_type": "linear"}, ["equal rank", "billing has r=2", "wide has r=4"]),
        ({"billing": 1, "wide": 1}, {"combination_type": "ties", "density": 0.5}, ["equal rank"]),
    ],
)
def test_what_can_not_be_combined_is_told_whole(library, weights, options, says):
    before = library.names()
    with pytest.raises(ServingError) as caught:
        library.combine(weights, name="never", **options)
    text = one_line(caught.value)
    assert [part for part in says if part not in text] == []
    assert library.names() == before


def test_the_card_of_a_combination_says_only_what_is_true_of_all(library):
    both = library.combine({"billing": 1, "returns": 1}, name="both")  # beside 16 and 4 bits, on the same data
    assert (both.bits, both.data, both.base) == (None, library.card("billing").data, library.base.name)
    assert (both.steps, both.scores_after) == (None, {})


def test_an_adapter_with_dora_is_neither_combined_nor_mixed_but_served(library, tmp_path):
    from peft import LoraConfig, get_peft_model

    from finetune_lab.device import detect_device
    from finetune_lab.serving.frozen import load_frozen

    model = load_frozen(library.base, detect_device(), None)
    config = LoraConfig(r=2, target_modules="all-linear", use_dora=True, task_type="CAUSAL_LM")
    get_peft_model(model, config).save_pretrained(str(tmp_path / "dora"))
    library.add(tmp_path / "dora")
    with pytest.raises(ServingError, match="dora has DoRA") as caught:
        library.combine({"dora": 1, "billing": 1}, name="never")
    one_line(caught.value)
    with pytest.raises(ServingError, match="dora has it") as caught:
        library.generate(["Hello"] * 2, ["dora", "billing"], 4)
    one_line(caught.value)
    assert len(library.generate(["Hello"] * 2, "dora", 4)) == 2
    library.remove("dora")


def test_a_taken_name_is_refused_and_nothing_stays_in_memory(library):
    loaded = library.loaded_base.loaded
    with pytest.raises(LabError, match="already"):
        library.combine({"billing": 1, "returns": 1}, name="wide")
    held = set(library.loaded_base.model.peft_config)
    assert held == {library.loaded_base.slot(name) for name in library.loaded_base.loaded}
    assert set(loaded) <= set(library.loaded_base.loaded)
    assert not torch.equal(logits(library, "billing"), logits(library, None))
