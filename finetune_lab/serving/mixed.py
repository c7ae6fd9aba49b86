"""Many prompts, each for its own adapter, in as few batches as one adapter would need."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from finetune_lab.errors import ConfigError, listed
from finetune_lab.serving.faults import ServingError
from finetune_lab.serving.loaded_base import LoadedBase, config_of
from finetune_lab.tuning.evaluation import GENERATION_ROWS, generate


def mixed_answers(
    base: LoadedBase,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    names: Sequence[str | None],
    max_new_tokens: int,
    max_length: int | None,
) -> list[str]:
    """The greedy answer to each prompt by the loaded adapter beside it (None: by the base), in the order of prompts.

    Batches are of prompts of like length, whichever adapter they are for. Beside a base of 8 bits an answer can depend
    on its neighbours: LLM.int8 treats a column of the whole batch as an outlier or not.
    """
    require_mixable(base, names)
    order = sorted(range(len(prompts)), key=lambda number: len(prompts[number]))  # `generate` keeps this order
    answers: dict[int, str] = {}
    for begin in range(0, len(order), GENERATION_ROWS):
        rows = order[begin : begin + GENERATION_ROWS]
        with base.each_its_own([names[row] for row in rows]) as model:
            texts = generate(model, tokenizer, [prompts[row] for row in rows], max_new_tokens, max_length)
        answers.update(zip(rows, texts, strict=True))
    return [answers[number] for number in range(len(prompts))]


def require_mixable(base: LoadedBase, names: Sequence[str | None]) -> None:
    """PEFT has no batch in which an adapter with DoRA stands beside others.

    Raises:
        ServingError: with all adapters that stand in the way.
    """
    chosen = dict.fromkeys(names)
    dora = [name for name in chosen if name is not None and getattr(config_of(base, name), "use_dora", False)]
    if dora and len(chosen) > 1:
        what = f"PEFT can't mix adapters with DoRA into a batch with others, and {', '.join(dora)} has it."
        raise ServingError(what, "Answer its prompts by themselves.")


def require_answerable(prompts: Sequence[str], names: Sequence[str | None], max_new_tokens: int) -> None:
    """Prompts, names and length must make sense before anything is loaded.

    Raises:
        ConfigError: with all faults.
    """
    empty = [str(n) for n, prompt in enumerate(prompts, 1) if not isinstance(prompt, str) or not prompt]
    faults = [f"Prompt {', '.join(empty)} is no text or an empty one."] if empty else []
    if len(names) != len(prompts):
        faults.append(f"{len(prompts)} prompts, but {len(names)} adapters.")
    faults += [f"{name!r} is no name of an adapter." for name in names if not isinstance(name, str | None)]
    if type(max_new_tokens) is not int or max_new_tokens < 1:
        faults.append(f"max_new_tokens must be at least 1, not {max_new_tokens!r}.")
    if faults:
        raise ConfigError(listed(faults), "Give one adapter for all prompts, or one for each.")
