"""The course's file, course.toml: its id, its secret, its bank, its roster and its late policy, for all commands."""

import json
import os
import secrets
import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from finetune_lab.classroom.faults import ClassError, printable
from finetune_lab.classroom.format import NAME
from finetune_lab.classroom.late import LatePolicy, due_time, zone_named
from finetune_lab.classroom.roster import Person, Roster, newcomers, read_roster
from finetune_lab.classroom.storing import replace_text
from finetune_lab.errors import listed
from finetune_lab.quiz.schema import faults_of

SHORTEST_SECRET = 16  # characters
LARGEST = 1_000_000  # bytes
TEXT = {"type": "string", "minLength": 1, "maxLength": 500}
LATE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["due"],
    "properties": {
        "due": TEXT,
        "percent_a_day": {"type": "number", "minimum": 0, "maximum": 100},
        "days": {"type": "integer", "minimum": 0, "maximum": 1000},
        "grace_minutes": {"type": "number", "minimum": 0, "maximum": 100_000},
    },
}
COURSE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["course", "secret"],
    "properties": {
        "course": NAME, "secret": {**TEXT, "minLength": SHORTEST_SECRET}, "roster": TEXT, "bank": TEXT, "zone": TEXT,
        "late": LATE, "seeds": {"type": "boolean"},
    },
}  # fmt: skip
TEMPLATE = """\
# Made by finetune-lab class init. Keep this file to yourself: from the secret come every student's numbers.
course = {course}
secret = {secret}
{roster}seeds = false                   # true when you have given the students their seeds: class assign

# What you may add; take the # away.
# bank = "mine.toml"            # your own copy of the questions; without it, the shipped lesson
# zone = "Europe/Berlin"        # for times without a zone of their own, such as those in a ZIP archive

# [late]
# due = 2026-11-25T23:59:00     # in the zone above
# grace_minutes = 15            # later than due, and yet not late
# percent_a_day = 10            # of the marks, for each day begun
# days = 3                      # late days that each student may spend first
"""


@dataclass(frozen=True)
class Course:
    """A course as its file says; `people` is empty where it has no roster."""

    id: str
    secret: str | None = None
    seeds: bool = False  # students were given seeds: their numbers come from the secret, whatever a file names
    people: tuple[Person, ...] = ()
    bank: str | None = None  # a file, or a shipped bank's name
    zone: str | None = None
    late: LatePolicy = LatePolicy()  # noqa: RUF009 - frozen

    def __repr__(self) -> str:  # never the secret
        return f"Course({self.id!r}, {len(self.people)} students)"


def make_course(path: Path, course: str, roster: Roster | None) -> None:
    """Write a new course's file, which only its owner can read, and its roster beside it.

    Raises:
        ClassError: the file is there already, the id is none, or it can't be written.
    """
    if faults := [fault for _, fault in faults_of(course, NAME)]:
        raise ClassError(f"{course!r:.60} is no id of a course: {listed(faults)}.", "Choose a short one, as ml-101.")
    people = path.with_name(f"{path.stem}.roster.csv")
    text = TEMPLATE.format(
        course=json.dumps(course, ensure_ascii=False), secret=json.dumps(secrets.token_urlsafe(32)),
        roster=f"roster = {json.dumps(people.name)}\n" if roster else "# roster = \"roster.csv\"\n",
    )  # fmt: skip
    if roster and people.exists():
        raise ClassError(f"{people} is there already.", "Move it away: the course's own roster is written there.")
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        what = f"{path} is there already; with another secret, students would get other variants."
        raise ClassError(what, "Keep it; a new roster alone is given with --roster.") from error
    except OSError as error:
        raise ClassError(f"{path} can't be written: {error.strerror}.", "Choose another place.") from error
    if roster:
        replace_text(people, roster.to_csv())


def renew_roster(path: Path, course: str, roster: Roster) -> tuple[list[str], list[str]]:
    """Put a new roster in the place of an old one; the secret stays. Returns who is new and who is gone.

    Raises:
        ClassError: the file is another course's, or has no place for a roster.
    """
    data = _data(path)
    if data["course"] != course:
        raise ClassError(f"{path} is of the course {data['course']!r}.", "Choose another file with --out.")
    if "roster" not in data:
        raise ClassError(f"{path} names no roster.", 'Add the line: roster = "roster.csv"')
    place = path.parent / data["roster"]
    old = read_roster(place, "student_id").people if place.exists() else ()
    replace_text(place, roster.to_csv())
    return newcomers(old, roster.people)


def read_course(path: Path) -> Course:
    """The course that a file describes; what it names lies where the file lies.

    Raises:
        ClassError: it can't be read, or has faults; all are listed.
    """
    data = _data(path)
    zone = data.get("zone")
    zone_named(zone)
    late = data.get("late", {})
    policy = LatePolicy(
        due_time(late.get("due"), zone), late.get("percent_a_day", 0), late.get("days", 0),
        timedelta(minutes=late.get("grace_minutes", 0)),
    )  # fmt: skip
    people = read_roster(path.parent / data["roster"], "student_id").people if "roster" in data else ()
    bank = data.get("bank")
    if bank and (Path(bank).suffix or (path.parent / bank).exists()):
        bank = str(path.parent / bank)
    return Course(data["course"].strip(), data["secret"], data.get("seeds", False), people, bank, zone, policy)


def _data(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            raise ClassError(f"{path} has over {LARGEST:,} bytes.", "Name the course's own file.")
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ClassError(f"{path} can't be read: {error.strerror}.", "Make one: finetune-lab class init.") from error
    except (ValueError, RecursionError) as error:
        raise ClassError(f"{path} is no TOML in UTF-8: {error}.", "Mend this place.") from error
    late = data.get("late")
    if isinstance(late, dict) and isinstance(late.get("due"), datetime):  # TOML has times of its own
        late["due"] = late["due"].isoformat()
    faults = [
        printable(f"{'.'.join(map(str, place)) or 'the file'}: {fault}.", 300)
        for place, fault in faults_of(data, COURSE)
    ]
    if faults:
        raise ClassError(f"{path} can't be used: {listed(faults[:50])}", "Mend these places.")
    return data
