"""A file of the ledger as a line of each of the three files."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from json.encoder import encode_basestring_ascii as quoted

from backhaul.ledger.rows import FileRow

# `format` and `mediatype` are those of the text within, as Frictionless has it for compressed
# resources ("Compression of resources"); JSON Lines has no registered media type.
_FORMATS = {
    "jsonl.gz": ("jsonl", "application/x-ndjson", "gz"),
    "jsonl": ("jsonl", "application/x-ndjson", None),
    "json": ("json", "application/json", None),
    "xml": ("xml", "application/xml", None),
    "gz": ("bin", "application/octet-stream", "gz"),
    "bytes": ("bin", "application/octet-stream", None),
}
_TEXTS = frozenset({"jsonl.gz", "jsonl", "json"})
_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]*")
_OTHER = re.compile(r"[^a-z0-9._-]+")


@lru_cache(maxsize=4096)
def iso(seconds: int) -> str:
    """Unix seconds as ISO 8601 in UTC, ending in ``Z``."""
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}Z"


def manifest_line(row: FileRow) -> str:
    """The file's line of MANIFEST.jsonl; null where a value is not known."""
    # Spelt out: a million of these are written, and json.dumps would take three times as long.
    slot = (
        f'{{"start": {_moment(row.start)}, "end": {_moment(row.end)}}}'
        if row.start is not None
        else "null"
    )
    return (
        f'{{"file": {quoted(row.name)}, "slot": {slot}, "state": "{row.state.value}",'
        f' "size": {_number(row.size)}, "sha256": {_text(row.sha256 if row.size is not None else None)},'
        f' "records": {_number(row.records)}, "validator": {_text(row.validator)},'
        f' "fetched_at": {_moment(row.fetched)}, "source": {_text(row.origin)}}}\n'
    )


def sum_line(name: str, digest: str) -> str:
    r"""The file's line of SHA256SUMS, as ``sha256sum`` writes it.

    A name with a backslash, a line feed or a carriage return is escaped, and the line begins with
    a backslash then (GNU coreutils manual, "md5sum invocation").
    """
    if "\\" in name or "\n" in name or "\r" in name:
        name = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        return f"\\{digest}  {name}\n"
    return f"{digest}  {name}\n"


def resource(row: FileRow) -> str:
    """The file as a resource of datapackage.json (Data Package v2, "Data Resource")."""
    form, media, compression = _FORMATS.get(row.content, _FORMATS["bytes"])
    return (
        f'{{"name": {quoted(resource_name(row.name))}, "path": {quoted(row.name)},'
        f' "bytes": {_number(row.size)}, "hash": "sha256:{row.sha256}",'
        f' "format": "{form}", "mediatype": "{media}"'
        + (f', "compression": "{compression}"' if compression else "")
        + (', "encoding": "utf-8"' if row.content in _TEXTS else "")
        + "}"
    )


def resource_name(name: str) -> str:
    """A resource's name: lower case, digits, ``.``, ``_`` and ``-``; unique as the file's is."""
    lowered = name.lower()
    if _PLAIN.fullmatch(lowered):
        return lowered
    return f"{_OTHER.sub('-', lowered).strip('-.')}-{sha256(name.encode()).hexdigest()[:12]}"


def _moment(seconds: int | None) -> str:
    return "null" if seconds is None else f'"{iso(seconds)}"'


def _number(value: int | None) -> str:
    return "null" if value is None else str(value)


def _text(value: str | None) -> str:
    return "null" if value is None else quoted(value)
