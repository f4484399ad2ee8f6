"""Reads lines of ``--events``, validating each against the published schema."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from backhaul.notify.event_schema import event_schema


def _closed(node: Any) -> Any:
    """The schema, but closed: keys that it does not describe are errors."""
    if isinstance(node, dict):
        node = {key: _closed(value) for key, value in node.items()}
        if isinstance(node.get("properties"), dict):
            node["additionalProperties"] = False
    return [_closed(each) for each in node] if isinstance(node, list) else node


def _validator(schema: Any) -> Draft202012Validator:
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


SCHEMA = _closed(event_schema())
VALIDATOR = _validator(SCHEMA)
# Each event's name is in exactly one branch of the schema; trying them all takes ten times as long.
_BRANCHES = {
    each["$ref"].rpartition("/")[2]: _validator({**each, "$defs": SCHEMA["$defs"]})
    for each in SCHEMA["oneOf"]
}


def checked(text: str) -> list[dict[str, Any]]:
    """The events of a text; fails if one of them is invalid."""
    assert text.endswith("\n") or not text
    events = [json.loads(line) for line in text.splitlines()]
    for event in events:
        _BRANCHES.get(event["event"], VALIDATOR).validate(event)
    return events


def read(path: Path) -> list[dict[str, Any]]:
    """The events of a file."""
    return checked(path.read_text(encoding="utf-8"))
