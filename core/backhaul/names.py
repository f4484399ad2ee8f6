"""Checks whether names are safe for files, and for the folders of jobs."""

import re
import unicodedata
from collections.abc import Sequence

_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE | re.DOTALL
)
_PART = (
    r"(?!(?i:con|prn|aux|nul|(?:com|lpt)[0-9])(?:[./]|\Z))"
    r"[A-Za-z0-9_][A-Za-z0-9_\-]*(?:\.[A-Za-z0-9_\-]+)*"
)
_ORDINARY = re.compile(rf"{_PART}(?:/{_PART})*")
_FORBIDDEN = frozenset('\\:*?"<>|')
_OURS = frozenset({"manifest.jsonl", "sha256sums", "datapackage.json"})
_MAX_PART = 230  # file systems allow 255 bytes; leaves room for .part.json
_MAX_WHOLE = 1000
MAX_JOB = 100
"""Maximum length of a job's name, in characters."""


def unsafe(name: str) -> str | None:
    """Why the name cannot be used in a job's folder; None if it can.

    The same names are rejected on every system, so that archives can be moved between systems.
    """
    if len(name) < _MAX_PART and _ORDINARY.fullmatch(name):
        return _clash(name.lower())  # fast path
    reasons = (check(name) for check in (_unsafe_whole, _unsafe_parts))
    return next(filter(None, reasons), None) or _clash(name.lower())


def unsafe_job(name: str) -> str | None:
    """Why a job's name is invalid, as the end of a sentence; None if it is valid."""
    if len(name) > MAX_JOB:
        return f"is longer than {MAX_JOB} characters"
    if "/" in name or "\\" in name:
        return "contains a slash"
    if name.startswith((".", "-")):
        return f'starts with "{name[0]}"'
    return unsafe(name)


def _unsafe_whole(name: str) -> str | None:
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "is not valid Unicode"
    if not name:
        return "is empty"
    if size > _MAX_WHOLE:
        return f"is {size} bytes long, the limit is {_MAX_WHOLE}"
    return "is absolute" if name.startswith("/") else None


def _unsafe_parts(name: str) -> str | None:
    checks = (_location_problem, _portability_problem)
    return next(filter(None, (check(part) for part in name.split("/") for check in checks)), None)


def _location_problem(part: str) -> str | None:
    if part in {"", "."}:
        return "has an empty component"
    if part == "..":
        return "points outside the job's folder"
    return "is reserved for backhaul" if part.lower().startswith((".backhaul", "..")) else None


def _portability_problem(part: str) -> str | None:
    if len(part.encode()) > _MAX_PART:
        return f"has a component of {len(part.encode())} bytes, the limit is {_MAX_PART}"
    if any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in part):
        return "contains a control character"
    if not _FORBIDDEN.isdisjoint(part):
        return "contains a character that some systems forbid: " + " ".join(
            sorted(_FORBIDDEN.intersection(part))
        )
    if part[-1] in ". " or part[0] == " ":
        return "has a component that begins with a space or ends with a dot or a space"
    return "is a reserved device name on Windows" if _RESERVED.fullmatch(part) else None


def _clash(lowered: str) -> str | None:
    if ".part" in lowered and any(
        part.endswith((".part", ".part.json")) for part in lowered.split("/")
    ):
        return "ends like one of backhaul's partial files"
    return "is reserved for one of backhaul's files" if lowered.partition("/")[0] in _OURS else None


def key(name: str) -> str:
    """A key that is equal for names that collide on some file system."""
    if name.isascii():
        return name.lower()
    folded = unicodedata.normalize("NFD", name).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", folded).casefold())


def keys(names: Sequence[str]) -> list[str]:
    """The key of each name, see ``key``."""
    if "".join(names).isascii():
        return list(map(str.lower, names))
    return list(map(key, names))
