"""Formats a file of the ledger as a line of each of the three files."""

import json
import re
from datetime import UTC, datetime
from functools import cache, lru_cache
from hashlib import sha256
from json.encoder import encode_basestring_ascii as quoted

from backhaul.ledger.rows import ManifestRow
from backhaul.types import Proof
from backhaul.verify.contents import parts

# `format` and `mediatype` describe the decompressed text, as in Frictionless ("Compression of
# resources"); JSON Lines has no registered media type.
_MEDIA = {
    "jsonl": ("jsonl", "application/x-ndjson"),
    "csv": ("csv", "text/csv"),
    "json": ("json", "application/json"),
    "xml": ("xml", "application/xml"),
    "tar": ("tar", "application/x-tar"),
    "parquet": ("parquet", "application/vnd.apache.parquet"),
    "bytes": ("bin", "application/octet-stream"),
}
_UTF8 = frozenset({"jsonl", "json"})
_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]*")
_OTHER = re.compile(r"[^a-z0-9._-]+")


def iso(seconds: int) -> str:
    """Unix seconds as ISO 8601 in UTC, ending in ``Z``."""
    days, rest = divmod(seconds, 86400)
    return _day(days) + _time(rest)


@lru_cache(maxsize=1024)
def _day(days: int) -> str:
    return datetime.fromtimestamp(days * 86400, UTC).date().isoformat()


@lru_cache(maxsize=4096)
def _time(seconds: int) -> str:
    minutes, second = divmod(seconds, 60)
    return f"T{minutes // 60:02}:{minutes % 60:02}:{second:02}Z"


def manifest_line(row: ManifestRow) -> str:
    """The file's line of MANIFEST.jsonl; unknown values are null, and an empty note is left out."""
    # Written out: there may be a million of them, and json.dumps is five times slower.
    name, state, start, end, _, size, digest, records, validator, fetched, origin = row[:11]
    proof, note = row.proof, row.note
    slot = "null"
    if start is not None:
        until = "null" if end is None else f'"{iso(end)}"'
        slot = f'{{"start": "{iso(start)}", "end": {until}}}'
    more = "" if note is None else f', "note": {quoted(note)}'
    return (
        f'{{"file": {quoted(name)}, "slot": {slot}, "state": "{state}",'
        f' "size": {"null" if size is None else size},'
        f' "sha256": {"null" if digest is None or size is None else quoted(digest)},'
        f' "records": {"null" if records is None else records},'
        f' "validator": {"null" if validator is None else quoted(validator)},'
        f' "fetched_at": {"null" if fetched is None else quoted(iso(fetched))},'
        f' "source": {"null" if origin is None else quoted(origin)}, "proof": {_proof(proof) if size is not None else "null"}'
        f"{more}}}\n"
    )


@cache
def _proof(proof: int | None) -> str:
    return "null" if proof is None else json.dumps(Proof(proof).words())


def sum_line(name: str, digest: str) -> str:
    r"""The file's line of SHA256SUMS, as written by ``sha256sum``.

    Backslashes, line feeds and carriage returns in a name are escaped, and the line then begins with a
    backslash (GNU coreutils manual, "md5sum invocation").
    """
    if "\\" in name or "\n" in name or "\r" in name:
        name = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        return f"\\{digest}  {name}\n"
    return f"{digest}  {name}\n"


def resource(row: ManifestRow) -> str:
    """The file as a resource of datapackage.json (Data Package v2, "Data Resource")."""
    size = "null" if row.size is None else row.size
    return (
        f'{{"name": {quoted(resource_name(row.name))}, "path": {quoted(row.name)},'
        f' "bytes": {size}, "hash": "sha256:{row.sha256}", {_kind(row.content)}}}'
    )


@cache
def _kind(content: str) -> str:
    form, compression = parts(content)
    if content == "zip":  # may contain several files: not a compressed text
        return '"format": "zip", "mediatype": "application/zip"'
    name, media = _MEDIA[form]
    return (
        f'"format": "{name}", "mediatype": "{media}"'
        + (f', "compression": "{compression}"' if compression else "")
        + (', "encoding": "utf-8"' if form in _UTF8 else "")
    )


def resource_name(name: str) -> str:
    """A resource name: lower case, digits, ``.``, ``_`` and ``-``; unique like the file name."""
    lowered = name.lower()
    if _PLAIN.fullmatch(lowered):
        return lowered
    return f"{_OTHER.sub('-', lowered).strip('-.')}-{sha256(name.encode()).hexdigest()[:12]}"
