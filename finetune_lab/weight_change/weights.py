"""The weights of a model folder, one tensor in memory at a time, and which of them belong to linear layers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from transformers import AutoModelForCausalLM
from transformers.pytorch_utils import Conv1D

from finetune_lab.errors import listed
from finetune_lab.models import Source, load_config, short
from finetune_lab.weight_change.faults import WeightChangeError


@dataclass(frozen=True)
class Linear:
    """A linear layer of a model: its name there, and whether its weight is kept as `(in, out)`, as GPT-2 does."""

    module: str
    transposed: bool


@dataclass(frozen=True)
class Layout:
    """What a configuration says of the weights: names are without the model's own prefix, as some files have none."""

    prefix: str
    linear: dict[str, Linear]  # by short name, without `.weight`
    tied: frozenset[str]  # weights that may stand in a file or not: they are another one again

    def short_name(self, name: str) -> str:
        """The name without the model's prefix: `model.layers.0.mlp.up_proj` -> `layers.0.mlp.up_proj`."""
        return name.removeprefix(f"{self.prefix}.")


class Weights:
    """The tensors of a folder's safetensors by short name; `weights[name]` reads one, as float32.

    Raises:
        WeightChangeError: there are none, or a file can't be read.
    """

    def __init__(self, folder: Path, layout: Layout) -> None:
        self.folder = folder
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._places: dict[str, tuple[Path, str]] = {}
        for file in sorted(folder.glob("*.safetensors")):
            for key, shape in _header(file):
                name = layout.short_name(key)
                self._places[name], self.shapes[name] = (file, key), shape
        if not self._places:
            raise WeightChangeError(f"{short(str(folder))} has no weights in safetensors.", "Name a whole model.")

    @property
    def full_names(self) -> dict[str, str]:
        """By short name, the name in the files."""
        return {name: key for name, (_, key) in self._places.items()}

    def __getitem__(self, name: str) -> Tensor:
        file, key = self._places[name]
        with safe_open(file, framework="pt") as opened:
            tensor: Tensor = opened.get_tensor(key)
        return tensor.float()


def layout_of(folder: Path) -> Layout:
    """The linear layers of the model in a folder, from its configuration alone: it is built without weights.

    An output layer that is the embedding again is not among them.
    """
    config = load_config(Source(str(folder), str(folder), ""))
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    tied = frozenset(model._tied_weights_keys or ()) if config.get_text_config().tie_word_embeddings else frozenset()
    empty = Layout(model.base_model_prefix, {}, frozenset())
    linear = {
        empty.short_name(name): Linear(name, isinstance(layer, Conv1D))
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear | Conv1D) and f"{name}.weight" not in tied
    }
    return Layout(model.base_model_prefix, linear, frozenset(empty.short_name(name) for name in tied))


def require_alike(base: Weights, tuned: Weights, layout: Layout) -> None:
    """Raise with every weight that only one of the two has, or that has another shape there."""
    mine, theirs = ({name: shape for name, shape in one.shapes.items() if name not in layout.tied}
                    for one in (base, tuned))  # fmt: skip
    faults = [f"{name} is only in the base." for name in sorted(mine.keys() - theirs.keys())]
    faults += [f"{name} is only in the tuned model." for name in sorted(theirs.keys() - mine.keys())]
    faults += [
        f"{name} is {mine[name]} in the base, {theirs[name]} in the tuned model."
        for name in sorted(mine.keys() & theirs.keys())
        if mine[name] != theirs[name]
    ]
    if faults:
        more = [f"And {len(faults) - 10} more."] if len(faults) > 10 else []
        what = f"{short(str(tuned.folder))} is no tune of {short(str(base.folder))}: {listed([*faults[:10], *more])}"
        raise WeightChangeError(what, "Name the base that it was tuned from.")


def _header(file: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    try:
        with safe_open(file, framework="pt") as opened:
            for key in opened.keys():  # noqa: SIM118 - it is no mapping
                yield key, tuple(opened.get_slice(key).get_shape())
    except (OSError, SafetensorError) as error:
        what = f"{short(str(file))} can't be read: {type(error).__name__}: {' '.join(str(error).split())[:200]}."
        raise WeightChangeError(what, "Save or download it again.") from error
