"""Whether somebody sits in front of this kernel: widgets are for people, a few printed lines for everything else."""

import os
import sys
from typing import Any

VARIABLE = "FINETUNE_LAB_UI"  # "widgets" or "plain" decides; without it, what can be seen does


def kernel() -> Any:
    """The notebook's shell in this process; None in a terminal or a script."""
    if "IPython" not in sys.modules:  # a kernel has it loaded; a script need not wait for it
        return None
    from IPython import get_ipython

    shell = get_ipython()
    return shell if shell is not None and getattr(shell, "kernel", None) is not None else None


def watched() -> bool:
    """True in JupyterLab, Notebook, VS Code and Colab; False in a script, a terminal, nbclient, nbmake and papermill.

    A frontend lets a cell ask for input, and says so in every request to run one; programs that run notebooks do not.
    """
    asked = os.environ.get(VARIABLE, "").strip().lower()
    if asked in ("plain", "widgets"):
        return asked == "widgets"
    shell = kernel()
    if shell is None:
        return False
    parent: dict[str, Any] = shell.get_parent() or {}
    return bool(parent.get("content", {}).get("allow_stdin", True))
