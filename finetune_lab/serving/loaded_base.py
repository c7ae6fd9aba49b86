"""One base in memory with any number of adapters beside it; switching moves no weights.

                      W (frozen, shared)
    x ──┬───────────────────────────────┬── y     every adapted layer holds W once
        ├── A billing ── B billing ─────┤         and a pair of small matrices for each adapter;
        └── A returns ── B returns ─────┘         a switch only says which pair counts

All adapters live in one `PeftModel`; when the last one is unloaded the plain base is left, the very same tensors.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from peft import LoraConfig, PeftConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from safetensors import SafetensorError
from transformers import PreTrainedModel

from finetune_lab.config import QLoRA
from finetune_lab.device import Device
from finetune_lab.installation import require_peft_works
from finetune_lab.models import Source
from finetune_lab.serving.faults import ServingError
from finetune_lab.serving.frozen import load_frozen
from finetune_lab.serving.slots import BASE, file_version, free_slot, is_of, naming

WEIGHTS = "adapter_model.safetensors"
UNREADABLE = (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError)


class LoadedBase:
    """A base, quantized as a method says or not at all, and the adapters loaded beside it; one of them counts or none.

    `model` is the plain base while nothing is loaded, and PEFT's model around it otherwise.
    """

    def __init__(self, source: Source, device: Device, quantized: QLoRA | None = None) -> None:
        self.model: PreTrainedModel | PeftModel = load_frozen(source, device, quantized)
        self._slots: dict[str, str] = {}  # our name -> PEFT's
        self._files: dict[str, tuple[Path, tuple[int, ...]]] = {}
        self._entered: list[str | None] = [None]

    @property
    def loaded(self) -> tuple[str, ...]:
        """The names of the adapters in memory."""
        return tuple(self._slots)

    @property
    def active(self) -> str | None:
        """The adapter that counts now; None for the base alone."""
        return self._entered[-1]

    def attach(self, name: str, folder: Path) -> None:
        """Load the adapter in `folder` as `name`, unless it is loaded already and its file is the same or gone.

        Raises:
            ServingError: the folder holds no adapter that PEFT can load; the base is as before.
        """
        if self.is_current(name):
            return
        version = file_version(folder / WEIGHTS)
        if version is None:
            what = f"The adapter {name!r} can't be loaded: {folder} has no {WEIGHTS}; it was deleted or never whole."
            raise ServingError(what, "Add it again, or choose another.")
        require_peft_works()
        self.detach(name)
        slot = free_slot(name, self._slots.values())
        try:
            self._load(folder, slot)
        except BaseException as error:
            self._drop(slot)
            self._activate(self.active)
            if not isinstance(error, UNREADABLE):
                raise
            reason = " ".join(str(error).split())[:300].rstrip(".")
            what = f"The adapter {name!r} can't be loaded: {type(error).__name__}: {reason}."
            raise ServingError(what, "Export it again where it was made, or tune it again.") from error
        self._slots[name], self._files[name] = slot, (folder / WEIGHTS, version)
        self._activate(self.active)

    def is_current(self, name: str) -> bool:
        """Whether the adapter is in memory as its file is now. One whose file is gone stays, and so does one in use."""
        if name not in self._slots:
            return False
        file, version = self._files[name]
        return name in self._entered or file_version(file) in (None, version)

    def require_free(self, name: str) -> None:
        """Refuse an adapter that is in use.

        Raises:
            ServingError: it is.
        """
        if name in self._entered:
            raise ServingError(f"The adapter {name!r} is in use.", "Leave its `with` block first.")

    def detach(self, name: str) -> None:
        """Drop the adapter from memory, unless it is in use; nothing happens when it is not there."""
        self.require_free(name)
        if name in self._slots:
            self._drop(self._slots.pop(name))
            del self._files[name]
            self._activate(self.active)

    def rename(self, name: str, new: str, folder: Path) -> None:
        """Call a loaded adapter, now in `folder`, by its new name; nothing is loaded again."""
        if name in self._slots:
            self._slots[new] = self._slots.pop(name)
            self._files[new] = (folder / WEIGHTS, self._files.pop(name)[1])
            self._entered = [new if entered == name else entered for entered in self._entered]

    @contextmanager
    def using(self, name: str | None) -> Iterator[PreTrainedModel | PeftModel]:
        """The model with the loaded adapter `name` counting, or none; afterwards the one before counts again."""
        self._activate(name)
        self._entered.append(name)
        try:
            yield self.model
        finally:
            self._entered.pop()
            self._activate(self.active)

    @contextmanager
    def each_its_own(self, names: Sequence[str | None]) -> Iterator[PreTrainedModel | PeftModel]:
        """The model for one batch whose n-th row is answered with the n-th adapter, by PEFT's `adapter_names`.

        PEFT's own `generate(adapter_names=...)` leaves its hooks in place when it is interrupted; these go always.
        """
        if not self._slots:
            yield self.model
            return
        if len(set(names)) == 1:
            with self.using(names[0]) as model:
                yield model
            return
        slots = [BASE if name is None else self._slots[name] for name in names]
        with self.using(next(iter(self._slots))):  # switched off, PEFT's layers heed no names
            layers = [module for module in self.model.modules() if isinstance(module, LoraLayer)]
            hooks = [layer.register_forward_pre_hook(naming(slots), with_kwargs=True) for layer in layers]
            try:
                yield self.model
            finally:
                for hook in hooks:
                    hook.remove()

    def merge(self, name: str) -> PreTrainedModel:
        """The base with the adapter added into its weights, by PEFT. That ends this object: its base is no more.

        In 4 and 8 bits PEFT unpacks the weights, adds, and quantizes them again; it warns that this rounds.
        """
        self._activate(name)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Merge lora module to [48]-bit linear")  # ours says it, once
            merged: PreTrainedModel = self.model.merge_and_unload()  # type: ignore[operator]
        self._slots, self._files, self.model = {}, {}, merged
        return merged

    def slot(self, name: str) -> str:
        """What PEFT's model calls the adapter."""
        return self._slots[name]

    def _load(self, folder: Path, slot: str) -> None:
        """Read the adapter beside the base, frozen; its matrices are never drawn at random first."""
        if not isinstance(self.model, PeftModel):
            config = PeftConfig.from_pretrained(str(folder))
            config.inference_mode = True
            config.base_model_name_or_path = self.model.name_or_path  # known to be its base; PEFT warns of another path
            self.model = get_peft_model(self.model, config, slot, low_cpu_mem_usage=True)
        found = self.model.load_adapter(str(folder), adapter_name=slot, low_cpu_mem_usage=True)
        missing = [key for key in found.missing_keys if is_of(key, slot)]
        if wrong := [*missing, *found.unexpected_keys]:  # PEFT goes on without a word
            raise ValueError(f"{len(wrong)} of its matrices are missing or unknown, such as {wrong[0]}")

    def _activate(self, name: str | None) -> None:
        if not isinstance(self.model, PeftModel):
            return
        if name is None:
            self.model.disable_adapter_layers()
        else:
            self.model.enable_adapter_layers()
            self.model.set_adapter(self._slots[name], inference_mode=True)

    def _drop(self, slot: str) -> None:
        """Take one adapter out of the model, and PEFT's layers with the last one."""
        if not isinstance(self.model, PeftModel):
            return
        if set(self.model.peft_config) <= {slot}:
            self.model = self.model.unload()
            return
        if slot in self.model.peft_config:
            self.model.set_adapter(next(other for other in self.model.peft_config if other != slot))  # or PEFT warns
            self.model.delete_adapter(slot)


def config_of(base: LoadedBase, name: str) -> LoraConfig:
    """PEFT's configuration of a loaded adapter."""
    config: LoraConfig = base.model.peft_config[base.slot(name)]  # type: ignore[assignment]
    return config
