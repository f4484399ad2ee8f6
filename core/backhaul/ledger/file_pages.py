"""Reads rows of files a page at a time.

A check of a whole page's columns costs a fraction of the same check of each row. It only ever accepts:
a page that it does not accept is checked row by row, which finds the damaged row, or none.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import eq, itemgetter
from typing import Any, Final
from zlib import crc32

from backhaul.ledger import sound
from backhaul.ledger.fault import UnsoundError
from backhaul.ledger.rows import (
    FILE_COLUMNS,
    FILE_SHAPE,
    LISTED_FLAGS,
    LISTED_SEALED,
    MANIFEST_SHAPE,
    SEALED,
    FileRow,
    ManifestRow,
    file_row,
    manifest_row,
)
from backhaul.types import CONTENTS, HERE, SlotState

COLUMNS = f"{FILE_COLUMNS}, key, flags & {LISTED_FLAGS}"
"""The columns of a page: those of a FileRow, and the others that its checksums cover."""

Page = Sequence[tuple[Any, ...]]
_FIELDS: Final = FileRow._fields
_AT: Final = {name: place for place, name in enumerate((*_FIELDS, "key", "listed_flags"))}
_sealed = itemgetter(*(_AT[name] for name in SEALED))
_listed_sealed = itemgetter(*(_AT[name] for name in LISTED_SEALED))
_STATES: Final = {state.value: state for state in SlotState}
# _make of both without a Python-level call per row.
_row: Callable[[tuple[Any, ...]], FileRow] = partial(tuple.__new__, FileRow)
_manifest_row: Callable[[tuple[Any, ...]], ManifestRow] = partial(tuple.__new__, ManifestRow)


def file_rows(pages: Iterable[Page]) -> Iterator[FileRow]:
    """The rows of pages with COLUMNS. Raises UnsoundError, which names the damaged row."""
    for page in pages:
        columns = list(zip(*page, strict=True))
        if _is_sound(page, dict(zip(_AT, columns, strict=True))):
            columns[_AT["state"]] = tuple(map(_STATES.get, columns[_AT["state"]]))
            yield from map(_row, zip(*columns[: len(_FIELDS)], strict=True))
            continue
        for values in page:
            try:
                yield file_row(values[: len(_FIELDS)])
            except UnsoundError as error:
                name = values[_AT["name"]]
                raise UnsoundError(f"{error}, in the row of {name!r}") from None


def manifest_rows(pages: Iterable[Page]) -> Iterator[ManifestRow]:
    """The rows of pages with MANIFEST_COLUMNS. Raises UnsoundError, which names the damaged row."""
    for page in pages:
        columns = zip(*page, strict=True)
        if _is_sound_manifest(dict(zip(ManifestRow._fields, columns, strict=True))):
            yield from map(_manifest_row, page)
            continue
        for values in page:
            try:
                yield manifest_row(values)
            except UnsoundError as error:
                raise UnsoundError(f"{error}, in the row of {values[0]!r}") from None


def _is_sound_manifest(column: dict[str, tuple[Any, ...]]) -> bool:
    """Whether all rows of a page are certainly sound; the same checks as in ``manifest_row``."""
    return (
        MANIFEST_SHAPE.fits(list(column.values()))
        and sound.STATES.issuperset(column["state"])
        and set(CONTENTS).issuperset(column["content"])
        and all(_within(column[name], sound.FIRST, sound.LAST) for name in _TIMES)
        and None not in column["size"]
        and None not in column["seal"]
        and "".join(column["name"]).isascii()  # then the key is the name in lower case
        and _match(
            zip(
                map(str.lower, column["name"]), *(column[name] for name in SEALED[1:]), strict=True
            ),
            column["seal"],
        )
    )


def _is_sound(page: Page, column: dict[str, tuple[Any, ...]]) -> bool:
    """Whether all rows of a page are certainly sound; the same checks as in ``file_row``."""
    return (
        FILE_SHAPE.fits([column[name] for name in _FIELDS])
        and _are_names(column["name"])
        and sound.STATES.issuperset(column["state"])
        and sound.KINDS.issuperset(set(column["kind"]) - {None})
        and set(CONTENTS).issuperset(column["content"])
        and all(_within(column[name], sound.FIRST, sound.LAST) for name in _TIMES)
        and all(_within(column[name], 0, (1 << 62) - 1) for name in _SIZES)
        and _are_objects(column["meta"])
        and not any(
            state in HERE and (size is None or sha256 is None)
            for state, size, sha256 in zip(
                column["state"], column["size"], column["sha256"], strict=True
            )
        )
        and _match(map(_listed_sealed, page), column["listed_seal"])
        and _have_keys(column)
        and _are_sealed(page)
    )  # fmt: skip


_TIMES: Final = ("start", "end", "fetched")
_SIZES: Final = ("size", "records", "listed_size", "listed_records", "footer_lines")


def _are_names(names: Sequence[str]) -> bool:
    text = "\n".join(("", *names, ""))
    return not any(part in text for part in ("\0", "..", "\n/", "\n\n"))


def _within(values: Sequence[int | None], first: int, last: int) -> bool:
    found = {value for value in set(values) if value is not None}
    return not found or (first <= min(found) and max(found) <= last)


def _are_objects(texts: Sequence[str | None]) -> bool:
    try:
        for text in set(texts) - {None}:
            sound.json_of(text or "", dict)
    except UnsoundError:
        return False
    return True


def _have_keys(column: dict[str, tuple[Any, ...]]) -> bool:
    """Whether each key is that of its name, as far as that is quick to see."""
    names = column["name"]
    return "".join(names).isascii() and tuple(map(str.lower, names)) == column["key"]


def _are_sealed(page: Page) -> bool:
    here = [values for values in page if values[_AT["size"]] is not None]
    return _match(map(_sealed, here), [values[_AT["seal"]] for values in here])


def _match(sealed: Iterable[tuple[Any, ...]], seals: Sequence[int | None]) -> bool:
    """Whether tuples of values have these checksums, see ``sound.seal_of``."""
    return all(map(eq, map(crc32, map(str.encode, map(repr, sealed))), seals))
