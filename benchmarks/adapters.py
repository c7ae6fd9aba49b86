"""One base, many adapters: what a switch, a loaded adapter and a mixed batch cost. Writes adapters.md with --write.

Every figure of a pair is taken in turns, in one process, on the same machine; ratios are of medians.
"""

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

import finetune_lab as lab
from finetune_lab.config import LoRA, QLoRA
from finetune_lab.device import detect_device
from finetune_lab.memory.storages import model_tensors, storage_bytes
from finetune_lab.methods import attach
from finetune_lab.models import find_base, load_model, load_tokenizer
from finetune_lab.serving.adapters import Adapters
from finetune_lab.serving.loaded_base import LoadedBase
from finetune_lab.tables import readable

HERE = Path(__file__).resolve().parent
ADAPTERS = 8
LARGE = {"hidden_size": 512, "intermediate_size": 1664, "num_hidden_layers": 6, "num_attention_heads": 8}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=300, help="switches on each base")
    asked.add_argument("--tune-steps", type=int, default=20, help="steps of the adapters that answer the batch")
    asked.add_argument("--batches", type=int, default=5, help="rounds of mixed batch against one by one")
    asked.add_argument("--write", action="store_true", help="write benchmarks/adapters.md")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = [
            *switching(Path(folder), options.rounds),
            *memory(Path(folder)),
            *mixing(Path(folder), options.tune_steps, options.batches),
        ]
    text = "\n".join([*head(options), *found]) + "\n"
    print(text)
    if options.write:
        (HERE / "adapters.md").write_text(text, encoding="utf-8")


def head(options: argparse.Namespace) -> list[str]:
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft", "bitsandbytes"))
    machine = f"{detect_device().name}, {torch.get_num_threads()} thread(s), Python {platform.python_version()}"
    asked = f"--rounds {options.rounds} --tune-steps {options.tune_steps} --batches {options.batches} --write"
    return ["# One base, many adapters", "", f"`python benchmarks/adapters.py {asked}`. {machine}, {libraries}.", ""]


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def random_adapters(base: str, folder: Path, count: int) -> list[Path]:
    """Adapters of rank 8 on all linear layers with random matrices: what they say does not matter here."""
    found = []
    for number in range(count):
        model = attach(load_model(find_base(base), torch.device("cpu"), torch.float32), LoRA(r=8), number)
        for name, parameter in model.named_parameters():
            if ".lora_B." in name:
                torch.nn.init.normal_(parameter, std=0.02)
        found.append(folder / f"adapter-{number}")
        model.save_pretrained(str(found[-1]), save_embedding_layers=False)
    return found


def large_base(folder: Path) -> str:
    """A random base of four times as many parameters as lab-base, in as many layers."""
    lab_base = find_base("lab-base")
    tokenizer = load_tokenizer(lab_base)
    shape = {"vocab_size": len(tokenizer), "tie_word_embeddings": True, "max_position_embeddings": 512}
    LlamaForCausalLM(LlamaConfig(**shape, **LARGE)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def switching(folder: Path, rounds: int) -> list[str]:
    """A switch between two loaded adapters, on lab-base and on a base of four times its size, in turns."""
    bases = {"lab-base": "lab-base", "4 times larger": large_base(folder / "large")}
    lines = [
        "## A switch",
        "",
        "Between two loaded adapters of rank 8 on all linear layers, until the model answers with the other one. "
        "Beside it: an adapter's first use, read from disk, and the base loaded again.",
        "",
        "| bits of the base | base | parameters | a switch, median | 95th percentile | first use | base loaded again |",
        "|---|---|---|---|---|---|---|",
    ]
    ratios, weights = [], {label: parameters(base) for label, base in bases.items()}
    for quantized in (None, QLoRA(bits=4)):
        loaded = {label: LoadedBase(find_base(base), detect_device(), quantized) for label, base in bases.items()}
        times: dict[str, list[float]] = {label: [] for label in bases}
        first = {label: first_use(loaded[label], random_adapters(bases[label], folder / label, 2)) for label in bases}
        again = {
            label: seconds(partial(LoadedBase, find_base(bases[label]), detect_device(), quantized)) for label in bases
        }
        for number in range(rounds):
            for label, served in loaded.items():
                context = served.using(("one", "two")[number % 2])
                times[label].append(seconds(context.__enter__))
                context.__exit__(None, None, None)
        for label in bases:
            middle, tail = statistics.median(times[label]), statistics.quantiles(times[label], n=20)[-1]
            bits = quantized.bits if quantized else 16
            lines.append(
                f"| {bits} | {label} | {weights[label]:,} | **{1000 * middle:.2f} ms** | "
                f"{1000 * tail:.2f} ms | {1000 * first[label]:.0f} ms | {1000 * again[label]:.0f} ms |"
            )
        small, large = (statistics.median(times[label]) for label in bases)
        ratios.append(f"{large / small:.2f} at {quantized.bits if quantized else 16} bits")
    return [*lines, "", f"Larger base over lab-base: **{', '.join(ratios)}** (goals: under 50 ms; a ratio near 1).", ""]


def first_use(base: LoadedBase, adapters: list[Path]) -> float:
    """Seconds to load a second adapter; the first one also pays for putting PEFT's layers around the base's."""
    base.attach("one", adapters[0])
    return seconds(partial(base.attach, "two", adapters[1]))


def parameters(base: str) -> int:
    model = load_model(find_base(base), torch.device("cpu"), torch.float32)
    return sum(parameter.numel() for parameter in model.parameters())


def memory(folder: Path) -> list[str]:
    """Bytes of all storages that the served model holds, with 0 to 8 adapters, against as many full copies."""
    adapters = random_adapters("lab-base", folder / "memory", ADAPTERS)
    lines = [
        "## Memory",
        "",
        "Bytes of the storages that the model holds (weights, quantization constants, adapters), each storage once.",
        "",
        "| adapters | base in 16 bits (float32 here) | base in 4 bits (NF4) | as many whole copies |",
        "|---|---|---|---|",
    ]
    served = [LoadedBase(find_base("lab-base"), detect_device(), quantized) for quantized in (None, QLoRA(bits=4))]
    alone = [held(base) for base in served]
    each = []
    for number in range(ADAPTERS + 1):
        sizes = [held(base) for base in served]
        each.append([size - base for size, base in zip(sizes, alone, strict=True)])
        if number in (0, 1, 2, 4, 8):
            copies = readable(max(1, number) * alone[0])
            lines.append(f"| {number} | {readable(sizes[0])} | {readable(sizes[1])} | {copies} |")
        if number < ADAPTERS:
            for base in served:
                base.attach(f"number {number}", adapters[number])
    one = each[1]
    exact = all(more == [number * size for size in one] for number, more in enumerate(each))
    share = f"{100 * one[0] / alone[0]:.1f} %"
    return [
        *lines,
        "",
        f"One adapter: {one[0]:,} bytes, {share} of the base. n adapters are one base and exactly n times that: "
        f"**{'yes, to the byte' if exact else 'NO'}**.",
        "",
    ]


def held(base: LoadedBase) -> int:
    """Bytes of every storage of the model, each once."""
    return storage_bytes(tensor for tensors in model_tensors(base.model).values() for tensor in tensors)


def mixing(folder: Path, steps: int, rounds: int) -> list[str]:
    """Sixteen prompts for three tuned adapters and the base: in one batch, a batch an adapter, one by one; in turns."""
    library = Adapters(folder=folder / "library")
    for number, name in enumerate(("first", "second", "third")):
        library.add(lab.tune(LoRA(), out=folder / name, max_steps=steps, score_examples=0, seed=number), name)
    prompts = [
        f"Message: order {10480 + n} is {('late', 'broken', 'wrong', 'lost')[n % 4]}!\nRecord: " for n in range(16)
    ]
    names = ["first", "__base__", "second", "third"] * 4
    answers: dict[str, list[str]] = {}

    def mixed() -> None:
        answers["mixed"] = library.generate(prompts, names, 40)

    def grouped() -> None:
        found: dict[int, str] = {}
        for name in dict.fromkeys(names):
            rows = [row for row, other in enumerate(names) if other == name]
            found |= dict(zip(rows, library.generate([prompts[row] for row in rows], name, 40), strict=True))
        answers["grouped"] = [found[row] for row in range(len(names))]

    def alone() -> None:
        answers["alone"] = [library.generate(prompt, name, 40) for prompt, name in zip(prompts, names, strict=True)]

    ways = {"one batch, mixed": mixed, "a batch for each adapter": grouped, "one by one": alone}
    mixed()  # everything is loaded
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, work in ways.items():
            times[way].append(seconds(work))
    middle = {way: statistics.median(found) for way, found in times.items()}
    same = answers["mixed"] == answers["grouped"] == answers["alone"]
    return [
        "## A batch with an adapter for each prompt",
        "",
        f"16 prompts for three adapters of `lab-base`, tuned for {steps} steps, and the base; "
        "up to 40 new tokens each.",
        "",
        "| way | seconds, median | times the mixed batch |",
        "|---|---|---|",
        *(f"| {way} | {middle[way]:.2f} | {middle[way] / middle['one batch, mixed']:.2f} |" for way in ways),
        "",
        f"The same answers, to the token, each way: **{'yes' if same else 'NO'}**; "
        f"{len(set(answers['mixed']))} different ones.",
    ]


if __name__ == "__main__":
    main()
