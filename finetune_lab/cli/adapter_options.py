"""What the commands of `finetune-lab adapters` have in common: their options, and the library that these mean."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from finetune_lab.serving.adapters import Adapters

Name = Annotated[str, typer.Argument(help="an adapter of the library", show_default=False)]
NewName = Annotated[str | None, typer.Option("--name", help="what to call it (default: as the folder or file)")]
Folder = Annotated[Path, typer.Option("--folder", help="the library's folder, beside the shipped adapters")]
Base = Annotated[str, typer.Option("--base", help="lab-base, a Hugging Face name or a folder")]
Bits = Annotated[int, typer.Option("--bits", help="bits of the frozen base: 16, 8 or 4")]
AsJson = Annotated[bool, typer.Option("--json", help="print nothing but JSON on standard output")]
HERE = Path("adapters")


def library_of(base: str, folder: Path, bits: int = 16) -> "Adapters":
    """The library in `folder` for `base`.

    Raises:
        LabError: the base can't be had, or there is no such width.
    """
    from finetune_lab.serving.adapters import Adapters

    return Adapters(base, folder, bits)
