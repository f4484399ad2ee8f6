"""Reads lines of ``run --events``, each checked against the published schema."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from backhaul.notify.event_schema import event_schema


def _closed(node: Any) -> Any:
    """The schema with all other keys refused: what it does not describe must not be written."""
    if isinstance(node, dict):
        node = {key: _closed(value) for key, value in node.items()}
        if isinstance(node.get("properties"), dict):
            node["additionalProperties"] = False
    return [_closed(each) for each in node] if isinstance(node, list) else node


VALIDATOR = Draft202012Validator(
    _closed(event_schema()), format_checker=Draft202012Validator.FORMAT_CHECKER
)


def checked(text: str) -> list[dict[str, Any]]:
    """The events of a text; fails if one of them does not follow the schema."""
    assert text.endswith("\n") or not text
    events = [json.loads(line) for line in text.splitlines()]
    for event in events:
        VALIDATOR.validate(event)
    return events


def read(path: Path) -> list[dict[str, Any]]:
    """The events of a file."""
    return checked(path.read_text(encoding="utf-8"))
