"""The data embedded in the page, on disk until the page is written."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from backhaul import Slots
from backhaul_report.columns import MOST_HASHES, Columns
from backhaul_report.series import Series
from backhaul_report.streams import spooled, write_object

MOST_NAMED: Final = 1_200_000
"""Maximum number of verified files that a page names; more would take a browser very long to open."""
_BLOCK: Final = 1 << 16


class PageData:
    """The jobs' columns and series, packed one after the other. A context manager."""

    def __init__(self, *, most_named: int = MOST_NAMED) -> None:
        self._files = ExitStack()
        self._file = spooled(self._files)
        self._hashes = MOST_HASHES
        self._names = most_named
        self._empty = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._files.close()

    def names(self, files: int) -> bool:
        """Reserves space for the names of this many files; returns False if there is not enough."""
        if files > self._names:
            return False
        self._names -= files
        return True

    def columns(self, runs: Sequence[Slots]) -> Columns:
        """New columns, for a job with these slots."""
        return Columns(runs, self._files)

    def add(self, job: str, columns: Columns, series: Sequence[Series], *, place: str) -> None:
        """Appends a job; ``place`` is the prefix of links to its files."""
        file = self._file
        head = json.dumps({"job": job, "place": place})[:-1]
        # Nothing in it may look like the end of the script, or the start of a comment, to the HTML parser.
        file.write(f"{'' if self._empty else ','}{head},".replace("<", "\\u003c").encode())
        columns.write(file, hashes=self._hashes)
        self._hashes -= columns.hashes if columns.hashes <= self._hashes else 0
        if series:
            file.write(b',"series":"')
            write_object(file, [("all", [each.as_json() for each in series])])
            file.write(b'"')
        file.write(b"}")
        self._empty = False

    def text(self) -> Iterator[str]:
        """All jobs as a JSON list."""
        yield "["
        self._file.seek(0)
        while block := self._file.read(_BLOCK):
            yield block.decode("ascii")
        yield "]"
