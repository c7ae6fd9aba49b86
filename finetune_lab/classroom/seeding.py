"""The course's secret, and from it each student's seed, which chooses the student's variants."""

import csv
import hashlib
import hmac
import io
import os
import secrets
from pathlib import Path

from finetune_lab.classroom.cells import cell
from finetune_lab.classroom.faults import ClassError
from finetune_lab.classroom.submission import student_id

SHORTEST_SECRET = 16  # characters


def student_seed(secret: str, course: str, student: str) -> str:
    """The seed of a student's variants: nobody can work it out without the course's secret."""
    return hmac.new(secret.encode(), f"{course}\x00{student}".encode(), hashlib.sha256).hexdigest()[:16]


def read_secret(path: Path) -> str:
    """The secret in a file.

    Raises:
        ClassError: it can't be read, or could be guessed.
    """
    try:
        found = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ClassError(f"{path} can't be read: {error}.", "Make one with finetune-lab class init.") from error
    if len(found) < SHORTEST_SECRET:
        raise ClassError(f"{path} holds fewer than {SHORTEST_SECRET} characters.", "Make one: finetune-lab class init.")
    return found


def make_secret(path: Path) -> None:
    """Write a new secret that only its owner can read; one that is there is never replaced.

    Raises:
        ClassError: the file is there already, or can't be written.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
    except FileExistsError as error:
        what = f"{path} is there already; with another secret, students would get other variants."
        raise ClassError(what, "Keep it, or choose another name.") from error
    except OSError as error:
        raise ClassError(f"{path} can't be written: {error.strerror}.", "Choose another place.") from error


def seed_table(roster: Path, column: str, course: str, secret: str) -> str:
    """A CSV table `student_id,seed` for the students of a roster, in its order.

    Raises:
        ClassError: the roster can't be read, has no such column, or names nobody.
    """
    try:
        reader = csv.DictReader(io.StringIO(roster.read_text(encoding="utf-8-sig")), restval="")
        names, students = list(reader.fieldnames or ()), [student_id(row.get(column) or "") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ClassError(f"{roster} can't be read: {error}.", "Save it as CSV in UTF-8.") from error
    if column not in names:
        raise ClassError(f"{roster} has no column {column!r}.", f"Name one with --column: {', '.join(names)}.")
    known = list(dict.fromkeys(one for one in students if one))
    if not known:
        raise ClassError(f"{roster} names no student in its column {column!r}.", "Name another column with --column.")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("student_id", "seed"))
    writer.writerows((cell(one), student_seed(secret, course, one)) for one in known)
    return out.getvalue()
