"""`lab.Adapters`: a folder of adapters and one base in memory, as one object for the notebook.

    library = lab.Adapters()
    library.add(run, "billing")                                 # disk: whole or not, checked against the base
    with library.use("billing") as model: ...                   # memory: loaded at first use, then switched
    library.generate(prompts, ["billing", "__base__"])          # one batch, an adapter for each prompt

What is on disk is the business of `AdapterLibrary`; this adds the base in memory, `LoadedBase`.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from finetune_lab.adapters.card import AdapterCard
from finetune_lab.adapters.library import AdapterLibrary
from finetune_lab.adapters.shipping import shipped_adapters
from finetune_lab.config import QLoRA, TuneConfig
from finetune_lab.device import detect_device
from finetune_lab.errors import ConfigError, listed
from finetune_lab.models import find_base, load_tokenizer, longest_context
from finetune_lab.serving.combining import combine, require_combinable, write_combination_card
from finetune_lab.serving.listing import card_row, to_load
from finetune_lab.serving.loaded_base import LoadedBase
from finetune_lab.serving.merging import Merged, merge
from finetune_lab.serving.mixed import mixed_answers, require_answerable
from finetune_lab.serving.scores import Answers, Scores, base_label, data_of, scores_of
from finetune_lab.serving.slots import BASE
from finetune_lab.serving.subject import of_card
from finetune_lab.tables import as_html, as_text
from finetune_lab.tuning.run import Run
from finetune_lab.tuning.run_folder import free_name


class Adapters:
    """The adapters in `folder` and the shipped ones, on one `base` of 16, 8 or 4 `bits`, which is loaded at first use.

    Raises:
        LabError: the base can't be had, or there is no such width. Every method: a name or a file is at fault.
    """

    def __init__(self, base: str = "lab-base", folder: Path | str = "adapters", bits: int = 16) -> None:
        if bits not in (16, 8, 4) or isinstance(bits, bool):
            raise ConfigError(f"bits must be 16, 8 or 4, not {bits!r}.", "16 is the unquantized base.")
        self.base, self.bits = find_base(base), bits
        self.library = AdapterLibrary(Path(folder), self.base)

    def names(self) -> list[str]:
        """The adapters that can be used, in alphabetical order."""
        return self.library.names()

    def card(self, name: str) -> AdapterCard:
        """What is known of an adapter; shown as Markdown in a notebook."""
        return self.library.card(name)

    def path(self, name: str) -> Path:
        """The folder of an adapter, in PEFT's own format."""
        return self.library.path(name)

    def add(self, run_or_folder: Run | Path | str, name: str | None = None, *, replace: bool = False) -> AdapterCard:
        """Copy the adapter of a run or of a folder into the library, in the place of one of that name if asked."""
        source = run_or_folder.folder if isinstance(run_or_folder, Run) else Path(run_or_folder)
        if replace and name:
            self.unload(name)
        return self.library.add(source, name, replace=replace)

    def remove(self, name: str) -> None:
        """Delete an adapter, from memory too; one that is in use stays."""
        if self.in_memory:
            self.loaded_base.require_free(name)
        self.library.remove(name)
        self.unload(name)

    def rename(self, old: str, new: str) -> None:
        """Rename an adapter, on disk and in memory."""
        self.library.rename(old, new)
        if self.in_memory:
            self.loaded_base.rename(old, new, self.path(new))

    def export(self, name: str, to: Path | str) -> Path:
        """Write an adapter as a ZIP file."""
        return self.library.export(name, Path(to))

    def import_zip(self, file: Path | str, name: str | None = None) -> AdapterCard:
        """Add an adapter from a ZIP file, every entry checked."""
        return self.library.import_zip(Path(file), name)

    @cached_property
    def loaded_base(self) -> LoadedBase:
        """The base in memory; reading this loads it."""
        quantized = None if self.bits == 16 else QLoRA(bits=self.bits)
        return LoadedBase(self.base, detect_device(), quantized)

    @property
    def in_memory(self) -> bool:
        return "loaded_base" in vars(self)

    @contextmanager
    def use(self, name: str | None) -> Iterator[PreTrainedModel | PeftModel]:
        """The base with this adapter, or with none; afterwards whichever counted before does again."""
        self._load([name])
        with self.loaded_base.using(name) as model:
            yield model

    def unload(self, name: str) -> None:
        """Drop an adapter from memory, unless it is in use; on disk it stays."""
        if self.in_memory:
            self.loaded_base.detach(name)

    def generate(
        self, prompts: str | Sequence[str], adapter: str | Sequence[str | None] | None = None, max_new_tokens: int = 80
    ) -> str | list[str]:
        """Greedy answers: to one prompt a text, to several a list, all in one batch whichever adapters they are for.

        Args:
            prompts: one prompt or several.
            adapter: a name for all, or one for each prompt. `__base__` is the base alone; None is whichever counts now:
                that of the `with library.use(...)` around this, or the base.
            max_new_tokens: the longest answer, in tokens.
        """
        texts = [prompts] if isinstance(prompts, str) else list(prompts)
        names = [adapter] * len(texts) if isinstance(adapter, str | None) else list(adapter)
        require_answerable(texts, names, max_new_tokens)
        self._load([name for name in names if name != BASE])
        chosen = [None if name == BASE else name or self.loaded_base.active for name in names]
        context = longest_context(self.base)
        answers = mixed_answers(self.loaded_base, self.tokenizer, texts, chosen, max_new_tokens, context)
        return answers[0] if isinstance(prompts, str) else answers

    def try_prompt(self, prompt: str, names: Iterable[str] | None = None, max_new_tokens: int = 80) -> Answers:
        """One prompt, answered by the base and by each adapter side by side."""
        chosen = [BASE, *(self.names() if names is None else names)]
        answers = self.generate([prompt] * len(chosen), chosen, max_new_tokens)
        return Answers(prompt, dict(zip([base_label(chosen), *chosen[1:]], answers, strict=True)))

    def merge(
        self, name: str, into_bits: int = 16, *, out: Path | str | None = None, data: str | TuneConfig | None = None
    ) -> Merged:
        """The adapter merged into a base of that width, in `out` or `merged/`; its drift, on `data` or its own."""
        card = self.card(name)
        place = free_name(Path("merged") / f"{name}-{into_bits}bit") if out is None else Path(out)
        return merge(of_card(card, self.base, self.path(name)), into_bits, place, data or data_of([card])[0])

    def combine(
        self, weights: Mapping[str, float], *, name: str, combination_type: str = "cat", density: float | None = None
    ) -> AdapterCard:
        """A new adapter in the library: the weighted sum of several, by PEFT's `add_weighted_adapter`."""
        require_combinable(weights, combination_type, density)
        self._load(weights)
        parts = [self.card(one) for one in weights]
        with tempfile.TemporaryDirectory() as folder:
            made = combine(self.loaded_base, weights, combination_type, density, Path(folder))
            write_combination_card(made, parts, weights, combination_type)
            return self.library.add(made, name)

    def scores(
        self, names: Iterable[str] | None = None, data: Sequence[str | TuneConfig] | str | TuneConfig | None = None
    ) -> Scores:
        """Loss and score of the base and of each adapter on each data set: on those tuned on, without `data`."""
        chosen = self.names() if names is None else list(dict.fromkeys(names))
        self._load(chosen)
        sets = data_of([self.card(name) for name in chosen]) if data is None else data
        each = [sets] if isinstance(sets, str | TuneConfig) else sets
        return scores_of(self.loaded_base, self.tokenizer, chosen, each)

    def _load(self, names: Iterable[str | None]) -> None:
        folders = to_load(self.library, self.loaded_base if self.in_memory else None, names)
        for name, folder in folders.items():
            self.loaded_base.attach(name, folder)

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The base's own."""
        return load_tokenizer(self.base)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __len__(self) -> int:
        return len(self.names())

    def rows(self) -> list[dict[str, str]]:
        """One row an adapter, its cells ready to read."""
        return [card_row(card, card.name in shipped_adapters(self.base)) for card in self.library.cards()]

    def __repr__(self) -> str:
        broken = [f"{name} can't be used: {listed(faults)}" for name, faults in self.library.broken().items()]
        head = f"Adapters for {self.base.name} in {self.library.folder}"
        return "\n".join([head, as_text(self.rows()), *broken])

    def _repr_html_(self) -> str:
        return as_html(self.rows())
