"""A folder of adapters for one base. Reading takes no lock and sees whole entries only; writing is for one at a time.

    adapters/
        .lock                 held by whoever writes
        billing/              PEFT's own files and the card: an entry
        .returns.partial/     being filled; it becomes `returns` by one rename, and is swept away after a kill

Shipped adapters that were made for the same base stand in the list too, and can't be changed.
"""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finetune_lab.adapters.archive import pack, unpack
from finetune_lab.adapters.card import AdapterCard, read_card
from finetune_lab.adapters.compatibility import require_compatible
from finetune_lab.adapters.entries import discard, fill, origin, retitle, settle, sweep
from finetune_lab.adapters.faults import STORAGE
from finetune_lab.adapters.shelf import Shelf
from finetune_lab.errors import listed
from finetune_lab.models import Source
from finetune_lab.storing import whole_folder

PATIENCE = 10.0  # seconds to wait for another process that writes


class AdapterLibrary:
    """The adapters in `folder` that fit `base`, and the shipped ones. The folder is made when something is added.

    One entry that can't be used never hides the others: see `broken`.
    """

    def __init__(self, folder: Path, base: Source) -> None:
        self.folder, self.base = Path(folder), base
        self._shelf = Shelf(self.folder, base)

    def names(self) -> list[str]:
        """The names of the adapters that can be used, in alphabetical order."""
        return sorted((name for name, _, faults in self._shelf.checked() if not faults), key=str.casefold)

    def broken(self) -> dict[str, list[str]]:
        """The entries that can't be used, each with all that is wrong with it."""
        return {name: faults for name, _, faults in self._shelf.checked() if faults}

    def card(self, name: str) -> AdapterCard:
        """The card of an adapter.

        Raises:
            AdapterError: there is no such adapter, or its card can't be read.
        """
        return dataclasses.replace(read_card(self._shelf.entry(name)), name=name)

    def cards(self) -> list[AdapterCard]:
        """The cards of the adapters that can be used, in the order of `names`."""
        found = {name: entry for name, entry, faults in self._shelf.checked() if not faults}
        return [dataclasses.replace(read_card(found[name]), name=name) for name in sorted(found, key=str.casefold)]

    def path(self, name: str) -> Path:
        """The folder of an adapter, for PEFT to load, checked against the base.

        Raises:
            AdapterError: there is no such adapter, or it can't be used; all that is wrong is listed.
        """
        entry = self._shelf.entry(name)
        require_compatible(entry, self.base)
        return entry

    def add(self, source: Path, name: str | None = None, *, replace: bool = False) -> AdapterCard:
        """Copy an adapter into the library.

        Args:
            source: the folder of a run, or of an adapter in PEFT's format.
            name: what to call it; the folder's name without it.
            replace: let it take the place of one of that name, which stays until the new one is whole.

        Raises:
            AdapterError: it does not fit the base, the name is taken or not allowed, or it can't be written.
        """
        found = origin(Path(source))
        require_compatible(found.adapter, self.base)
        called = found.name if name is None else name
        with self._adding(called, replace=replace) as partial:
            fill(partial, found.adapter)
            settle(partial, called, found.record)
        return self.card(called)

    def import_zip(self, file: Path, name: str | None = None) -> AdapterCard:
        """Add an adapter from a ZIP file, called `name` or as the file is.

        Raises:
            AdapterError: something in the archive is a trap, or what `add` raises; nothing has been added then.
        """
        called = Path(file).stem if name is None else name
        with self._adding(called) as partial:
            unpack(Path(file), partial)
            settle(partial, called)
        return self.card(called)

    def export(self, name: str, to: Path) -> Path:
        """Write an adapter as a ZIP file: `to` itself, or `name`.zip in the folder `to`. Returns the file.

        Raises:
            AdapterError: it can't be used, something else is there already, or it can't be written.
        """
        return pack(self.path(name), name, Path(to))

    def remove(self, name: str) -> None:
        """Delete an adapter, a broken one too.

        Raises:
            AdapterError: there is none, it is a shipped one, or it can't be written.
        """
        with self._writing():
            discard(self._shelf.changeable(name))
            sweep(self.folder)

    def rename(self, old: str, new: str) -> None:
        """Call an adapter by another name.

        Raises:
            AdapterError: there is none, it is a shipped one, or the new name is taken or not allowed.
        """
        with self._writing():
            entry = self._shelf.changeable(old)
            self._shelf.require_free(new, without=old)
            retitle(entry.rename(self.folder / new), new)

    @contextmanager
    def _adding(self, name: str, *, replace: bool = False) -> Iterator[Path]:
        """A folder to fill, which becomes the entry `name` when it fits the base."""
        own = name if replace else ""
        self._shelf.require_free(name, without=own)
        with self._writing():
            self._shelf.require_free(name, without=own)  # the one whom we waited for may have taken it
            with whole_folder(self.folder / name) as partial:
                yield partial
                require_compatible(partial, self.base)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """While it lasts, this process alone writes the library; what others left half-written goes."""
        with STORAGE.explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with STORAGE.held(self.folder, PATIENCE, self.folder / ".lock"):
                sweep(self.folder)
                yield

    def __repr__(self) -> str:
        broken = [f"{name} can't be used: {listed(faults)}" for name, faults in self.broken().items()]
        head = f"AdapterLibrary for {self.base.name} in {self.folder}: {', '.join(self.names()) or 'empty'}"
        return "\n".join([head, *broken])
