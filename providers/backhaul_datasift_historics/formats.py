r"""Convert pull responses to JSON Lines.

There are three formats (``output_params.format`` of DataSift's pull connector). ``json_new_line`` is
stored byte for byte. From ``json_array`` and ``json_meta``, each interaction's text is cut out of
the body rather than parsed and rewritten, so numbers, escapes and key order stay as sent. Only line
breaks between an interaction's tokens are removed, since it must fit on one line.
"""

import json
import logging
import re

from backhaul import NotDataError

META, ARRAY, LINES = "json_meta", "json_array", "json_new_line"

_LOG = logging.getLogger(__name__)
_SPACE = re.compile(r"[ \t\r\n]*")
# Number values are not needed: kept as strings, they lose no precision and have no digit limit.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)


def to_lines(body: bytes, named: str, *, strict: bool = True) -> bytes:
    """The interactions of a pull's body, one per line, with a trailing newline.

    Args:
        body: the response body.
        named: the format from ``X-DataSift-Format``; if unknown, the format is detected.
        strict: also reject invalid UTF-8, and lines in the middle that are not JSON; otherwise they
            are passed through unchanged.

    Raises:
        NotDataError: the body is truncated, damaged, or contains no interactions at all.
    """
    try:
        text = body.decode("utf-8", "strict" if strict else "surrogateescape")
    except UnicodeDecodeError as error:
        raise NotDataError(f"the pull response is not valid UTF-8 at byte {error.start}") from None
    kind = named if named in {META, ARRAY, LINES} else _guess(text)
    try:
        if kind == LINES:
            _check_lines(text, every=strict)
            return body if not body or body.endswith(b"\n") else body + b"\n"
        lines = _in_array(text) if kind == ARRAY else _in_meta(text)
    except (ValueError, IndexError, RecursionError):
        raise NotDataError(f"the pull response is not valid {kind}: {text[:120]!r}") from None
    lines.append("")
    return "\n".join(lines).encode("utf-8", "surrogateescape") if len(lines) > 1 else b""


def _guess(text: str) -> str:
    position = _skip(text, 0)
    if text.startswith("[", position):
        return ARRAY
    line = text[position:].split("\n", 1)[0]
    try:
        _check_line(line)
    except (ValueError, RecursionError):
        return META if line.startswith("{") else LINES
    return LINES


def _check_lines(text: str, *, every: bool) -> None:
    """Raise ValueError unless the lines are interactions; the first and last reveal truncation."""
    lines = text.strip().split("\n")
    for line in lines if every else (lines[0], lines[-1]):
        if line and not line.isspace():
            _check_line(line)


def _check_line(line: str) -> None:
    value = _DECODER.decode(line)
    if not isinstance(value, dict) or isinstance(value.get("interactions"), list):
        raise ValueError("not an interaction")  # noqa: TRY004 - the caller treats ValueError as bad data


def _in_meta(text: str) -> list[str]:
    """The interactions of ``{"count": 2, ..., "interactions": [...]}``, wherever the key appears."""
    lines: list[str] | None = None
    count: object = None
    position = _after(text, _skip(text, 0), "{")
    while text[position] != "}":
        key, position = _DECODER.raw_decode(text, position)
        position = _after(text, _skip(text, position), ":")
        if key == "interactions":
            lines, position = _array(text, position)
        else:
            value, position = _DECODER.raw_decode(text, position)
            count = value if key == "count" else count
        position = _next(text, position, "}")
    _ended(text, position + 1)
    if lines is None:
        raise ValueError("no interactions")
    if count is not None and str(count) != str(len(lines)):
        _LOG.warning("the pull response declares %s interactions but has %s", count, len(lines))
    return lines


def _in_array(text: str) -> list[str]:
    lines, position = _array(text, _skip(text, 0))
    _ended(text, position)
    return lines


def _array(text: str, position: int) -> tuple[list[str], int]:
    """The elements of the array at the position, verbatim, and the array's end."""
    lines = []
    position = _after(text, position, "[")
    while text[position] != "]":
        _, end = _DECODER.raw_decode(text, position)
        # Line breaks inside strings are always escaped, so these are between tokens.
        lines.append(text[position:end].replace("\r", "").replace("\n", ""))
        position = _next(text, end, "]")
    return lines, position + 1


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _after(text: str, position: int, mark: str) -> int:
    if text[position] != mark:
        raise ValueError(mark)
    return _skip(text, position + 1)


def _next(text: str, position: int, close: str) -> int:
    """The position of the next element, or of the closing bracket."""
    position = _skip(text, position)
    return position if text[position] == close else _after(text, position, ",")


def _ended(text: str, position: int) -> None:
    if _skip(text, position) != len(text):
        raise ValueError("trailing data")
