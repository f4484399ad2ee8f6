"""Serializes RemoteFile as JSON, for the ledger and other processes."""

import json
from dataclasses import fields
from datetime import datetime
from typing import Any

from backhaul.errors import PluginError
from backhaul.types import RemoteFile

_DEFAULTS = {field.name: field.default for field in fields(RemoteFile)}


def to_json(file: RemoteFile) -> str:
    """Encodes the file as one line of JSON, omitting fields with their default.

    Raises PluginError if `meta` cannot be encoded as JSON.
    """
    values: dict[str, Any] = {}
    for name, default in _DEFAULTS.items():
        value: Any = getattr(file, name)
        if value == default or (name == "meta" and not value):
            continue
        values[name] = value.isoformat() if isinstance(value, datetime) else value
    if "meta" in values:
        values["meta"] = dict(file.meta)
    try:
        return json.dumps(values, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise PluginError(f"{file.name!r}: meta cannot be kept as JSON: {error}") from None


def from_json(text: str) -> RemoteFile:
    """Decodes a file from `to_json`'s output. Raises PluginError if the text is invalid."""
    try:
        values = json.loads(text)
        for name in ("start", "end"):
            if values.get(name) is not None:
                values[name] = datetime.fromisoformat(values[name])
        if "aliases" in values:
            values["aliases"] = tuple(values["aliases"])
        return RemoteFile(**values)
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise PluginError(f"not a file's description: {error}") from None
