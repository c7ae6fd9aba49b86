"""Who is in the class: a roster as Canvas or Moodle export it, or a plain table, recognised by its columns."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

from finetune_lab.classroom.cells import edited_table, kept_cell, uncelled
from finetune_lab.classroom.faults import ClassError, printable
from finetune_lab.classroom.sheets import Sheet, read_sheet
from finetune_lab.classroom.submission import student_id
from finetune_lab.errors import listed

LONGEST_ID = 200


@dataclass(frozen=True)
class Person:
    """A student of the roster. What the learning platform calls the student is kept for the way back."""

    student_id: str
    last_name: str = ""
    first_name: str = ""
    email: str = ""
    section: str = ""
    lms_id: str = ""  # Canvas: ID
    id_number: str = ""  # Canvas: SIS User ID; Moodle: ID number
    username: str = ""  # Canvas: SIS Login ID; Moodle: Username


FIELDS = tuple(item.name for item in fields(Person))
# A column's name in lower case, with spaces for signs -> the field. `name` is both names in one.
COLUMNS = {
    **{name.replace("_", " "): name for name in FIELDS},
    "student": "name", "name": "name", "full name": "name",
    "surname": "last_name", "family name": "last_name", "given name": "first_name", "forename": "first_name",
    "email address": "email", "e mail": "email", "e mail address": "email", "mail": "email",
    "groups": "section", "group": "section",
    "sis user id": "id_number", "matriculation number": "id_number",
    "sis login id": "username", "login": "username", "login id": "username", "user name": "username",
}  # fmt: skip
CANVAS = {"student", "id", "section"}
MOODLE = {"first name", "email address"}
KNOWN_BY = ("student_id", "username", "email", "id_number", "lms_id")  # what may serve as the id, the best first
NOBODY = ("points possible", "student, test", "test student")  # rows of a Canvas export that are no students


@dataclass(frozen=True)
class Roster:
    """The students in the order of the table, where it came from, and which column their ids are from."""

    people: tuple[Person, ...]
    kind: str  # Canvas, Moodle or plain
    column: str

    def to_csv(self) -> str:
        """The roster as the other commands read it; a spreadsheet runs no cell, and changes no id when it saves it."""
        return edited_table(FIELDS, ([kept_cell(text) for text in astuple(one)] for one in self.people))


def read_roster(path: Path, column: str | None = None) -> Roster:
    """The students of a table.

    Args:
        path: CSV, as Canvas exports the gradebook, as Moodle exports grades or participants, or plain.
        column: the one that holds the ids; without it student_id, the login, the e-mail, or a number, as there is.

    Raises:
        ClassError: it can't be read, has no column of ids, names nobody or has faults; all are listed with their lines.
    """
    sheet = read_sheet(path)
    named = {name: _field(name, sheet) for name in sheet.columns}
    rows = [(line, row) for line, row in sheet.rows if not _is_nobody(row, named)]
    wanted = column or _id_column(named, [row for _, row in rows])
    if wanted is None or wanted not in sheet.columns:
        what = f"{path} has no column {column!r}." if column else f"{path} has no column of ids."
        raise ClassError(what, f"Name one with --column: {', '.join(printable(name, 40) for name in sheet.columns)}.")
    people: dict[str, Person] = {}
    faults = []
    for line, row in rows:
        person = _person(row, named, wanted)
        known = people.setdefault(person.student_id, person)
        if fault := _fault(person, known):
            faults.append(f"line {line}: {fault}.")
    if faults:
        raise ClassError(f"{path} can't be used: {listed(faults[:50])}", "Mend these lines, or name another --column.")
    if not people:
        raise ClassError(f"{path} names no student in its column {wanted!r}.", "Name another column with --column.")
    return Roster(tuple(people.values()), _kind(sheet), wanted)


def newcomers(old: Sequence[Person], new: Sequence[Person]) -> tuple[list[str], list[str]]:
    """The ids that only the new roster has, and those that only the old one had."""
    before, now = ([one.student_id for one in people] for people in (old, new))
    return [one for one in now if one not in before], [one for one in before if one not in now]


def _plain(name: str) -> str:
    return " ".join("".join(letter if letter.isalnum() else " " for letter in name.casefold()).split())


def _kind(sheet: Sheet) -> str:
    names = {_plain(name) for name in sheet.columns}
    return "Canvas" if names >= CANVAS else "Moodle" if names >= MOODLE else "plain"


def _field(name: str, sheet: Sheet) -> str:
    """What a column is for. `ID` is Canvas's own number there, and the student's id in a plain table."""
    if _plain(name) == "id":
        return "lms_id" if _kind(sheet) == "Canvas" else "student_id"
    return COLUMNS.get(_plain(name), "")


def _is_nobody(row: dict[str, str], named: dict[str, str]) -> bool:
    return any(row[name].casefold().startswith(NOBODY) for name, field in named.items() if field == "name")


def _id_column(named: dict[str, str], rows: list[dict[str, str]]) -> str | None:
    """The one that says so, or the first that has an id for everyone, or for someone: what it lacks is then listed."""
    columns = [name for wanted in KNOWN_BY for name, field in named.items() if field == wanted]
    filled = {name: sum(bool(row[name]) for row in rows) for name in columns}
    said = [name for name in columns if named[name] == "student_id"]
    whole = [name for name in columns if filled[name] == len(rows)]
    return next((name for name in [*said, *whole, *columns] if filled[name]), None)


def _person(row: dict[str, str], named: dict[str, str], wanted: str) -> Person:
    found: dict[str, str] = {}
    for name, field in named.items():
        if field and row[name]:
            found.setdefault(field, uncelled(row[name]))
    last, first = _names(found.pop("name", ""))
    found = {"last_name": last, "first_name": first, **found, "student_id": student_id(uncelled(row[wanted]))}
    return Person(**found)


def _names(written: str) -> tuple[str, str]:
    """Last and first name of `Last, First`, as Canvas has it, or of `First Last`."""
    if "," in written:
        last, _, first = written.partition(",")
        return last.strip(), first.strip()
    first, _, last = written.rpartition(" ")
    return last.strip(), first.strip()


def _fault(person: Person, known: Person) -> str | None:
    if not person.student_id:
        return "there is no id"
    if len(person.student_id) > LONGEST_ID or not person.student_id.isprintable():
        return f"{printable(person.student_id, 40)!r} is no id"
    if replace(person, section="") != replace(known, section=""):
        return f"the id {printable(person.student_id, 60)!r} is another student's too"
    return None
