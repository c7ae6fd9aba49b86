"""`finetune-lab`: thin commands. What is slow to import is imported when a command runs.

Standard output holds the product only: the table, or with --json one object a line. All else goes to standard error.
Exit status: 0, 1 where a tune diverged, 2 after an error, 130 where Ctrl-C stopped it.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Annotated, Any, TextIO, cast

import typer

from finetune_lab.cli.adapters import adapters
from finetune_lab.cli.asked import asked
from finetune_lab.cli.classes import classes, submit
from finetune_lab.cli.lessons import lessons
from finetune_lab.cli.options import OPTION_OF, in_options, takes_settings
from finetune_lab.cli.plan import plan
from finetune_lab.cli.quiz import quiz
from finetune_lab.errors import ConfigError, LabError

app = typer.Typer(
    help="Full, LoRA and QLoRA fine-tuning, run for real and measured.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
# click's, which newer versions of typer carry in themselves; BadParameter is one, and shows messages as all do
UsageError = cast(type[typer.BadParameter], typer.BadParameter.__base__)
UNFAIR = "one rate for all methods is unfair: each has one that suits it"

AsJson = Annotated[bool, typer.Option("--json", help="print nothing but JSON on standard output")]
MethodName = Annotated[str | None, typer.Option("--method", help="full, lora or qlora (default lora)")]
MethodNames = Annotated[str, typer.Option("--methods", help="which, with commas between")]
RunOut = Annotated[Path | None, typer.Option("--out", help="run folder to make (default runs/DATE-METHOD)")]
FolderOut = Annotated[Path | None, typer.Option("--out", help="folder for the run folders (default runs/DATE-compare)")]
Resume = Annotated[Path | None, typer.Option("--resume", help="run folder to go on with, as it was configured")]


@app.command()
def doctor(*, as_json: AsJson = False) -> int:
    """Say what this machine can run, and why: every operation is tried."""
    with product_only() as product:
        from finetune_lab.cli.ending import json_line
        from finetune_lab.diagnosis import doctor as diagnose

        print("Trying each operation", file=sys.stderr)
        found = diagnose()
        print(json_line(found.to_dict()) if as_json else repr(found), file=product)
    return 0


@app.command()
@takes_settings()
def tune(
    *,
    method: MethodName = None,
    out: RunOut = None,
    resume: Resume = None,
    as_json: AsJson = False,
    **settings: Any,
) -> int:
    """Fine-tune a base model by one method."""
    given = {name: value for name, value in settings.items() if value is not None}
    if resume is not None:
        refuse_changes({"--method": method, "--out": out, **{OPTION_OF[name]: value for name, value in given.items()}})
    methods, config = asked([method or "lora"], given)
    with product_only() as product:
        from finetune_lab.cli.ending import end_of_tune
        from finetune_lab.cli.running import go_on, run_tune

        run = run_tune(methods[0], config, out) if resume is None else go_on(resume)
        return end_of_tune(run, product, as_json=as_json)


@app.command()
@takes_settings({"learning_rate": UNFAIR})
def compare(
    *, methods: MethodNames = "full,lora,qlora", out: FolderOut = None, as_json: AsJson = False, **settings: Any
) -> int:
    """Fine-tune by several methods: same data, order, seed and steps, each at its own learning rate."""
    names = [name.strip() for name in methods.split(",") if name.strip()]
    chosen, config = asked(names, {name: value for name, value in settings.items() if value is not None})
    with product_only() as product:
        from finetune_lab.cli.ending import end_of_comparison
        from finetune_lab.cli.running import run_comparison

        race = run_comparison(chosen, config, out, product if as_json else None)
        return end_of_comparison(race, product, as_json=as_json)


app.command()(lessons)
app.command()(plan)
app.command()(submit)
app.add_typer(quiz, name="quiz")
app.add_typer(classes, name="class")
app.add_typer(adapters, name="adapters")


@contextmanager
def product_only() -> Iterator[TextIO]:
    """Standard output for the product, while whatever else is printed, by any library, goes to standard error."""
    product = sys.stdout
    with redirect_stdout(sys.stderr):
        yield product


def refuse_changes(options: dict[str, Any]) -> None:
    """A resumed run keeps all of its settings."""
    changed = [option for option, value in options.items() if value is not None]
    if changed:
        what = f"A resumed run keeps its settings: {', '.join(changed)} can't be given with --resume."
        raise ConfigError(what, "Leave them out, or start a new run.")


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status; errors that users can cause are one line, without traceback."""
    try:
        status = app(list(arguments) or ["--help"], prog_name="finetune-lab", standalone_mode=False)
    except LabError as error:
        print(f"error: {in_options(str(error))}", file=sys.stderr)
        return 2
    except UsageError as error:
        print(f"error: {error.format_message().rstrip('.')}. See finetune-lab --help.", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, typer.Abort):
        return 130
    return int(status or 0)


def main() -> None:
    """The command line, from `sys.argv` to the exit status."""
    sys.exit(run(sys.argv[1:]))
