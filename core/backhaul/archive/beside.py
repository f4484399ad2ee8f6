"""A command's own files next to those of a job, for archives in a store."""

import os
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Final, Self

from backhaul.storage import opening
from backhaul.storage.atomic import write_whole
from backhaul.storage.job import open_store_of, take_lease
from backhaul.storage.location import Location

_BLOCK: Final = 1 << 20


class Beside:
    """Objects below ``<dest>/<name>/``, written by one command at a time; a context manager.

    Args:
        dest: the archive, in a store.
        name: such as ``worldcup.rollup``.

    Raises:
        LockedError: another command writes them.
        StoreError, DiskError, ConfigError: the store, or its workspace, cannot be used.
    """

    def __init__(self, dest: Location, name: str) -> None:
        with ExitStack() as opened:
            opened.callback(take_lease(dest, name).release)
            self._store = opened.enter_context(closing(open_store_of(dest, name)))
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    @property
    def url(self) -> str:
        """Where they are, for messages."""
        return self._store.url

    def size(self, name: str) -> int | None:
        """Size of an object; None if it does not exist. Raises StoreError."""
        return self._store.size(name)

    def fetch(self, name: str, path: Path) -> None:
        """Copies an object, if it exists, to a file. Raises OSError."""
        if self._store.size(name) is None:
            opening.remove(path)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._store.open(name) as stored:
            write_whole(path, iter(partial(stored.read, _BLOCK), b""), durable=False)

    def put(self, name: str, path: Path) -> None:
        """Stores a file. Raises StoreError, OSError."""
        opened = os.fdopen(opening.open_to_read(path), "rb")
        with opened as file, self._store.document(name) as document:
            while block := file.read(_BLOCK):
                document.write(block)
            document.commit()
