"""`finetune-lab lessons`: put the notebooks that travel in the package into a folder of one's own."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from finetune_lab.errors import RunError
from finetune_lab.resources import shipped

FolderTo = Annotated[Path, typer.Argument(help="folder to put them into; made where there is none")]


def lessons(to: FolderTo = Path("lessons")) -> int:
    """Copy the lessons into a folder, to open them in Jupyter. A notebook that is there already is left as it is."""
    source = shipped("lessons")
    try:
        to.mkdir(parents=True, exist_ok=True)
        for notebook in sorted(source.glob("*.ipynb")):
            target = to / notebook.name
            if target.exists():
                print(f"{target} is there already: left as it is")
                continue
            shutil.copyfile(notebook, target.with_suffix(".partial")).replace(target)
            print(target)
    except OSError as error:
        raise RunError(f"{to} can't be written: {error.strerror}.", "Name another folder.") from error
    return 0
