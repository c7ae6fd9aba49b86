"""Writes the shipped adapters: `python data/build/make_adapters.py [NAME ...] [--steps N] [--check]`.

Three customers of one help desk get the same messages and want other answers (finetune_lab/data/customers.py); each has
an adapter on lab-base, tuned by the package's own `tune`. The same seed gives the same data: `--check` compares it with
what the cards name. A tune gives the same numbers on the same machine and versions only; one takes half an hour of
a CPU core, minutes on a GPU.
"""

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

from make_tickets import DATA, Row, Unseen, as_lines, clean_rows, facts_about
from ship_adapter import ship
from ticket_messages import Message
from ticket_records import INTENTS, record

import finetune_lab as lab
from finetune_lab.data.customers import CUSTOMERS, answered, digest
from finetune_lab.data.records import Example
from finetune_lab.events import Event, Stepped
from finetune_lab.tuning.run import Run

ADAPTERS = DATA / "adapters"
DATA_SETS = {name.removeprefix("tickets-"): name for name in CUSTOMERS}
MORE_MESSAGES = 9000  # to train on, besides the 3000 of tickets
STEPS, SEED = 2500, 0
LEARNING_RATE = {"billing": 5e-3, "logistics": 5e-3, "support-desk": 3e-3}
Examples = tuple[Example, ...]


def messages(seed: int) -> Examples:
    """Those that `tickets` trains on and many more of the same make, shuffled, with their records.

    No message and no template instance of the new ones is in any split of tickets, and none has a core phrasing that
    tickets keeps from training.
    """
    splits = clean_rows(seed)
    unseen = Unseen()
    for row in (row for rows in splits.values() for row in rows):
        text = row["prompt"].removeprefix("Message: ").removesuffix("\nRecord: ")
        unseen.add(Message(text, row["instance"]))
    random_ = random.Random(f"adapters train {seed}")
    rows = splits["train"] + [new_row(number, unseen, random_) for number in range(MORE_MESSAGES)]
    random_.shuffle(rows)
    return tuple(Example(row["prompt"], row["completion"]) for row in rows)


def new_row(number: int, unseen: Unseen, random_: random.Random) -> Row:
    facts = facts_about(INTENTS[number % len(INTENTS)], random_)
    drawn = unseen.draw(facts, random_, "train")
    return {"prompt": f"Message: {drawn.text}\nRecord: ", "completion": record(facts), "instance": drawn.instance}


def difference(name: str, train: Examples) -> str:
    """What is wrong with the data that the adapter's card names; nothing where it is this data."""
    card = ADAPTERS / name / "card.json"
    if not card.is_file():
        return f"{card} is missing\n"
    same = json.loads(card.read_bytes())["data_sha256"] == digest(train)
    return "" if same else f"{card} names other training data than this script builds\n"


def tuned(name: str, train: Examples, steps: int, folder: Path) -> Run:
    """A tune on the data, in a run folder under `folder`."""
    file = folder / "train.jsonl"
    file.write_bytes(as_lines([{"prompt": one.prompt, "completion": one.completion} for one in train]))

    def tell(event: Event) -> None:
        if isinstance(event, Stepped) and event.step % 50 == 0:
            print(f"{name}: step {event.step} of {steps}, loss {event.loss:.3f}", file=sys.stderr)

    return lab.tune(
        lab.LoRA(r=8, lora_alpha=16),
        data=str(file),
        eval_data=str(DATA / "tickets" / "validation.jsonl"),  # unused: what is shipped is judged, as it is shipped
        eval_examples=1,
        score_examples=0,
        max_steps=steps,
        learning_rate=LEARNING_RATE[name],
        lr_scheduler_type="cosine",
        seed=SEED,
        out=folder / "run",
        on_event=tell,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which of {', '.join(DATA_SETS)}; all without it")
    parser.add_argument("--check", action="store_true", help="compare the data with the cards, tune nothing")
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    names = arguments.names or list(DATA_SETS)
    if unknown := set(names) - set(DATA_SETS):
        parser.error(f"there is no adapter {', '.join(sorted(unknown))}")
    rows = messages(SEED)
    data = {name: answered(rows, DATA_SETS[name]) for name in names}
    if arguments.check:
        wrong = "".join(difference(name, train) for name, train in data.items())
        print(f"compared the data of {len(names)} adapters, {len(rows)} messages each")
        print(wrong, file=sys.stderr, end="")
        return 1 if wrong else 0
    for name, train in data.items():
        with tempfile.TemporaryDirectory() as made:
            run = tuned(name, train, arguments.steps, Path(made))
            ship(run, ADAPTERS / name, DATA_SETS[name], train)
    return 0


if __name__ == "__main__":
    sys.exit(main())
