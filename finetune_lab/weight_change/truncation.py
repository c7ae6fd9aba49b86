"""`truncate`: a tune's change cut to a rank, as a model or as an adapter that can be run.

    full tune    W_base + dW        cut    W_base + U_k S_k V_kᵀ
                                           as an adapter: B = U_k S_k^½, A = S_k^½ V_kᵀ, r = alpha = k

As a model, what is not a linear layer (embeddings, norms) stays as tuned; as an adapter it is the base's, since LoRA
can't move it.
"""

import json
import shutil
from pathlib import Path

from peft import LoraConfig
from safetensors.torch import save_file
from torch import Tensor

from finetune_lab.errors import ConfigError
from finetune_lab.models import short
from finetune_lab.storing import Storage, whole_folder
from finetune_lab.weight_change.changes import PEFT_PREFIX, Changes
from finetune_lab.weight_change.faults import WeightChangeError
from finetune_lab.weight_change.matrices import cut
from finetune_lab.weight_change.tuned import Item, read_json, tuned_of

STORAGE = Storage(WeightChangeError, elsewhere="Choose another folder.")
NOT_COPIED = (".safetensors", ".bin", ".index.json", ".md")


def truncate(
    item: Item, rank: int, out: Path | str, *, base: Path | str | None = None, as_adapter: bool = False
) -> Path:
    """Write the tune with every layer's change cut to `rank`, and return its folder, whole or not there.

    Args:
        item: as for `spectrum`; a full tune, or an adapter of a higher rank.
        rank: what is kept of each layer; a layer of a smaller side keeps all of it.
        out: the folder to make, new or empty.
        base: as for `spectrum`.
        as_adapter: an adapter in PEFT's own format, beside the untouched base, and not a whole model.

    Raises:
        LabError: there is nothing to cut, or the folder can't be made.
    """
    if type(rank) is not int or rank < 1:
        raise ConfigError(f"The rank must be a whole number from 1 on, not {rank!r}.", "Give 8, for example.")
    final, changes = Path(out), Changes(tuned_of(item, base))
    if final.exists() and (not final.is_dir() or any(final.iterdir())):
        what = f"{short(str(final))} exists already and is not an empty folder."
        raise WeightChangeError(what, "Choose another folder.")
    with STORAGE.explained(final), whole_folder(final) as partial:
        write_adapter(changes, rank, partial) if as_adapter else write_model(changes, rank, partial)
    return final


def write_adapter(changes: Changes, rank: int, folder: Path) -> None:
    """The cut change as an adapter of PEFT's; a layer of fewer values than `rank` is filled up with zeros."""
    tensors: dict[str, Tensor] = {}
    modules, transposed = [], False
    for layer in changes.layers():
        kept = cut(layer.change, rank)
        b, a = kept.b.new_zeros(kept.b.shape[0], rank), kept.a.new_zeros(rank, kept.a.shape[1])
        b[:, : kept.b.shape[1]], a[: kept.a.shape[0]] = kept.b, kept.a
        tensors[f"{PEFT_PREFIX}{layer.place.module}.lora_A.weight"] = a.float().contiguous()
        tensors[f"{PEFT_PREFIX}{layer.place.module}.lora_B.weight"] = b.float().contiguous()
        modules.append(layer.place.module)
        transposed |= layer.place.transposed
    if not modules:
        raise WeightChangeError("No linear layer has changed: there is no adapter to make.", "Tune first.")
    config = LoraConfig(
        r=rank,
        lora_alpha=rank,
        target_modules=modules,
        fan_in_fan_out=transposed,
        task_type="CAUSAL_LM",
        base_model_name_or_path=str(changes.tuned.base),
        inference_mode=True,
    )
    config.save_pretrained(str(folder))
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})


def write_model(changes: Changes, rank: int, folder: Path) -> None:
    """The base with the cut change, in float32, with the configuration and the tokenizer that go with it.

    All of it is in memory while it is written.
    """
    tensors = {name: changes.base[name] for name in changes.base.shapes} | dict(changes.others())
    for layer in changes.layers():
        kept = (layer.weight.double() + cut(layer.change, rank).dense()).float()
        tensors[f"{layer.name}.weight"] = kept.t() if layer.place.transposed else kept
    names = changes.base.full_names
    save_file(
        {names[name]: tensor.contiguous() for name, tensor in tensors.items()},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    for file in changes.tuned.base.iterdir():
        if file.is_file() and not file.name.endswith(NOT_COPIED):
            shutil.copy(file, folder / file.name)
    config = {**read_json(folder / "config.json"), "dtype": "float32"}
    config.pop("torch_dtype", None)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
