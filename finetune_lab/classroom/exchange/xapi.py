"""A gradebook as xAPI statements (IEEE 9274.1.1), a line of JSON each: who answered which question with what success.

The same mark makes the same statement with the same id, so that a record store takes it once; another mark another.
"""

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from finetune_lab.classroom.details import Details
from finetune_lab.classroom.exchange.tables import has_result
from finetune_lab.classroom.faults import ClassError

VERBS = "http://adlnet.gov/expapi/verbs/"
ACTIVITIES = "http://adlnet.gov/expapi/activities/"
ADDRESS = re.compile(r"[^\s@<>\"]+@[^\s@<>\"]+\Z")


def xapi_lines(details: Details, site: str | None) -> Iterator[str]:
    """A statement for every question that has a mark, and one for the whole.

    Args:
        details: of the gradebook.
        site: the course's address, http or https: activities are named under it, and students without an e-mail.

    Raises:
        ClassError: the site is none.
    """
    if site is None or not re.match(r"https?://[^\s/]+[^\s]*\Z", site):
        what = "xAPI names students and questions by addresses on the web."
        raise ClassError(what, "Give your course's: --site https://example.org/ml-101.")
    base = f"{site.rstrip('/')}/{quote(details['bank']['id'], safe='')}"
    for student in details["students"]:
        if has_result(student):
            yield from (json.dumps(one, ensure_ascii=False) for one in _statements(student, details, base, site))


def _statements(student: dict[str, Any], details: Details, base: str, site: str) -> Iterator[dict[str, Any]]:
    bank, actor = details["bank"], _actor(student["person"], site)
    for mark in student["marks"]:
        if mark["attempt"] or mark["manual"]:
            name = mark["question"]
            about = _activity(f"{base}/{quote(name, safe='')}", "question", name, bank["prompts"].get(name, ""))
            most = bank["points"].get(name, mark["points"])
            result = {**_score(mark["points"], most), "success": mark["points"] >= most}
            yield _statement(actor, "answered", about, result, student["timestamp"], {"parent": [{"id": base}]})
    about = _activity(base, "assessment", bank["title"], "")
    result = _score(student["score"], details["max_score"])
    yield _statement(actor, "scored", about, result, student["timestamp"], {})


def _statement(
    actor: dict[str, Any], verb: str, about: dict[str, Any], result: dict[str, Any], at: str, activities: dict[str, Any]
) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "actor": actor,
        "verb": {"id": f"{VERBS}{verb}", "display": {"en": verb}},
        "object": about,
        "result": result,
    }
    if at:  # a mark by hand without a file has none; the record store takes the time at which it gets it
        statement["timestamp"] = at
    if activities:
        statement["context"] = {"contextActivities": activities}
    name = json.dumps(statement, sort_keys=True)
    return {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)), **statement}


def _actor(person: dict[str, str], site: str) -> dict[str, Any]:
    name = " ".join(one for one in (person["first_name"], person["last_name"]) if one)
    named = {"name": name} if name else {}
    if ADDRESS.match(person["email"]):
        return {"objectType": "Agent", **named, "mbox": f"mailto:{person['email']}"}
    return {"objectType": "Agent", **named, "account": {"homePage": site, "name": person["student_id"]}}


def _activity(address: str, kind: str, name: str, description: str) -> dict[str, Any]:
    told = {"description": {"en": description}} if description else {}
    return {
        "objectType": "Activity",
        "id": address,
        "definition": {"type": f"{ACTIVITIES}{kind}", "name": {"en": name}, **told},
    }


def _score(points: float, most: float) -> dict[str, Any]:
    """A person may give more than a question is worth; in xAPI no score is above its max."""
    top = max(points, most)
    return {"score": {"raw": points, "min": 0, "max": top, "scaled": round(points / top, 4) if top else 0}}
