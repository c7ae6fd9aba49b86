"""What keeps a change of weights from being measured."""

from finetune_lab.errors import LabError


class WeightChangeError(LabError):
    """Two sets of weights that can't be compared, or an adapter that is more than low-rank matrices."""
