"""Backhaul's own files next to the provider's: manifests and lists of digests."""

import hashlib
import io
import os
import tempfile
from collections.abc import Callable
from typing import BinaryIO, Final, Self

from backhaul.storage.stores.publishing import Content

_IN_MEMORY: Final = 4 << 20  # bytes; longer ones are written to a temporary file


class StoreDocument:
    """A Document. Its content is uploaded on commit, unless the object already has it.

    Args:
        put: stores the content.
        withdraw: removes the object.
    """

    def __init__(self, put: Callable[[Content], None], withdraw: Callable[[], None]) -> None:
        self._put = put
        self.withdraw = withdraw
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by __exit__
        self._digest = hashlib.sha256()
        self._rolled = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, data: bytes, /) -> object:
        """Appends bytes. Raises OSError."""
        self._digest.update(data)
        return self._file.write(data)

    def commit(self) -> None:
        """Stores the content. Raises OSError."""
        size = self._file.tell()
        self._rolled = size > _IN_MEMORY
        self._put(Content(self._opened, size, self._digest.hexdigest(), {}))

    def _opened(self) -> BinaryIO:
        """An independent reader, because readers are closed after use."""
        self._file.seek(0)
        if not self._rolled:
            return io.BytesIO(self._file.read())
        self._file.flush()
        return os.fdopen(os.dup(self._file.fileno()), "rb", 0)
