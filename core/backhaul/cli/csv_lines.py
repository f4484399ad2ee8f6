"""Results on stdout as CSV: RFC 4180, a header, columns named like the keys of ``--json``.

Inner keys are joined by dots (``here.verified``), lists by semicolons; null is empty.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from backhaul.cli import output

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


class _Stdout:
    """What the csv module writes to."""

    @staticmethod
    def write(text: str) -> None:
        output.write(text)


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes a header and a line per row, in constant memory. Raises what ``output.write`` raises.

    Args:
        columns: keys, those of inner mappings with dots.
        rows: the items of ``--json``; keys that are not columns are left out.
    """
    lines = csv.writer(_Stdout())  # CRLF, and quotes where they are needed
    lines.writerow(columns)
    ways = [column.split(".") for column in columns]
    for row in rows:
        lines.writerow([cell(_value(row, way)) for way in ways])


def cell(value: Any) -> str:
    """A value as text, redacted and made printable.

    Text that a spreadsheet would take for a formula gets an apostrophe in front: names and messages
    come from servers. ``--json`` has them unchanged.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = "; ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    text = output.words(text)
    return f"'{text}" if text.startswith(_FORMULAS) else text


def _value(row: Mapping[str, Any], way: Sequence[str]) -> Any:
    value: Any = row
    for key in way:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
