"""`losses_by_rank`: would rank k have been enough? Answered by the loss of the tune cut to rank k, not by energy alone.

W_base + U_k S_k V_kᵀ in every linear layer, and the rest of the model once as the base has it (what an adapter of
rank k could have been) and once as it was tuned
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedModel

from finetune_lab.device import detect_device
from finetune_lab.errors import ConfigError
from finetune_lab.models import load_model
from finetune_lab.tables import as_html, as_text
from finetune_lab.tuning.evaluation import evaluation_loss
from finetune_lab.tuning.run import Run, load_run
from finetune_lab.tuning.session import Session
from finetune_lab.weight_change.changes import Changes
from finetune_lab.weight_change.matrices import cut
from finetune_lab.weight_change.spectra import Spectrum, spectrum
from finetune_lab.weight_change.tuned import tuned_of

RANKS = (1, 2, 4, 8, 16, 32, 64)
TOLERANCE = 0.01  # nats: losses this near count as the same


@dataclass(frozen=True)
class CutLoss:
    """The evaluation loss, in nats a completion token, of a tune cut to `rank`, and the share of energy it holds."""

    rank: int
    energy: float
    layers_only: float  # linear layers cut, the rest the base's
    rest_tuned: float  # linear layers cut, embeddings and norms as tuned


@dataclass(frozen=True)
class LossesByRank:
    """What each rank keeps of a tune; shown as a table with the base above and the whole tune below."""

    spectrum: Spectrum
    examples: int
    before: float  # the base's loss
    after: float  # the whole tune's
    cuts: tuple[CutLoss, ...]

    @property
    def enough(self) -> int | None:
        """The smallest rank tried whose loss, with the rest as tuned, is within 0.01 nats of the whole tune's."""
        return next((one.rank for one in self.cuts if one.rest_tuned <= self.after + TOLERANCE), None)

    def rows(self) -> list[dict[str, str]]:
        """One row a rank, its cells ready to read."""
        cuts = [
            (str(one.rank), f"{one.energy:.1%}", f"{one.layers_only:.3f}", f"{one.rest_tuned:.3f}") for one in self.cuts
        ]
        base, whole = ("base", "0%", f"{self.before:.3f}", "-"), ("whole tune", "100%", "-", f"{self.after:.3f}")
        names = ("rank", "energy", "loss, linear layers only", "loss, the rest as tuned")
        return [dict(zip(names, row, strict=True)) for row in (base, *cuts, whole)]

    @property
    def said(self) -> str:
        """The result in words: rank by loss beside rank by energy."""
        by_energy = self.spectrum.rank_for(0.9)
        by_loss = f"rank {self.enough} is within" if self.enough else "no rank tried comes within"
        return (
            f"By loss, {by_loss} {TOLERANCE} nats of the whole tune ({self.examples} examples); "
            f"90 % of the energy take rank {by_energy}."
        )

    def __repr__(self) -> str:
        return f"{self.spectrum.title}, cut\n{as_text(self.rows())}\n{self.said}"

    def _repr_html_(self) -> str:
        return f"<p>{self.spectrum.title}, cut</p>{as_html(self.rows())}<p>{self.said}</p>"


def losses_by_rank(run: Run | Path | str, ranks: Sequence[int] = RANKS) -> LossesByRank:
    """Evaluate a run's tune cut to each of `ranks`, on the very examples that the run was judged on.

    The base is unquantized, also for QLoRA.

    Raises:
        LabError: a rank that can't be, a run without an artifact, or one whose base or data are gone.
    """
    wanted = sorted(set(ranks))
    if not wanted or any(type(rank) is not int or rank < 1 for rank in wanted):
        raise ConfigError(f"Ranks are whole numbers from 1 on, not {list(ranks)!r}.", "Give (1, 4, 16), for example.")
    found = run if isinstance(run, Run) else load_run(run)
    session, changes, measured = Session(found.method, found.config), Changes(tuned_of(found)), spectrum(found)
    model = load_model(session.source, detect_device().torch_device, torch.float32)
    tuned_rest = dict(changes.others())
    base_rest = {name: changes.base[name] for name in tuned_rest}
    before, cuts = evaluation_loss(model, session.material.evaluation, session.pad), []
    for rank in wanted:
        put_layers(model, changes, rank)
        losses = []
        for rest in (base_rest, tuned_rest):
            put_rest(model, changes, rest)
            losses.append(evaluation_loss(model, session.material.evaluation, session.pad))
        cuts.append(CutLoss(rank, held_by(measured, rank), *losses))
    put_layers(model, changes, None)
    put_rest(model, changes, tuned_rest)
    after = evaluation_loss(model, session.material.evaluation, session.pad)
    return LossesByRank(measured, len(session.material.evaluation), before, after, tuple(cuts))


@torch.no_grad()
def put_layers(model: PreTrainedModel, changes: Changes, rank: int | None) -> None:
    """Give every linear layer the base's weight and its change cut to `rank`, or the whole change."""
    for layer in changes.layers():
        change = layer.change if rank is None else cut(layer.change, rank)
        tuned = layer.weight.double() + change.dense()
        weight = model.get_parameter(f"{layer.place.module}.weight")
        weight.copy_(tuned.t() if layer.place.transposed else tuned)


@torch.no_grad()
def put_rest(model: PreTrainedModel, changes: Changes, tensors: dict[str, Tensor]) -> None:
    """Give the weights that are no linear layer's these values; a tied one is there once."""
    parameters = {changes.layout.short_name(name): parameter for name, parameter in model.named_parameters()}
    for name in tensors.keys() & parameters.keys():
        parameters[name].copy_(tensors[name])


def held_by(measured: Spectrum, rank: int) -> float:
    """The share of the layers' energy that a rank holds; all of it where nothing has changed."""
    captured = measured.captured
    return captured[min(rank, len(captured)) - 1] if captured else 1.0
