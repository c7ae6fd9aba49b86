"""`finetune-lab quiz`: grade a file of answers, check a bank, try a rubric, move banks from and to other tools."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from finetune_lab.quiz.agreement import Labelled, agreement, read_labelled, table
from finetune_lab.quiz.answers_file import LineError, grade_file
from finetune_lab.quiz.bank import BankError
from finetune_lab.quiz.exchange.gift import to_gift
from finetune_lab.quiz.exchange.jupyterquiz import from_jupyterquiz, to_jupyterquiz
from finetune_lab.quiz.exchange.text2qti import to_text2qti
from finetune_lab.quiz.grading import Learner, grade
from finetune_lab.quiz.loading import load_bank
from finetune_lab.quiz.verdict import Grade
from finetune_lab.resources import shipped

quiz = typer.Typer(
    help="Questions: grade answers, check a bank, try a rubric, import and export.", no_args_is_help=True
)
WRITERS = {"gift": to_gift, "text2qti": to_text2qti, "jupyterquiz": to_jupyterquiz}

BankNames = Annotated[
    list[str] | None, typer.Option("--bank", help="a bank's name or TOML file; again for more (default lesson)")
]
BankName = Annotated[str, typer.Argument(help="a bank's name, such as lesson, or a TOML file")]
Seed = Annotated[str, typer.Option("--seed", help="chooses the variants; a line's own seed comes first")]


@quiz.command("grade")
def grade_answers(
    *,
    answers: Annotated[
        Path, typer.Option("--answers", help='JSON lines: {"question": id, "answer": text, ids or number}')
    ],
    bank: BankNames = None,
    run: Annotated[
        list[Path] | None, typer.Option("--run", help="run folder that own-run questions speak of; again for more")
    ] = None,
    seed: Seed = "",
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object for each answer")] = False,
) -> int:
    """Grade answers: a line with verdict, score and reasons for each."""
    banks = [load_bank(name) for name in bank or ["lesson"]]
    learner = Learner(seed, tuple(summary_of(folder) for folder in run or []))
    for result in grade_file(answers, banks, learner):
        print(json.dumps(result.to_dict(), ensure_ascii=False) if as_json else _as_text(result))
    return 0


@quiz.command()
def check(name: BankName = "lesson") -> int:
    """Read a bank and list every fault with its line."""
    bank = load_bank(name)
    kinds = [question.kind for question in bank.questions]
    counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    print(f"{bank.id}: {len(kinds)} questions ({counted}), no faults.")
    return 0


@quiz.command("try")
def try_rubric(
    question: Annotated[str, typer.Argument(help="id of a free-text question")],
    answers: Annotated[Path, typer.Argument(help="a text file with an answer on each line, or JSON lines with labels")],
    *,
    bank: Annotated[str, typer.Option("--bank", help="a bank's name or TOML file")] = "lesson",
) -> int:
    """Grade sample answers and show which rule fired."""
    asked = load_bank(bank)[question]
    pairs: list[tuple[Labelled, Grade]] = []
    for sample in samples(answers):
        result = grade(asked, sample.answer)
        pairs.append((sample, result))
        note = f"   (label: {sample.label})" if sample.label and sample.label != result.verdict else ""
        print(f"{result.verdict:<8} {result.score:.2f}  {sample.answer!r}{note}")
        print("".join(f"                 {rule}\n" for rule in result.fired), end="")
    labelled = [(sample, result) for sample, result in pairs if sample.label]
    if labelled:
        print(agreement(labelled))
    return 0


@quiz.command("agreement")
def show_agreement(
    name: BankName = "lesson",
    *,
    answers: Annotated[
        Path | None, typer.Option("--answers", help="folder of labelled answers, QUESTION.jsonl")
    ] = None,
) -> int:
    """Print how well the free-text grader agrees with labelled answers."""
    print("\n".join(table(load_bank(name), answers or shipped("quizzes", "answers"))))
    return 0


@quiz.command()
def export(
    name: BankName = "lesson",
    *,
    to: Annotated[str, typer.Option("--to", help="gift (Moodle), text2qti (Canvas) or jupyterquiz")],
    out: Annotated[Path | None, typer.Option("--out", help="file to write (default: standard output)")] = None,
    seed: Seed = "",
) -> int:
    """Write a bank for another tool."""
    if to not in WRITERS:
        raise BankError(f"There is no format {to!r}.", f"Choose one of {', '.join(WRITERS)}.")
    text, left_out = WRITERS[to](load_bank(name), seed)
    _write(text, out)
    if left_out:
        print(f"left out, as {to} has no such question: {', '.join(left_out)}", file=sys.stderr)
    return 0


@quiz.command("import")
def import_bank(
    source: Annotated[Path, typer.Argument(help="a jupyterquiz JSON file")],
    *,
    name: Annotated[str, typer.Option("--id", help="id of the new bank")] = "imported",
    title: Annotated[str, typer.Option("--title", help="title of the new bank")] = "Imported questions",
    out: Annotated[Path | None, typer.Option("--out", help="TOML file to write (default: standard output)")] = None,
) -> int:
    """Make a bank from jupyterquiz's JSON."""
    text, problems = from_jupyterquiz(_read(source), name, title)
    _write(text, out)
    for problem in problems:
        print(f"not taken over: {problem}", file=sys.stderr)
    return 0


def samples(path: Path) -> list[Labelled]:
    """Answers from a file of JSON lines with labels, or from plain lines without."""
    try:
        if path.suffix == ".jsonl":
            return read_labelled(path)
        lines = _read(path).splitlines()
    except (TypeError, ValueError) as error:
        what = f"{path} has a line that is no labelled answer: {error}."
        raise BankError(what, "Each line needs id, answer, label, kind and split.") from error
    return [Labelled(str(number), line, "", "", "") for number, line in enumerate(lines, 1) if line.strip()]


def summary_of(folder: Path) -> dict[str, Any]:
    """The summary of a run: of its folder, or of a file that `tune --json` was written to."""
    path = folder / "run.json" if folder.is_dir() else folder
    try:
        saved = json.loads(_read(path))
    except ValueError as error:
        raise BankError(f"{path} is not JSON: {error}.", "Name a run folder.") from error
    found = saved.get("summary", saved) if isinstance(saved, dict) else None
    if not isinstance(found, dict):
        raise BankError(f"{path} holds no summary of a run.", "Name the folder of a run that has ended.")
    return found


def _as_text(result: Grade | LineError) -> str:
    if isinstance(result, LineError):
        return f"line {result.line}: error: {result.error}"
    return "\n".join(
        [f"{result.question}: {result.verdict} ({result.score:.2f})", *(f"    {reason}" for reason in result.reasons)]
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BankError(f"{path} can't be read: {error.strerror}.", "Check the name and its permissions.") from error
    except UnicodeDecodeError as error:
        raise BankError(f"{path} is not UTF-8.", "Save it as UTF-8.") from error


def _write(text: str, out: Path | None) -> None:
    if out is None:
        print(text, end="")
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BankError(f"{out} can't be written: {error.strerror}.", "Choose another place.") from error
