"""One adapter out of several, weighted: sum of w_i (alpha_i/r_i) B_i A_i, by PEFT's `add_weighted_adapter`.

    cat       [A_1; A_2], [B_1 B_2]       exact; the ranks add up
    svd       best rank-r fit of the sum  exact up to what rank r can't hold; r is the largest rank
    linear    A_1 + A_2, B_1 + B_2        rough: B A of the sums also has B_1 A_2 and B_2 A_1; equal ranks only

`ties`, `dare_linear`, `dare_ties` and `magnitude_prune` keep only the share `density` of the numbers before they add
(equal ranks only); with `_svd` behind the name they do so on the products, whatever the ranks.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from torch import nn

from finetune_lab.adapters.card import AdapterCard, read_card, write_card
from finetune_lab.errors import listed
from finetune_lab.serving.faults import ServingError
from finetune_lab.serving.loaded_base import LoadedBase, config_of
from finetune_lab.serving.slots import free_slot

PRUNING = ("ties", "dare_linear", "dare_ties", "magnitude_prune")
KINDS = ("cat", "svd", "linear", *PRUNING, *(f"{kind}_svd" for kind in PRUNING))


def require_combinable(weights: Mapping[str, float], combination_type: str, density: float | None) -> None:
    """Weights, type and density must make sense before anything is loaded.

    Raises:
        ServingError: with all faults.
    """
    faults = [] if weights else ["No adapter is named."]
    for name, weight in weights.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight):
            faults.append(f"The weight of {name!r} is no finite number: {weight!r}.")
    if weights and not faults and not any(weights.values()):
        faults.append("All weights are zero.")
    prunes = isinstance(combination_type, str) and combination_type.removesuffix("_svd") in PRUNING
    if combination_type not in KINDS:
        faults.append(f"There is no combination_type {combination_type!r}; there are {', '.join(KINDS)}.")
    elif prunes and (density is None or not 0 < density <= 1):
        faults.append(f"{combination_type} needs a density above 0 and up to 1, not {density}.")
    elif not prunes and density is not None:
        faults.append(f"{combination_type} has no density.")
    if faults:
        raise ServingError(listed(faults), "Nothing was combined.")


def require_like_shapes(base: LoadedBase, weights: Mapping[str, float], combination_type: str) -> None:
    """What PEFT asks of the adapters together: equal ranks for types that add A's and B's, like target_modules.

    Raises:
        ServingError: with all faults.
    """
    configs = {name: config_of(base, name) for name in weights}
    faults = []
    ranks = {name: max([config.r, *(config.rank_pattern or {}).values()]) for name, config in configs.items()}
    if combination_type in ("linear", *PRUNING) and len(set(ranks.values())) > 1:
        each = ", ".join(f"{name} has r={rank}" for name, rank in ranks.items())
        faults.append(f"{combination_type} adds matrices of equal rank only, but {each}; cat and svd take any.")
    dora = [name for name, config in configs.items() if config.use_dora]
    faults += [f"{', '.join(dora)} has DoRA, which rescales the base's weights: that is no sum."] if dora else []
    if len({isinstance(config.target_modules, str) for config in configs.values()}) > 1:
        faults.append("Some adapters name their target_modules by a pattern, others by a list.")
    if faults:
        raise ServingError(listed(faults), "Nothing was combined.")


def combine(
    base: LoadedBase, weights: Mapping[str, float], combination_type: str, density: float | None, out: Path
) -> Path:
    """Combine loaded adapters and save the result as a PEFT adapter in a folder under `out`.

    Raises:
        ServingError: their shapes don't go together.
    """
    require_like_shapes(base, weights, combination_type)
    with base.using(next(iter(weights))) as model, torch.random.fork_rng():
        if not isinstance(model, PeftModel):
            raise ServingError("No adapter is loaded.", "Load those to combine first.")
        torch.manual_seed(0)  # dare_* drop numbers at random
        made = free_slot("combined", tuple(model.peft_config))
        try:
            slots = [base.slot(name) for name in weights]
            model.add_weighted_adapter(slots, list(weights.values()), made, combination_type, density=density)
            undo_scaling(model, made)
            model.save_pretrained(str(out), selected_adapters=[made], save_embedding_layers=False)
        except (ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:300].rstrip(".")
            raise ServingError(
                f"PEFT can't combine {', '.join(weights)}: {reason}.", "Nothing was combined."
            ) from error
        finally:
            if made in model.peft_config:
                model.delete_adapter(made)
    return out / made


def undo_scaling(model: nn.Module, slot: str) -> None:
    """Divide B by what the layer multiplies by.

    PEFT counts on 1, but copies `use_rslora` from the first adapter, and then multiplies by the root of the rank.
    """
    for layer in model.modules():
        if isinstance(layer, LoraLayer) and slot in layer.lora_B:
            layer.lora_B[slot].weight.data /= layer.scaling[slot]


def write_combination_card(
    folder: Path, parts: Sequence[AdapterCard], weights: Mapping[str, float], combination_type: str
) -> None:
    """Say in the card of a combined adapter what it was made of; it was never trained or judged itself."""
    sums = " + ".join(f"{weight:g} x {name}" for name, weight in weights.items())
    bases, widths, data = ({getattr(part, name) for part in parts} for name in ("base", "bits", "data"))
    described = f"Combined by PEFT's add_weighted_adapter, combination_type {combination_type}: {sums}."
    card = replace(
        read_card(folder),
        base=min(bases, key=str),  # one base under one name or two
        base_sha256=parts[0].base_sha256,
        bits=widths.pop() if len(widths) == 1 else None,
        data=data.pop() if len(data) == 1 else None,
        description=described,
    )
    write_card(folder, card)
