"""Names and shapes of tensors from the headers of safetensors files; not one weight is read.

An adapter's matrices hang on modules of the base: `base_model.model.` + module + `.lora_A.weight`.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from safetensors import SafetensorError, safe_open

Shape = tuple[int, ...]
PACKED = "U8"  # weights of 4 bits, two in a byte: the file does not say their shape
EMBEDDINGS, OUTPUT = ("embed_tokens", "wte", "word_embeddings"), "lm_head"


class HeaderError(Exception):
    """A safetensors file that is cut short, changed or none at all; the text says which and why."""


@dataclass(frozen=True)
class BaseShapes:
    """The weight of every module of a base by the module's name; None is a shape that the file does not tell."""

    weights: dict[str, Shape | None]

    def __contains__(self, module: str) -> bool:
        return self._own(module) is not None

    def weight(self, module: str) -> Shape | None:
        own = self._own(module)
        return None if own is None else self.weights[own]

    def _own(self, module: str) -> str | None:
        """The name in the file; the part before the first dot, where a file lacks it, is put there by transformers."""
        return next((name for name in (module, module.partition(".")[2]) if name in self.weights), None)


def shapes(file: Path) -> dict[str, Shape]:
    """Shape of each tensor in a safetensors file, by its name.

    Raises:
        HeaderError: the file can't be read, or its header does not fit its length.
    """
    return {name: shape for name, (shape, _) in _tensors(file).items()}


def _tensors(file: Path) -> dict[str, tuple[Shape, str]]:
    """Shape and number type of each tensor."""
    try:
        with safe_open(file, framework="numpy") as opened:
            parts = {name: opened.get_slice(name) for name in opened.offset_keys()}
            return {name: (tuple(part.get_shape()), str(part.get_dtype())) for name, part in parts.items()}
    except (OSError, SafetensorError) as error:
        why = " ".join(str(error).split())[:100].rstrip(".")
        raise HeaderError(f"{file.name} is cut short, changed or not readable: {why}") from error


def base_shapes(folder: Path) -> BaseShapes:
    """The modules of a base that have a weight, from all of its safetensors files; read once as long as they stay.

    Raises:
        HeaderError: one of them can't be read.
    """
    files = sorted(folder.glob("*.safetensors"))
    return _base_shapes(tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files))


@lru_cache(maxsize=4)
def _base_shapes(files: tuple[tuple[Path, int, int], ...]) -> BaseShapes:
    found: dict[str, Shape | None] = {}
    for file, _, _ in files:
        for name, (shape, kind) in _tensors(file).items():
            if name.endswith(".weight"):
                found[name.removesuffix(".weight")] = None if kind == PACKED else shape
    embedding = next((name for name in found if name.endswith(EMBEDDINGS)), None)
    if embedding is not None and OUTPUT not in found:  # the two share one weight, which files hold once
        found[OUTPUT] = found[embedding]
    return BaseShapes(found)
