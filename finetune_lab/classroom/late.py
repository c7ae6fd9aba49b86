"""What lateness costs: nothing, a share of the marks a day, or late days that each student may spend.

    due ... grace ... | day 1 ... | day 2 ... |        a day ends at the clock time at which the work was due

Days are counted on the clock of the course's zone: where the clocks change, a day is 23 or 25 hours long, and no one
loses a mark by that. Everything else is UTC.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from finetune_lab.classroom.faults import ClassError

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Lateness:
    """How late a file was: days begun, how many of them late days paid, and the points that the rest took."""

    days: int = 0
    spent: int = 0
    penalty: float = 0.0


ON_TIME = Lateness()


@dataclass(frozen=True)
class LatePolicy:
    """Without `due` nothing is late. Within `grace` nothing is late either; after it, the days count from `due`."""

    due: datetime | None = None  # with its zone
    percent_a_day: float = 0.0  # of the marks, for each day begun that no late day pays
    days: int = 0  # late days of each student, for all gradebooks together
    grace: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        if not 0 <= self.percent_a_day <= 100:  # NaN too
            raise ClassError(f"A late day can't take {self.percent_a_day} percent.", "Choose from 0 to 100.")
        if self.days < 0 or self.grace < timedelta(0):
            raise ClassError("Late days and grace can't be below zero.", "Choose 0 or more.")
        if self.days and not self.percent_a_day:
            what = f"What does a day cost when a student's {self.days} late days are spent?"
            raise ClassError(what, "Say it in percent; 100 takes all the marks.")
        if self.due is None and (self.percent_a_day or self.days):
            raise ClassError("Late by what time?", "Say when it is due.")

    def lateness(self, at: datetime, raw: float, spent_before: int = 0) -> Lateness:
        """Of a file that came in `at`, worth `raw` points; `spent_before` late days went into other work."""
        days = self.days_late(at)
        spent = min(days, max(0, self.days - spent_before))
        return Lateness(days, spent, round(min(raw, raw * (days - spent) * self.percent_a_day / 100), 4))

    def days_late(self, at: datetime) -> int:
        """The days begun between `due` and `at`."""
        if self.due is None or at.astimezone(UTC) <= (self.due.astimezone(UTC) + self.grace):
            return 0
        days = max(1, math.floor((at - self.due.astimezone(UTC)) / DAY) - 1)
        # Adding to a time in a zone moves its clock, not the hours that pass: the same time of day, days later.
        while (self.due + days * DAY).astimezone(UTC) < at.astimezone(UTC):
            days += 1
        return days


def zone_named(name: str | None) -> tzinfo:
    """The zone of a name such as Europe/Berlin; UTC without one.

    Raises:
        ClassError: this machine knows no such zone.
    """
    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        hint = "Write it as Europe/Berlin or America/New_York; on Windows, install the package tzdata."
        raise ClassError(f"There is no time zone {name!r} on this machine.", hint) from error


def due_time(written: str | None, zone: str | None) -> datetime | None:
    """The time that is written; the zone counts where the time itself has none.

    Raises:
        ClassError: it is no time, or neither it nor `zone` says in which zone.
    """
    if written is None:
        return None
    try:
        found = datetime.fromisoformat(written)
    except ValueError as error:
        raise ClassError(f"{written!r} is no time: {error}.", "Write it as 2026-11-25T23:59:00+01:00.") from error
    if found.tzinfo is None and zone is None:
        raise ClassError(f"{written!r} has no time zone.", "Write it as 2026-11-25T23:59:00+01:00, or name the zone.")
    return found if found.tzinfo else found.replace(tzinfo=zone_named(zone))
