"""From options to a method and a configuration. An option that does not apply is an error, never silently ignored."""

import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial
from typing import Any, TypeVar

from finetune_lab.cli.options import OPTION_OF
from finetune_lab.config import METHODS, Method, TuneConfig
from finetune_lab.errors import ConfigError, listed

Made = TypeVar("Made")
Settings = dict[str, Any]
FOUR_BIT = ("bnb_4bit_quant_type", "bnb_4bit_use_double_quant")


def asked(names: Sequence[str], given: Settings) -> tuple[list[Method], TuneConfig]:
    """The methods of these names and the configuration, from the settings that were given.

    Raises:
        ConfigError: everything that is wrong with them, at once.
    """
    of_config = {item.name for item in fields(TuneConfig)}
    mine = {name: value for name, value in given.items() if name not in of_config}
    faults = name_faults(names)
    known = [name for name in dict.fromkeys(names) if name in METHODS]
    unfit = unfit_settings(known, mine) if known else {}
    faults += unfit.values()
    fit = {name: value for name, value in mine.items() if name not in unfit}
    methods = [attempt(partial(one_method, name, fit), faults) for name in known]
    config = attempt(partial(TuneConfig, **{name: given[name] for name in given if name in of_config}), faults)
    if faults or config is None:
        raise ConfigError(listed(list(dict.fromkeys(faults))), "See --help for what there is.")
    return [method for method in methods if method is not None], config


def name_faults(names: Sequence[str]) -> list[str]:
    """What is wrong with the names of the methods."""
    if not names:
        return [f"--methods names no method; there are {', '.join(METHODS)}."]
    faults = [f"There is no method {name!r}, only {', '.join(METHODS)}." for name in names if name not in METHODS]
    twice = sorted({name for name in names if names.count(name) > 1})
    return faults + [f"The method {name} is named twice." for name in twice]


def unfit_settings(names: Sequence[str], mine: Settings) -> dict[str, str]:
    """The settings of `mine` that none of the methods has, each with its fault."""
    described = " or ".join(names)
    has = {item.name for name in names for item in fields(METHODS[name])}
    faults = {
        name: f"{OPTION_OF[name]} does not apply to {described}." for name in mine if name not in has and name != "bits"
    }
    bits = mine.get("bits")
    if bits is not None and "bits" not in has and bits != 16:
        faults["bits"] = f"--bits {bits} does not apply to {described}: only the method qlora quantizes its base."
    if bits == 8 and "bits" in has:
        faults |= {name: f"{OPTION_OF[name]} applies to 4 bits only." for name in FOUR_BIT if name in mine}
    return faults


def one_method(name: str, mine: Settings) -> Method:
    """The method with those of the settings that it has."""
    has = {item.name for item in fields(METHODS[name])}
    return METHODS[name](**{setting: value for setting, value in mine.items() if setting in has})


def attempt(make: Callable[[], Made], faults: list[str]) -> Made | None:
    """What `make` returns; the faults that it raises, one by one, are added to `faults` instead."""
    try:
        return make()
    except ConfigError as error:
        faults += [fault for fault in re.split(r"^\d+ faults: \(1\) | \(\d+\) ", error.what) if fault]
        return None
