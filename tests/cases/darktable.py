"""What darktable asks of a noiseprofiles.json, version 0, as a JSON schema of our own."""

from n2nf_core.export.profiles import MAKERS

NAME = r"[a-zA-Z0-9_\- ()*]+"


def record(**fields):
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def listed(items, least):
    return {"type": "array", "items": items, "minItems": least, "uniqueItems": True}


THREE = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}
PROFILE = record(
    name={"type": "string", "pattern": rf"^{NAME} iso [0-9]{{2,7}}$", "minLength": 9, "maxLength": 38},
    iso={"type": "integer", "minimum": 1, "maximum": 2048000},
    a=THREE,
    b=THREE,
)
MODEL = record(
    comment={"type": "string"},
    model={"type": "string", "pattern": f"^{NAME}$", "minLength": 2, "maxLength": 30},
    profiles=listed(PROFILE, 4),
)
SCHEMA = record(
    version={"enum": [0]},
    noiseprofiles=listed(record(maker={"enum": list(MAKERS)}, models=listed(MODEL, 1)), 1),
)
