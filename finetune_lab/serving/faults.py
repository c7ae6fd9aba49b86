"""What can go wrong while adapters are served."""

from finetune_lab.errors import LabError
from finetune_lab.storing import Storage


class ServingError(LabError):
    """An adapter can't be loaded, switched to, merged or combined."""


STORAGE = Storage(ServingError, elsewhere="Choose a folder that you may write to.")
