"""Results on stdout as CSV (RFC 4180), with a header; columns are named after the keys of ``--json``.

Nested keys are joined by dots (``here.verified``), list values by semicolons; null is empty.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from backhaul.cli import output

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes a header and a line per row, in constant memory. Raises what ``output.write`` raises.

    Args:
        columns: keys, those of inner mappings with dots.
        rows: the items of ``--json``; keys that are not columns are left out.
    """
    ways = [column.split(".") for column in columns]
    write_cells(columns, ([cell(_value(row, way)) for way in ways] for row in rows))


def write_cells(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """The same, for rows of cells, see ``cell``."""
    with output.Batch() as batch:
        lines = csv.writer(batch)  # CRLF, and quotes where they are needed
        lines.writerow(columns)
        lines.writerows(rows)


def cell(value: Any) -> str:
    """A value as text, redacted and made printable.

    Text that a spreadsheet would run as a formula is prefixed with an apostrophe, since names and messages
    come from servers. ``--json`` leaves it unchanged.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = "; ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    text = output.recurring(text)
    return f"'{text}" if _is_formula(text) else text


def cells(texts: Sequence[str]) -> Iterable[str]:
    """The same for many texts, such as names, of which usually none needs to be changed."""
    text = " ".join(texts)
    if output.words(text) == text and not any(map(_is_formula, texts)):
        return texts
    return map(cell, texts)


def _is_formula(text: str) -> bool:
    return text.startswith(_FORMULAS)


def _value(row: Mapping[str, Any], way: Sequence[str]) -> Any:
    value: Any = row
    for key in way:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
