"""What can go wrong with adapters on disk, and how it is told."""

from finetune_lab.errors import LabError
from finetune_lab.storing import Storage


class AdapterError(LabError):
    """An adapter can't be read, does not fit the base, or can't be kept; all faults are listed."""


STORAGE = Storage(AdapterError, elsewhere="Choose a folder that you may write to.")
