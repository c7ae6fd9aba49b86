"""From the course's secret, each student's seed, which chooses the student's variants."""

import hashlib
import hmac

from finetune_lab.classroom.cells import kept_cell, table
from finetune_lab.classroom.course import Course
from finetune_lab.classroom.faults import ClassError


def student_seed(secret: str, course: str, student: str) -> str:
    """The seed of a student's variants: nobody can work it out without the course's secret.

    It begins with a letter, as spreadsheets make numbers of digits around an `e`.
    """
    return "s" + hmac.new(secret.encode(), f"{course}\x00{student}".encode(), hashlib.sha256).hexdigest()[:16]


def seed_table(course: Course) -> str:
    """A CSV table `student_id,seed` for the students of a course, in the order of its roster.

    Raises:
        ClassError: the course has no secret or no roster.
    """
    if course.secret is None or not course.people:
        raise ClassError("Seeds need the course's file and a roster.", "Make both: finetune-lab class init --roster.")
    secret, of = course.secret, course.id
    rows = ((kept_cell(one.student_id), student_seed(secret, of, one.student_id)) for one in course.people)
    return table(("student_id", "seed"), rows)  # printed: a console may not know the mark of `edited_table`
