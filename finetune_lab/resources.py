"""Where shipped files lie: data, lessons and quizzes, in a checkout or in the installed package. No torch."""

from pathlib import Path

from finetune_lab.errors import UnavailableError

PACKAGE = Path(__file__).resolve().parent


def shipped(*parts: str) -> Path:
    """The shipped file or folder of that name, e.g. `shipped("data", "tickets", "train.jsonl")`.

    Looks in the checkout first (the folder above the package, when it holds pyproject.toml and data/), then in the
    package, where the wheel puts the same folders under `_shipped`.

    Raises:
        UnavailableError: it is in neither; the places are listed.
    """
    checkout = PACKAGE.parent
    is_checkout = (checkout / "pyproject.toml").is_file() and (checkout / "data").is_dir()
    roots = [checkout, PACKAGE / "_shipped"] if is_checkout else [PACKAGE / "_shipped"]
    places = [root.joinpath(*parts) for root in roots]
    for place in places:
        if place.exists():
            return place
    looked = " and ".join(str(place) for place in places)
    raise UnavailableError(
        f"The shipped {'/'.join(parts)} is missing; looked at {looked}.",
        "Install finetune-lab again, or work in a complete checkout.",
    )
