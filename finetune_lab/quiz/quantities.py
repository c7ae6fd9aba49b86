"""Named numbers that a question can ask for: a small table, so that no bank holds code.

Each is computed from named values: the variant's (`r`, `d_in`, ...) and, under `run_...`, the learner's own run, whose
summary is what `tune --json` prints and what run.json ends with. `MissingRunError` says what has to be run first.
"""

from collections.abc import Callable, Mapping
from typing import Any

Values = Mapping[str, Any]


class MissingRunError(KeyError):
    """A value of the learner's own run is needed and isn't there; the argument says which."""


def _value(values: Values, name: str) -> float:
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MissingRunError(name)
    return float(value)


def _measured(run: Values, component: str) -> float:
    return _memory(run, "measured", component)


def _memory(run: Values, side: str, component: str) -> float:
    """Bytes of a component, `measured` or `predicted`."""
    memory = run.get("memory")
    found = memory.get(side) if isinstance(memory, Mapping) else None
    if not isinstance(found, Mapping):
        raise MissingRunError(f"{side} {component}")
    return _value(found, component)


def _peak_ratio(run: Values) -> float:
    """The predicted peak over the measured one."""
    return _memory(run, "predicted", "peak") / _memory(run, "measured", "peak")


def _run(values: Values, method: str = "") -> Values:
    """The learner's run: the last one, or the last one of a method."""
    runs = [
        run
        for run in values.get("runs", ())
        if isinstance(run, Mapping) and (not method or run.get("method") == method)
    ]
    if not runs:
        raise MissingRunError(f"a {method or 'finished'} run")
    return runs[-1]


def _adapter_run(values: Values) -> Values:
    runs = [
        run for run in values.get("runs", ()) if isinstance(run, Mapping) and run.get("method") in ("lora", "qlora")
    ]
    if not runs:
        raise MissingRunError("a lora or qlora run")
    return runs[-1]


def _component_fallen_most(values: Values) -> str:
    """The component that shrank by the most bytes from the full run to the LoRA run, as the id of a choice."""
    full, lora = _run(values, "full"), _run(values, "lora")
    names = ("base_weights", "gradients", "optimizer", "activations")
    return max(names, key=lambda name: _measured(full, name) - _measured(lora, name)).replace("_", "-")


def _faster_method(values: Values) -> str:
    """`lora`, `qlora`, or `same` where their speeds are within 10 percent."""
    lora, qlora = (_value(_run(values, method), "tokens_per_second") for method in ("lora", "qlora"))
    if abs(lora - qlora) <= 0.1 * max(lora, qlora):
        return "same"
    return "lora" if lora > qlora else "qlora"


QUANTITIES: dict[str, Callable[[Values], float | str]] = {
    # of a variant
    "matrix_parameters": lambda v: _value(v, "d_in") * _value(v, "d_out"),
    "lora_parameters": lambda v: _value(v, "r") * (_value(v, "d_in") + _value(v, "d_out")),
    "lora_one_factor_parameters": lambda v: _value(v, "r") * _value(v, "d_in"),
    "lora_share_percent": lambda v: (
        100 * quantity_number("lora_parameters", v) / quantity_number("matrix_parameters", v)
    ),
    "lora_scaling": lambda v: _value(v, "alpha") / _value(v, "r"),
    "lora_scaling_upside_down": lambda v: _value(v, "r") / _value(v, "alpha"),
    "base_gigabytes": lambda v: _value(v, "billions") * _value(v, "bits") / 8,
    "base_gigabytes_as_bits": lambda v: _value(v, "billions") * _value(v, "bits"),
    "adam_gigabytes": lambda v: _value(v, "billions") * 16,
    "adam_states_gigabytes": lambda v: _value(v, "billions") * 8,
    "weights_gigabytes_float32": lambda v: _value(v, "billions") * 4,
    "bits_per_weight_with_constants": lambda v: 4 + 32 / _value(v, "block"),
    "adapters_gigabytes": lambda v: _value(v, "base_gb") + _value(v, "customers") * _value(v, "adapter_mb") / 1000,
    "copies_gigabytes": lambda v: _value(v, "base_gb") * _value(v, "customers"),
    # of the learner's own run
    "run_trainable_parameters": lambda v: _value(_run(v), "trainable_parameters"),
    "run_total_parameters": lambda v: _value(_run(v), "total_parameters"),
    "run_adapter_trainable_parameters": lambda v: _value(_adapter_run(v), "trainable_parameters"),
    "run_adapter_trainable_percent": lambda v: (
        100 * _value(_adapter_run(v), "trainable_parameters") / _value(_adapter_run(v), "total_parameters")
    ),
    "run_adapter_gradient_bytes": lambda v: 4 * _value(_adapter_run(v), "trainable_parameters"),
    "run_adapter_optimizer_bytes": lambda v: 8 * _value(_adapter_run(v), "trainable_parameters"),
    "run_adapter_scaling": lambda v: _value(_adapter_run(v), "alpha") / _value(_adapter_run(v), "rank"),
    "run_adapter_file_bytes": lambda v: _value(_adapter_run(v), "artifact_bytes"),
    "run_full_file_bytes": lambda v: _value(_run(v, "full"), "artifact_bytes"),
    "run_loss_fall": lambda v: _value(_run(v), "loss_first") - _value(_run(v), "loss_last"),
    "run_quantized_base_ratio": lambda v: _measured(_run(v, "lora"), "base_weights")
    / (_measured(_run(v, "qlora"), "base_weights") + _measured(_run(v, "qlora"), "quantization_state")),
    "run_peak_error_percent": lambda v: 100 * abs(_peak_ratio(_run(v)) - 1),
    "run_peak_ratio_percent": lambda v: 100 * _peak_ratio(_run(v)),
    "run_component_fallen_most": _component_fallen_most,
    "run_faster_method": _faster_method,
}  # fmt: skip


def quantity(name: str, values: Values) -> float | str:
    """The named quantity.

    Raises:
        MissingRunError: the values lack what it needs.
    """
    return QUANTITIES[name](values)


def quantity_number(name: str, values: Values) -> float:
    """A named quantity that is a number."""
    return float(quantity(name, values))
