"""Every error that a user can cause or meet: what happened, why, and what to do now, on one line."""


class LabError(Exception):
    """An error with a way on. `str()` is one line: what and why, then what to do now."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(f"{what} {hint}")
        self.what = what
        self.hint = hint


class ConfigError(LabError):
    """The configuration contradicts itself or is out of range; all faults are listed."""


class DataError(LabError):
    """A data file can't be used; every broken line is listed with its number."""


class ModelError(LabError):
    """A base model or its tokenizer can't be found, trusted or used."""


class UnavailableError(LabError):
    """This machine or installation can't do what was asked; the reason was probed, not assumed."""


class RunError(LabError):
    """A run folder can't be written, read or continued."""


class BusyError(LabError):
    """Another tune is running in this process."""


class OutOfMemoryError(LabError):
    """The machine's memory is too small for what was asked."""


def listed(faults: list[str]) -> str:
    """Several faults as one line: `2 faults: (1) ... (2) ...`; a single one as it is."""
    if len(faults) == 1:
        return faults[0]
    return f"{len(faults)} faults: " + " ".join(f"({number}) {fault}" for number, fault in enumerate(faults, 1))
