"""The matrices of an adapter against the weights that they hang on, by their shapes.

W of a linear layer    [out, in]        lora_A [r, in]               lora_B [out, r]     lora_magnitude_vector [out]
W of an embedding      [words, out]     lora_embedding_A [r, words]  lora_embedding_B [out, r]
"""

from collections.abc import Iterable

from finetune_lab.adapters.headers import BaseShapes, Shape
from finetune_lab.models import short

PREFIX = "base_model.model."
A, B, MAGNITUDE = ".lora_A.weight", ".lora_B.weight", ".lora_magnitude_vector"
WORDS_A, WORDS_B = ".lora_embedding_A", ".lora_embedding_B"
PARTS = (A, B, WORDS_A, WORDS_B, MAGNITUDE)
WHOLE = ({A, B}, {A, B, MAGNITUDE}, {WORDS_A, WORDS_B}, {WORDS_A, WORDS_B, MAGNITUDE})
Matrices = dict[str, dict[str, Shape]]  # module -> part -> shape


def by_module(tensors: dict[str, Shape]) -> tuple[Matrices, list[str]]:
    """LoRA's matrices by module and part, and the names of the tensors that are none."""
    found: Matrices = {}
    others = []
    for name, shape in tensors.items():
        part = next((part for part in PARTS if name.endswith(part)), None)
        if part is None or not name.startswith(PREFIX):
            others.append(name)
        else:
            found.setdefault(name.removeprefix(PREFIX).removesuffix(part), {})[part] = shape
    return found, others


def matrix_faults(tensors: dict[str, Shape], base: BaseShapes, ranks: set[int], turned: bool) -> list[str]:
    """What in an adapter's tensors does not fit the base or the configuration: one line for each kind of fault.

    Args:
        tensors: shape by name, as in the adapter's file.
        base: the base's modules.
        ranks: those that the configuration names.
        turned: whether the base keeps its weights as [in, out] (PEFT's fan_in_fan_out).
    """
    modules, others = by_module(tensors)
    faults = [] if modules else ["it holds no LoRA matrix."]
    faults += _told("{} of its tensors are no LoRA matrices", others)
    faults += _told("{} of its modules are not in the base", [module for module in modules if module not in base])
    faults += _told("{} of its modules have no whole pair of lora_A and lora_B", _alone(modules))
    faults += _told("{} of its matrices do not fit the base's shapes", _unfit(modules, base, turned))
    said = "r = " + " or ".join(map(str, sorted(ranks))) if ranks else "no r"
    return faults + _told(
        f"{{}} of its matrices have another rank than adapter_config.json, {said}", _off(modules, ranks)
    )


def _alone(modules: Matrices) -> list[str]:
    return [module for module, parts in modules.items() if set(parts) not in WHOLE]


def _unfit(modules: Matrices, base: BaseShapes, turned: bool) -> list[str]:
    return [
        f"{module}{part} {list(shape)} beside a weight {list(weight)}"
        for module, parts in modules.items()
        if (weight := base.weight(module)) is not None
        for part, shape in parts.items()
        if not _fits(part, shape, weight, turned)
    ]


def _fits(part: str, shape: Shape, weight: Shape, turned: bool) -> bool:
    """Whether the outer width of a matrix is the one of the weight that it hangs on."""
    if len(weight) != 2 or len(shape) != (1 if part == MAGNITUDE else 2):
        return False
    out, into = reversed(weight) if turned or part in (WORDS_A, WORDS_B) else weight
    return shape[1] == into if part in (A, WORDS_A) else shape[0] == out


def _off(modules: Matrices, ranks: set[int]) -> list[str]:
    return [
        f"{module}{part} with {rank}"
        for module, parts in modules.items()
        for part, shape in parts.items()
        if part != MAGNITUDE and len(shape) == 2 and (rank := shape[0 if part in (A, WORDS_A) else 1]) not in ranks
    ]


def _told(what: str, names: Iterable[str]) -> list[str]:
    """How many there are and the first of them: one line of a message, not a hundred."""
    found = list(names)
    return [f"{what.format(len(found))}, such as {short(found[0])}."] if found else []
