"""A class of thirty for the tests: what they hand in is good, wrong, copied, edited, late, hostile, or unreadable."""

import atexit
import csv
import io
import json
import os
import random
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from pathlib import Path

from finetune_lab.classroom.submission import Answered, Attempt, seals
from finetune_lab.classroom.writing import write_submission
from finetune_lab.quiz.loading import load_bank
from finetune_lab.quiz.quantities import quantity_number
from finetune_lab.quiz.variants import values_for
from finetune_lab.resources import shipped

DUE = datetime(2026, 11, 25, 12, tzinfo=UTC)
COURSE = "ml-101"
CANARY = "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>"
LABELS = {"pass": 0.9, "partial": 0.6, "not_yet": 0.2}


def students():
    """Thirty ids: most plain, one like a formula, one of HTML, one with letters of everywhere."""
    plain = [f"s{number:02}@example.org" for number in range(27)]
    return [*plain, '=HYPERLINK("http://x","y")', CANARY[:60], "Zoë O'Neill-山田"]


def canvas_roster(names=None):
    """The roster as Canvas exports a gradebook."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Old quiz (77)"])
    writer.writerow(["    Points Possible", "", "", "", "", "10"])
    for number, student in enumerate(names or students()):
        writer.writerow([f"Last{number}, First{number}", 1000 + number, f"U{number}", student, "Lab A", 3])
    writer.writerow(["Student, Test", 9999, "", "", "Lab A", ""])
    return out.getvalue()


def texts(question):
    """Answers that people wrote for the source's questions, and what each is worth."""
    lines = shipped("quizzes", "answers", f"{question}.jsonl").read_text("utf-8").splitlines()
    before = takewhile(lambda one: one["split"] != "eighth", map(json.loads, lines))  # whatever is added
    return [(one["answer"], one["label"]) for one in before if one["label"] in LABELS]


def answers_of(ability, chance):
    """One student's answers to the lesson, right about as often as `ability` says; the seed of variants is ''."""
    given = []
    for number, question in enumerate(load_bank("lesson").questions):
        at = DUE - timedelta(hours=2, minutes=-number, seconds=chance.randrange(50))
        tries = [_answer(question, chance.random() < ability, chance) for _ in range(chance.choice([1, 1, 2]))]
        if tries[0] is not None:
            attempts = tuple(Attempt(one, at + timedelta(seconds=9 * n)) for n, one in enumerate(tries))
            given.append(Answered("lesson", question.id, attempts))
    return given


def _answer(question, right, chance):
    if question.kind == "text":
        if question.id not in {"checkpoint-full", "checkpoint-adapters", "checkpoint-lora", "checkpoint-qlora"}:
            return "I don't know"
        return chance.choice([text for text, label in texts(question.id) if (label == "pass") == right])
    if question.choices:
        good = [one.id for one in question.choices if one.correct] or [question.choices[0].id]
        bad = [one.id for one in question.choices if not one.correct] or [question.choices[-1].id]
        return good if right else [chance.choice(bad)]
    return _right_number(question) if right else chance.choice([4.5, 16, 65536])


def _right_number(question):
    """The key of the seed that names nobody; what asks for a run can't be known here."""
    if question.number.value is not None:
        return question.number.value
    return 1 if question.id.startswith("run-") else quantity_number(question.number.quantity, values_for(question, ""))


def run_of(method, chance):
    """A run as a submission holds it, with figures that go together."""
    first = 4 + chance.random()
    losses = [round(first * 0.97**step, 4) for step in range(40)]
    trained, memory = {"full": (5_870_000, 95e6), "lora": (243_000, 40e6), "qlora": (243_000, 25e6)}[method]
    measured = {
        "base_weights": int(memory / 3),
        "gradients": 4 * trained,
        "optimizer": 8 * trained,
        "quantization_state": 400_000,
        "activations": int(memory / 4),
        "peak": int(memory * (1 + chance.random() / 9)),
    }
    rank = None if method == "full" else 8
    return {
        "method": {"method": method, **({"r": 8, "lora_alpha": 16} if rank else {})},
        "config": {"max_steps": 40, "seed": 0, "data": "tickets", "model": "lab-base"}, "started": "",
        "machine": "test", "versions": {"torch": "2.13.0"},
        "summary": {
            "method": method, "rank": rank, "alpha": rank and 16, "steps": 40, "loss_first": losses[0],
            "loss_last": losses[-1], "eval_loss_before": first, "eval_loss_after": round(losses[-1] + 0.1, 4),
            "trainable_parameters": trained, "total_parameters": 5_870_000, "seconds": 20 + chance.randrange(900) / 100,
            "tokens_per_second": 1500.0, "memory": {"predicted": measured, "measured": measured}, "status": "finished",
        },
        "curve": {"steps": list(range(1, 41)), "losses": losses},
        "hashes": {"events.jsonl": f"{chance.getrandbits(256):064x}"},
    }  # fmt: skip


UNREADABLE = ["20.json", "21.json", "22.json", "23.ipynb", "24.json", "25.json"]


def hand_in_all(folder):
    """Put the class's files into a new folder. Returns the names of those that can't be read."""
    shutil.copytree(_made(), folder, symlinks=True)  # with their times
    return UNREADABLE


@lru_cache(maxsize=1)
def _made():
    """The files, written once."""
    folder = Path(tempfile.mkdtemp(prefix="class-of-thirty-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    chance = random.Random(0)
    for number, student in enumerate(students()):
        path = folder / f"{number:02}.json"
        write_submission(path, student, COURSE, answers_of(0.25 + number / 40, chance))
        data = json.loads(path.read_text("utf-8"))
        data["created"] = (DUE - timedelta(minutes=30)).isoformat()
        data["runs"] = [run_of(method, chance) for method in ("full", "lora", "qlora")[: number % 4]]
        data["seals"] = seals(data)
        _store(path, data, DUE + timedelta(hours=30 if number in (3, 4) else -1))
    _spoil(folder)
    return folder


def _store(path, data, at):
    path.write_text(json.dumps(data), encoding="utf-8")
    os.utime(path, (at.timestamp(),) * 2)


def _spoil(folder):
    """Make some of them what an instructor meets; six of the thirty can't be read in the end."""
    for number in (10, 11, 12):  # one text, hardly changed
        _say(
            folder / f"{number}.json",
            "checkpoint-full",
            COPIED.replace("really", ["really", "truly", "really"][number - 10]),
        )
    for number in (13, 14, 15, 16):  # so long that a person reads them
        _say(folder / f"{number}.json", "checkpoint-qlora", unread(number - 13))
    _say(folder / "28.json", "checkpoint-lora", CANARY)
    _say(folder / "27.json", "checkpoint-lora", "=cmd|' /C calc'!A0")
    edited = json.loads((folder / "05.json").read_text("utf-8"))
    edited["answers"][0]["attempts"][0]["answer"] = ["fewer-parameters"]
    (folder / "05.json").write_text(json.dumps(edited), encoding="utf-8")
    stolen = (folder / "06.json").read_text("utf-8").replace("s06@", "s07@")
    (folder / "07.json").write_text(stolen, encoding="utf-8")
    whole = (folder / "20.json").read_bytes()
    (folder / "20.json").write_bytes(whole[: len(whole) // 2])
    (folder / "21.json").write_text("[" * 5000, encoding="utf-8")
    (folder / "22.json").write_text('{"kind": NaN}', encoding="utf-8")
    (folder / "23.json").rename(folder / "23.ipynb")
    (folder / "24.json").unlink()
    (folder / "24.json").symlink_to("/etc/hostname")
    (folder / "25.json").write_text(whole.decode().replace('"format": 1', '"format": 99'), encoding="utf-8")


COPIED = (
    "In full fine-tuning we really update each and every weight of the pretrained base network by gradient descent, "
    "and so the optimizer must keep two more numbers for every one of them while the training goes on."
)
UNREAD = [
    "The quantized behemoth slumbers inside the vault while its adapters dance around the fortress, squeezing memory "
    "budgets through clever bookkeeping wizardry nobody fully anticipated beforehand.",
    "The quantized behemoth slumbers inside the vault while its adapters dance around the fortress, squeezing memory "
    "budgets by clever bookkeeping wizardry that nobody anticipated.",
    "Honestly the quantized behemoth slumbers inside the vault, and adapters dance around the fortress, squeezing "
    "memory budgets through bookkeeping wizardry nobody anticipated.",
    "Picture a librarian photocopying microfilm catalogues: base weights shrink onto slides, adapters scribble "
    "marginalia afterwards, thereby memory shelves gain breathing room for newcomers.",
]


def _say(path, question, text):
    data = json.loads(path.read_text("utf-8"))
    kept = [one for one in data["answers"] if one["question"] != question]
    at = (DUE - timedelta(hours=2)).isoformat(timespec="seconds")
    kept.append({"bank": "lesson", "question": question, "attempts": [{"answer": text, "at": at}]})
    data["answers"] = kept
    data["seals"] = seals(data)
    _store(path, data, DUE - timedelta(hours=1))


def unread(number):
    """A text for a person: longer than the grader reads."""
    return " ".join([UNREAD[number]] * 30)
