"""What another installed library breaks: PEFT refuses to work beside an old torchao, which Colab ships. No torch."""

from importlib.metadata import PackageNotFoundError, version

from packaging.version import Version

from finetune_lab.errors import UnavailableError

OLDEST_TORCHAO = Version("0.16")  # peft 0.19 to 0.21, import_utils.py, is_torchao_available
REMOVE_TORCHAO = "Nothing here needs torchao: run `pip uninstall -y torchao`, then try again."


def torchao_fault() -> str | None:
    """Why PEFT refuses to work beside the installed torchao; None where it does not, or there is none."""
    try:
        found = version("torchao")
    except PackageNotFoundError:
        return None
    if Version(found) >= OLDEST_TORCHAO:
        return None
    return f"torchao {found} is installed, and PEFT refuses to work beside one older than {OLDEST_TORCHAO}."


def require_peft_works() -> None:
    """Say in one line what PEFT would say in a traceback.

    Raises:
        UnavailableError: an old torchao is installed.
    """
    if fault := torchao_fault():
        raise UnavailableError(fault, REMOVE_TORCHAO)
