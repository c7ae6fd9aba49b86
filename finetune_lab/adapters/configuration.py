"""PEFT's configuration of an adapter, `adapter_config.json`, read as data: what in it can't be used, and why.

A library's promise is that the base stays as it is. So an adapter that brings parts of its own for the base, or whose
start PEFT makes by moving the base's weights, is refused, however well it works elsewhere.
"""

import json
import math
import re
from typing import Any

from finetune_lab.models import short

STARTS = (True, False, None, "gaussian", "orthogonal", "eva")  # of A and B; all others of PEFT 0.21 move W as well
REPLACING = ("modules_to_save", "layer_replication", "trainable_token_indices", "target_parameters")

PATTERNS = ("target_modules", "exclude_modules", "layers_pattern", "rank_pattern", "alpha_pattern")
MOST_REPEATS = 6  # in one regular expression; a repeated group is one too many


def configuration_faults(config: dict[str, Any]) -> list[str]:
    """What keeps an adapter of this configuration from being used beside a base that stays as it is, a line each."""
    kind, task = config.get("peft_type"), config.get("task_type")
    faults = [] if kind == "LORA" else [f"its peft_type is {_shown(kind)}; only LORA is known."]
    if task not in (None, "CAUSAL_LM"):
        faults.append(f"its task_type is {_shown(task)}, not CAUSAL_LM.")
    if not all(type(rank) is int and rank > 0 for rank in _ranks(config)):
        faults.append(f"its r is {_shown(config.get('r'))} with rank_pattern {_shown(config.get('rank_pattern'))}.")
    alpha = config.get("lora_alpha")
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 < alpha < math.inf:
        faults.append(f"its lora_alpha is {_shown(alpha)}.")
    return faults + _base_faults(config) + _pattern_faults(config)


def _base_faults(config: dict[str, Any]) -> list[str]:
    """The settings that would change the base itself."""
    start, bias = config.get("init_lora_weights", True), config.get("bias", "none")
    faults = [f"its {name} would change the base." for name in REPLACING if config.get(name)]
    if bias != "none":
        faults.append(f"its bias {_shown(bias)} would change the base.")
    if not isinstance(start, bool | str | None) or start not in STARTS:
        faults.append(f"its init_lora_weights {_shown(start)} would change the base: convert it to a plain LoRA.")
    return faults


def _pattern_faults(config: dict[str, Any]) -> list[str]:
    """Regular expressions that could keep PEFT busy for years, which matches each with every module's name."""
    faults = []
    for name in PATTERNS:
        value = config.get(name)
        texts = [value] if isinstance(value, str) else list(value) if isinstance(value, list | dict) else []
        if slow := next((text for text in texts if _may_hang(str(text))), None):
            faults.append(f"its {name} holds {_shown(slow)}, which may take for ever to match.")
    return faults


def _may_hang(pattern: str) -> bool:
    return bool(re.search(r"\)[*+{]", pattern)) or len(re.findall(r"[*+{]", pattern)) > MOST_REPEATS


def ranks(config: dict[str, Any]) -> set[int]:
    """The ranks that its matrices may have: `r`, and those of the modules that `rank_pattern` names."""
    return {rank for rank in _ranks(config) if type(rank) is int}


def _ranks(config: dict[str, Any]) -> list[Any]:
    pattern = config.get("rank_pattern") or {}
    return [config.get("r"), *(pattern.values() if isinstance(pattern, dict) else [pattern])]


def _shown(value: Any) -> str:
    return short(json.dumps(value, ensure_ascii=False))
