"""`finetune-lab adapters try|merge|diff`: the base and its adapters asked, merged and compared."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finetune_lab.cli.adapter_options import HERE, AsJson, Base, Bits, Folder, Name, library_of
from finetune_lab.cli.side_by_side import side_by_side
from finetune_lab.tables import as_text

if TYPE_CHECKING:
    from finetune_lab.weight_change.intruding import Intruders
    from finetune_lab.weight_change.spectra import Spectrum

FRAME = "Message: {}\nRecord: "  # a prompt of tickets, which is what adapters for lab-base mostly know
TUNED = ("run.json", "adapter_config.json")


def try_prompt(
    prompt: Annotated[str, typer.Argument(help="what the customer wrote; with lab-base it is put into tickets' form")],
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="which adapters; all without")] = None,
    *,
    raw: Annotated[bool, typer.Option("--raw", help="ask with the prompt exactly as it is")] = False,
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", help="longest answer in tokens")] = 80,
    folder: Folder = HERE,
    base: Base = "lab-base",
    bits: Bits = 16,
    as_json: AsJson = False,
) -> int:
    """Answer one prompt with the base and with each adapter, side by side."""
    from finetune_lab.cli.app import product_only

    with product_only() as product:
        from finetune_lab.models import LAB_BASE

        library = library_of(base, folder, bits)
        framed = library.base.name == LAB_BASE and not raw and "Record:" not in prompt
        asked = FRAME.format(prompt.strip()) if framed else prompt
        found = library.try_prompt(asked, names or None, max_new_tokens)
        if as_json:
            answers = {"prompt": asked, "base": library.base.name, "bits": bits, "answers": found.answers}
            print(json.dumps(answers, ensure_ascii=False), file=product)
        else:
            print(side_by_side({"prompt": asked}), side_by_side(found.answers), sep="\n\n", file=product)
    return 0


def merge(
    name: Name,
    *,
    into_bits: Annotated[int, typer.Option("--into-bits", help="bits of the merged model: 16, 8 or 4")] = 16,
    out: Annotated[Path, typer.Option("--out", help="folder to make, new or empty")],
    data: Annotated[str | None, typer.Option("--data", help="what to measure the drift on (default: its own)")] = None,
    folder: Folder = HERE,
    base: Base = "lab-base",
    as_json: AsJson = False,
) -> int:
    """Merge an adapter into its base, write the whole model, and measure how far it has drifted."""
    from finetune_lab.cli.app import product_only

    with product_only() as product:
        merged = library_of(base, folder).merge(name, into_bits=into_bits, out=out, data=data)
        if as_json:
            found = {"adapter": name, "into_bits": into_bits, "folder": str(merged.folder), "bytes": merged.size}
            found |= {"data": merged.data, "caution": merged.caution, "drift": merged.rows()}
            print(json.dumps(found, ensure_ascii=False), file=product)
        else:
            print(repr(merged), file=product)
    return 0


def diff(
    first: Annotated[str, typer.Argument(help="a run, an adapter (folder or name), or the base of the other one")],
    second: Annotated[str | None, typer.Argument(help="a run, an adapter or a model's folder")] = None,
    *,
    every_layer: Annotated[bool, typer.Option("--layers", help="a row for each layer, not for each kind")] = False,
    look_for_intruders: Annotated[
        bool, typer.Option("--intruders", help="count intruder dimensions too; slow on large models")
    ] = False,
    folder: Folder = HERE,
    base: Base = "lab-base",
    as_json: AsJson = False,
) -> int:
    """Say what tunes changed, layer by layer, and what rank would have been enough: of one, of two beside each other.

    Each is compared with the base that it was tuned from. Where the first is no tune, it is the base of the second.
    """
    from finetune_lab.cli.app import product_only

    with product_only() as product:
        from finetune_lab.weight_change.intruding import intruders
        from finetune_lab.weight_change.spectra import spectrum

        places = [place_of(item, base, folder) for item in (first, second) if item is not None]
        own_base = places.pop(0) if len(places) == 2 and not is_tuned(places[0]) else None
        found = [
            (spectrum(place, own_base), intruders(place, own_base) if look_for_intruders else None) for place in places
        ]
        if as_json:
            print(json.dumps([as_record(*pair) for pair in found], ensure_ascii=False), file=product)
        else:
            print("\n\n".join(told(*pair, every_layer) for pair in found), file=product)
    return 0


def place_of(item: str, base: str, folder: Path) -> str:
    """The folder of an adapter by its name in the library; anything else as it is."""
    if Path(item).exists():
        return item
    library = library_of(base, folder)
    return str(library.path(item)) if item in library.names() else item


def is_tuned(place: str) -> bool:
    """Whether it is a run or an adapter, which know the base that they were tuned from."""
    folder = Path(place)
    return any((folder / name).is_file() for name in TUNED) or (folder.parent / "run.json").is_file()


def told(change: "Spectrum", found: "Intruders | None", every_layer: bool) -> str:
    """One tune's change as text."""
    lines = [change.title, as_text(change.rows() if every_layer else change.overview()), change.said]
    if found is not None:
        lines += ["", as_text(found.rows() if every_layer else found.overview()), found.said]
    return "\n".join(lines)


def as_record(change: "Spectrum", found: "Intruders | None") -> dict[str, Any]:
    """One tune's change as data: every layer with its singular values, largest first."""
    counts = {layer.name: layer.count for layer in found.layers} if found is not None else {}
    layers = [
        {
            "layer": layer.name,
            "shape": layer.shape,
            "relative_norm": layer.relative_norm,
            "effective_rank": layer.effective_rank,
            "singular_values": layer.values,
            **({"intruders": counts[layer.name]} if found is not None else {}),
        }
        for layer in change.layers
    ]
    ranks = {str(share): change.rank_for(share) for share in (0.9, 0.95, 0.99)}
    head = {"what": change.what, "base": change.base, "method": change.method, "rank_for": ranks}
    return {**head, "unchanged": change.unchanged, "elsewhere": change.elsewhere, "layers": layers}
