"""What a provider adds to the roll-up: key columns of its records, and tables derived from its files.

The entry-point group ``backhaul.rollup`` maps a provider's name in YAML to a module, which defines
``COLUMNS``, a sequence of `Column`, or ``derive_tables``, or both.
"""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from traceback import format_exception_only
from typing import Any, NoReturn

from backhaul import BackhaulError, PluginError, RemoteFile
from backhaul.commands import entry_points

log = logging.getLogger(__name__)

GROUP = "backhaul.rollup"
Derive = Callable[[Iterable[tuple[RemoteFile, Path]]], Iterable["Table"]]
_NAME = re.compile(r"[a-z0-9_]{1,60}")
_KINDS = (str, int, float, datetime)
# Passed on unchanged: backhaul's own errors, and exceptions that are not errors (Ctrl-C, a closed generator).
_PASS = (BackhaulError, KeyboardInterrupt, GeneratorExit)


@dataclass(frozen=True, slots=True)
class Column:
    """A key column of a record.

    Attributes:
        name: the column's name: ``id``, ``time``, ``kind``, ``author``, ``text``.
        path: JSON path of the value, alternatives separated by ``|``: ``actor.preferredUsername|user.name``.
    """

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table that a provider derives from a job's files.

    Attributes:
        name: lowercase letters, digits and ``_``; also the name of the file.
        columns: name and type of each column: ``str``, ``int``, ``float`` or ``datetime`` (UTC).
        rows: one tuple per row, None for a missing value; iterated once.
        notes: remarks for readers, one line each.
    """

    name: str
    columns: tuple[tuple[str, type], ...]
    _: KW_ONLY
    rows: Iterable[tuple[Any, ...]] = field(repr=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Provided:
    """What a provider adds to the roll-up.

    Attributes:
        label: its name in messages.
        columns: key columns of its records.
        derive: derives tables from a job's verified files, given in order of time; None if there are none.
    """

    label: str
    columns: tuple[Column, ...] = ()
    derive: Derive | None = None

    def tables(self, files: Iterable[tuple[RemoteFile, Path]]) -> Iterator[Table]:
        """Yield the tables, with every row checked. Raises PluginError for the provider's errors."""
        if self.derive is None:
            return
        try:
            found = self.derive(files)
        except _PASS:
            raise
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
            self._blame(error)
        for table in self._watched(found):
            wrong = _wrong_table(table)
            if wrong is not None:
                raise PluginError(f"{self.label}: derive_tables: {wrong}")
            yield replace(table, rows=self._rows(table))

    def _rows(self, table: Table) -> Iterator[tuple[Any, ...]]:
        for row in self._watched(table.rows):
            wrong = _wrong_row(table, row)
            if wrong is not None:
                raise PluginError(f"{self.label}: derive_tables: table {table.name}: {wrong}")
            yield row

    def _watched(self, found: Iterable[Any]) -> Iterator[Any]:
        try:
            yield from found
        except _PASS:
            raise
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
            self._blame(error)

    def _blame(self, error: BaseException) -> NoReturn:
        log.debug("traceback of %s", self.label, exc_info=error)
        raise PluginError(f"{self.label}: derive_tables failed: {_described(error)}") from None


def provided_by(provider: str) -> Provided:
    """Load what a provider adds, from its entry point; empty if it has none.

    Raises PluginError if its module cannot be imported.
    """
    entry = entry_points(GROUP).get(provider)
    if entry is None:
        return Provided(provider)
    label = f"the roll-up of provider {provider!r} ({entry.value})"
    try:
        module = entry.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        log.debug("traceback of %s", label, exc_info=error)
        raise PluginError(f"{label}: cannot be imported: {_described(error)}") from None
    columns = tuple(getattr(module, "COLUMNS", ()))
    if not all(isinstance(column, Column) for column in columns):
        raise PluginError(f"{label}: COLUMNS is not a sequence of Column")
    return Provided(label, columns, getattr(module, "derive_tables", None))


def _described(error: BaseException) -> str:
    return " ".join("".join(format_exception_only(error)).split())[:500]


def _wrong_table(table: object) -> str | None:
    if not isinstance(table, Table):
        return f"yielded {type(table).__name__} instead of a Table"
    if type(table.name) is not str or not _NAME.fullmatch(table.name):
        return f"invalid table name {table.name!r}: use lowercase letters, digits and _"
    for column in table.columns:
        match column:
            case (str(), kind) if kind in _KINDS:
                continue
        return f"table {table.name}: {column!r} is not a column's name and type"
    if not all(type(note) is str for note in table.notes):
        return f"table {table.name}: notes is not a tuple of strings"
    return None


def _wrong_row(table: Table, row: Any) -> str | None:
    if type(row) is not tuple or len(row) != len(table.columns):
        return f"a row is not a tuple of {len(table.columns)} values"
    for (name, kind), value in zip(table.columns, row, strict=True):
        if value is not None and type(value) is not kind:
            return f"{name} is {type(value).__name__} instead of a {kind.__name__}"
    return None
