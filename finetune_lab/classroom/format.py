"""The schema of a submission (JSON Schema, the keywords that `quiz.schema` knows)."""

from typing import Any

FORMAT = 1
KIND = "finetune-lab submission"
MOST_CURVE_POINTS = 2_000


def _table(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    known = {**required, **(optional or {})}
    return {"type": "object", "required": list(required), "properties": known, "additionalProperties": False}


def _list(items: dict[str, Any], most: int, least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


NAME = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+\Z"}
SHORT = {"type": "string", "maxLength": 1_000}
MOMENT = {
    "type": "string",
    "maxLength": 40,
    "pattern": r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})\Z",
}
TEXTS = {"type": "object", "additionalProperties": SHORT}
ATTEMPT = _table({"answer": {}, "at": MOMENT}, {"confidence": {"type": "integer", "minimum": 0, "maximum": 100}})
ANSWERED = _table({"bank": NAME, "question": NAME, "attempts": _list(ATTEMPT, most=50, least=1)})
CURVE = _table(
    {
        "steps": _list({"type": "integer", "minimum": 0}, most=MOST_CURVE_POINTS),
        "losses": _list({"type": "number"}, most=MOST_CURVE_POINTS),
    }
)
RUN = _table(
    {
        "method": {"type": "object"},
        "config": {"type": "object"},
        "started": SHORT,
        "machine": SHORT,
        "versions": TEXTS,
        "summary": {"type": "object"},
        "curve": CURVE,
        "hashes": TEXTS,  # of run.json and events.jsonl, in SHA-256
    }
)
SUBMISSION = _table(
    {
        "kind": {"const": KIND},
        "format": {"type": "integer", "enum": [FORMAT]},
        "student": NAME,
        "course": NAME,
        "seed": SHORT,
        "created": MOMENT,
        "answers": _list(ANSWERED, most=2_000),
        "runs": _list(RUN, most=50),
        "seals": TEXTS,
    }
)
