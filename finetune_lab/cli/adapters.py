"""`finetune-lab adapters`: a folder of adapters for one base. Thin: it asks `serving.adapters` and prints."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from finetune_lab.cli.adapter_options import HERE, AsJson, Base, Folder, Name, NewName, library_of
from finetune_lab.cli.adapters_in_use import diff, merge, try_prompt
from finetune_lab.errors import listed
from finetune_lab.tables import as_text

adapters = typer.Typer(help="One base, many adapters: keep, try side by side, merge, compare.", no_args_is_help=True)


@adapters.command("list")
def list_all(*, folder: Folder = HERE, base: Base = "lab-base", as_json: AsJson = False) -> int:
    """List the adapters that fit the base, and what is wrong with those that do not."""
    from finetune_lab.cli.app import product_only

    with product_only() as product:
        library = library_of(base, folder)
        broken = library.library.broken()
        if as_json:
            cards = [asdict(library.card(name)) for name in library.names()]
            found = {"base": library.base.name, "folder": str(folder), "adapters": cards, "broken": broken}
            print(json.dumps(found, ensure_ascii=False), file=product)
        else:
            none = f"There is no adapter for {library.base.name} in {folder} yet: tune one and add its run."
            print(as_text(library.rows()) if library.names() else none, file=product)
        for name, faults in broken.items():
            print(f"{name} can't be used: {listed(faults)}", file=sys.stderr)
    return 0


@adapters.command()
def show(name: Name, *, folder: Folder = HERE, base: Base = "lab-base", as_json: AsJson = False) -> int:
    """Show the card of an adapter, as Markdown."""
    from finetune_lab.cli.app import product_only

    with product_only() as product:
        card = library_of(base, folder).card(name)
        shown = json.dumps(asdict(card), ensure_ascii=False) if as_json else card._repr_markdown_()
        print(shown, file=product)
    return 0


adapters.command("try")(try_prompt)
adapters.command()(merge)
adapters.command()(diff)


@adapters.command()
def add(
    source: Annotated[Path, typer.Argument(help="a run folder, or an adapter in PEFT's own format")],
    *,
    name: NewName = None,
    folder: Folder = HERE,
    base: Base = "lab-base",
) -> int:
    """Copy an adapter into the library, checked against the base."""
    from finetune_lab.cli.app import product_only

    with product_only() as product:
        print(repr(library_of(base, folder).add(source, name)), file=product)
    return 0


@adapters.command()
def remove(name: Name, *, folder: Folder = HERE, base: Base = "lab-base") -> int:
    """Delete an adapter of your own."""
    from finetune_lab.cli.app import product_only

    with product_only() as product:
        library_of(base, folder).remove(name)
        print(f"{name} removed from {folder}", file=product)
    return 0


@adapters.command()
def rename(
    old: Name,
    new: Annotated[str, typer.Argument(help="its new name")],
    *,
    folder: Folder = HERE,
    base: Base = "lab-base",
) -> int:
    """Rename an adapter of your own."""
    from finetune_lab.cli.app import product_only

    with product_only() as product:
        library_of(base, folder).rename(old, new)
        print(f"{old} is now {new}", file=product)
    return 0


@adapters.command()
def export(
    name: Name,
    *,
    to: Annotated[Path, typer.Option("--out", help="the ZIP file, or the folder to make NAME.zip in")] = Path(),
    folder: Folder = HERE,
    base: Base = "lab-base",
) -> int:
    """Write an adapter as a ZIP file, to hand on."""
    from finetune_lab.cli.app import product_only

    with product_only() as product:
        print(library_of(base, folder).export(name, to), file=product)
    return 0


@adapters.command("import")
def import_zip(
    file: Annotated[Path, typer.Argument(help="a ZIP file with an adapter as safetensors; a pickle is refused")],
    *,
    name: NewName = None,
    folder: Folder = HERE,
    base: Base = "lab-base",
) -> int:
    """Add an adapter from a ZIP file, every entry checked."""
    from finetune_lab.cli.app import product_only

    with product_only() as product:
        print(repr(library_of(base, folder).import_zip(file, name)), file=product)
    return 0
