"""`spectrum`: the change that a tune made, layer by layer, and what rank would have been enough for it.

lab.spectrum(run).rank_for(0.9)      the rank that holds nine tenths of a full tune's change
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from finetune_lab.errors import ConfigError
from finetune_lab.tables import as_html, as_text
from finetune_lab.weight_change.changes import Changes
from finetune_lab.weight_change.layer_spectrum import LayerSpectrum, captured_by, rank_within
from finetune_lab.weight_change.tuned import Item, tuned_of

SHARES = (0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Spectrum:
    """The singular values of every linear layer that changed; shown as a table, drawn by `lab.plot`."""

    what: str
    base: str
    method: str
    layers: tuple[LayerSpectrum, ...] = field(repr=False)
    unchanged: int  # linear layers that are as they were
    elsewhere: float  # share of the whole change's energy in embeddings, norms and biases, 0 to 1

    @property
    def captured(self) -> tuple[float, ...]:
        """The share of the energy that rank 1, 2, 3, ... in every layer holds, over all layers together."""
        return captured_by(self.layers)

    def rank_for(self, share: float) -> int:
        """The smallest rank that, given to every layer alike, holds `share` (0 to 1) of the layers' energy."""
        return rank_within(self.captured, checked(share))

    def ranks_for(self, share: float) -> dict[str, int]:
        """The smallest rank that holds `share` of each layer's own energy."""
        return {layer.name: rank_within(layer.captured, checked(share)) for layer in self.layers}

    def rows(self) -> list[dict[str, str]]:
        """One row a layer, its cells ready to read."""
        return [{"layer": layer.name, "out x in": _shape([layer]), **_cells([layer])} for layer in self.layers]

    def overview(self) -> list[dict[str, str]]:
        """One row for each kind of layer over all blocks, and one for all of them."""
        kinds = list(dict.fromkeys(layer.kind for layer in self.layers))
        groups = {kind: [layer for layer in self.layers if layer.kind == kind] for kind in kinds}
        groups |= {"all": list(self.layers)} if self.layers else {}
        return [
            {"linear layers": kind, "number": str(len(group)), "out x in": _shape(group), **_cells(group)}
            for kind, group in groups.items()
        ]

    @property
    def said(self) -> str:
        """The result in words."""
        if not self.layers:
            return "No linear layer has changed."
        ranks = [f"{share:.0%} with rank {self.rank_for(share)}" for share in SHARES]
        widest = max(len(layer.values) for layer in self.layers)
        full = f" of at most {widest}" if self.method == "full" else ""
        rest = f" {self.elsewhere:.0%} of the whole change is elsewhere, in embeddings and norms." * bool(
            self.elsewhere
        )
        kept = f" {self.unchanged} linear layers are as they were." if self.unchanged else ""
        return f"The layers' change is held to {', '.join(ranks)}{full}.{rest}{kept}"

    def __repr__(self) -> str:
        return f"{self.title}\n{as_text(self.overview())}\n{self.said}"

    def _repr_html_(self) -> str:
        return f"<p>{self.title}</p>{as_html(self.overview())}<p>{self.said}</p>"

    @property
    def title(self) -> str:
        return f"The change of {self.what} against {self.base}"


def spectrum(item: Item, base: Path | str | None = None) -> Spectrum:
    """Singular values of W_tuned - W_base for every linear layer with a change.

    For LoRA the change is (alpha / r) B A, and only matrices of its factors' sizes are decomposed; what the base's
    bits are plays no part. Norms are against the base's weights as its files hold them.

    Args:
        item: a run, a run folder, the folder of an adapter in PEFT's format, or of a model.
        base: what it was tuned from, a name or folder; a run and an adapter know their own.

    Raises:
        LabError: there is nothing to compare, or the two do not belong together.
    """
    tuned = tuned_of(item, base)
    changes = Changes(tuned)
    layers = tuple(
        LayerSpectrum(
            name=layer.name,
            shape=(layer.weight.shape[0], layer.weight.shape[1]),
            values=tuple(layer.change.singular_values().tolist()),
            weight_norm=layer.weight.norm().item(),
        )
        for layer in changes.layers()
    )
    others = sum((tensor - changes.base[name]).double().square().sum().item() for name, tensor in changes.others())
    inside = sum(layer.energy for layer in layers)
    elsewhere = others / (others + inside) if others else 0.0
    unchanged = len(changes.layout.linear) - len(layers)
    return Spectrum(tuned.what, tuned.base_name, tuned.method, layers, unchanged, elsewhere)


def checked(share: float) -> float:
    """A share of the energy, more than 0 and at most 1."""
    if not 0 < share <= 1:
        raise ConfigError(f"The share must be more than 0 and at most 1, not {share!r}.", "Give 0.9, for example.")
    return share


def _shape(layers: Sequence[LayerSpectrum]) -> str:
    shapes = {layer.shape for layer in layers}
    return " x ".join(str(side) for side in shapes.pop()) if len(shapes) == 1 else "various"


def _cells(layers: Sequence[LayerSpectrum]) -> dict[str, str]:
    """What holds of one layer or of several: ranks over all together, the effective rank as a mean."""
    captured = captured_by(layers)
    effective = sum(layer.effective_rank for layer in layers) / len(layers)
    change, weight = (sum(part) for part in zip(*((one.energy, one.weight_norm**2) for one in layers), strict=True))
    return {
        **{f"rank for {share:.0%}": str(rank_within(captured, share)) for share in SHARES},
        "effective rank": f"{effective:.1f}",
        "norm of change / of W": f"{(change / weight) ** 0.5:.3g}" if weight else "-",
    }
