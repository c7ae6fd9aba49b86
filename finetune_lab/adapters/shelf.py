"""What is on a library's shelf: the user's entries and the shipped ones, each with what is wrong with it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from finetune_lab.adapters.compatibility import mismatches
from finetune_lab.adapters.faults import AdapterError
from finetune_lab.adapters.names import name_fault, proposed
from finetune_lab.adapters.shipping import shipped_adapters
from finetune_lab.models import Source, short


@dataclass(frozen=True)
class Shelf:
    """The entries in `folder` and those that are shipped for `base`. A shipped one's name is never a user's."""

    folder: Path
    base: Source

    def own(self) -> dict[str, Path]:
        """The user's entries by name; a folder that is being filled or removed has a dot before its name.

        Raises:
            AdapterError: the folder is there and can't be read.
        """
        try:
            found = sorted(self.folder.iterdir()) if self.folder.exists() else []
        except OSError as error:
            raise AdapterError(f"{self.folder} can't be read: {error.strerror}.", "Choose another folder.") from error
        entries = [item for item in found if item.is_dir() or item.is_symlink()]
        return {item.name: item for item in entries if not item.name.startswith(".")}

    def shipped(self) -> dict[str, Path]:
        """The shipped entries for this base by name."""
        return shipped_adapters(self.base)

    def checked(self) -> Iterator[tuple[str, Path, list[str]]]:
        """Name, folder and faults of each entry; one that another process has just removed is left out."""
        seen: set[str] = set()
        shipped = self.shipped()
        for name, entry in [*shipped.items(), *self.own().items()]:
            faults = self._own_faults(name, entry, seen) if entry.parent == self.folder else []
            faults += mismatches(entry, self.base)
            if faults and not (entry.exists() or entry.is_symlink()):
                continue
            yield name, entry, faults
            seen.add(name.casefold())

    def _own_faults(self, name: str, entry: Path, seen: set[str]) -> list[str]:
        """What is wrong with an entry that was put there by hand, whatever it holds."""
        fault = name_fault(name)
        faults = [f"it needs another name, as an adapter's name {fault}."] if fault else []
        if name.casefold() in seen:
            faults.append("another adapter has this name already: rename this one.")
        if entry.is_symlink():
            faults.append("it is a link: remove it, and add the folder that it leads to.")
        return faults

    def entry(self, name: str) -> Path:
        """The folder of an adapter.

        Raises:
            AdapterError: there is none of this name.
        """
        found = {**self.own(), **self.shipped()}
        if name not in found:
            raise self._unknown(name)
        return found[name]

    def changeable(self, name: str) -> Path:
        """The folder of an adapter that is the user's own.

        Raises:
            AdapterError: there is none of this name, or it is a shipped one.
        """
        own = self.own()
        if name in own:
            return own[name]
        if name in self.shipped():
            what = f"The adapter {name!r} is shipped with finetune-lab: it can't be renamed or removed."
            raise AdapterError(what, "Add a copy of it under another name, and change that.")
        raise self._unknown(name)

    def require_free(self, name: str, without: str | None = None) -> None:
        """Refuse a name that is not allowed or that another entry than `without` has, in capitals or not.

        Raises:
            AdapterError: which of them it is.
        """
        if fault := name_fault(name):
            hint = f"Give another name, such as {proposed(name)!r}."
            raise AdapterError(f"{short(name)!r} can't be an adapter's name: such a name {fault}.", hint)
        own = self.own()
        for other in [*self.shipped(), *own]:
            if (other != without or other not in own) and other.casefold() == name.casefold():
                whose = "The library has" if other in own else "finetune-lab ships"
                hint = "Give another name, or remove that one first." if other in own else "Give another name."
                raise AdapterError(f"{whose} an adapter {short(other)!r} already.", hint)

    def _unknown(self, name: str) -> AdapterError:
        there = ", ".join(short(one) for one, _, faults in self.checked() if not faults)
        hint = f"There are: {there}." if there else "Tune one and add its run, or import a ZIP file."
        return AdapterError(f"There is no adapter {short(name)!r} in {self.folder}.", hint)
