"""Stores a verified file under its key: creates the object, adopts an equal one, or replaces one if allowed."""

import hashlib
import os
from collections.abc import Callable, Mapping
from typing import BinaryIO, Final, NamedTuple, Protocol

from backhaul.storage.stored import SHA256, Stored
from backhaul.storage.stores.bucket import Bucket
from backhaul.storage.stores.calls import in_thread
from backhaul.storage.stores.failures import ConflictError, RefusedError

LARGE: Final = 16 << 20  # bytes; larger files are sent in several requests
_BLOCK: Final = 1 << 20
_ATTEMPTS: Final = 3


class Content(NamedTuple):
    """The content to store.

    Attributes:
        open: opens it for reading; a large one has a file descriptor.
        size: in bytes.
        sha256: hex digest.
        attributes: metadata in addition to the digest.
        data: the content, if it is still in memory from verification.
    """

    open: Callable[[], BinaryIO]
    size: int
    sha256: str
    attributes: Mapping[str, str]
    data: bytes | None = None

    def metadata(self) -> dict[str, str]:
        """All attributes of the object."""
        return {SHA256: self.sha256, **self.attributes}

    def read(self, key: str) -> bytes:
        """All of a small file. Raises RefusedError if it has changed since, OSError."""
        if self.data is not None:
            return self.data
        with self.open() as file:
            data = file.read(self.size + 1)
        if len(data) != self.size or hashlib.sha256(data).hexdigest() != self.sha256:
            raise damaged(key)
        return data


class LargeUpload(Protocol):
    """Stores large files with bounded memory."""

    async def upload(self, key: str, content: Content, *, if_match: str | None) -> str | None:
        """Writes an object; returns its ETag.

        ``if_match``: the ETag of the object to replace; None: it must not exist.

        Raises ConflictError, StoreError, OSError.
        """
        ...

    async def clean(self) -> None:
        """Removes what interrupted uploads left behind. Raises StoreError."""


async def publish(
    bucket: Bucket,
    large: LargeUpload,
    key: str,
    content: Content,
    *,
    seen: Stored | None,
    known: bool,
) -> Stored:
    """Stores a file under its key; an object that has the same sha256 is kept.

    Args:
        bucket: where.
        large: for files of more than 16 MB.
        key: the object's.
        content: the file.
        seen: the object when the run listed it; None: there was none.
        known: whether that object may be replaced.

    Raises:
        RefusedError: the key has other content that must not be replaced, or was replaced meanwhile.
        StoreError: the store cannot be used.
        OSError: the file cannot be read.
    """
    found = None if seen is None else await bucket.stat(key)
    for _ in range(_ATTEMPTS):
        if found is not None and (found.size, found.sha256) == (content.size, content.sha256):
            return found
        etag = None
        if found is not None:
            etag = found.etag
            if not known or seen is None or etag is None or etag != seen.etag:
                raise _refused(bucket.where(key), found, changed=known)
        try:
            etag = await _put(bucket, large, key, content, etag)
        except ConflictError:
            found = await bucket.stat(key)
        else:
            return Stored(key, content.size, etag, content.sha256)
    raise RefusedError(f"{bucket.where(key)} changed while it was being written; run again")


async def _put(
    bucket: Bucket, large: LargeUpload, key: str, content: Content, if_match: str | None
) -> str | None:
    if content.size > LARGE:
        return await large.upload(key, content, if_match=if_match)
    return await bucket.put(key, content.read(key), content.metadata(), if_match=if_match)


def _refused(where: str, found: Stored, *, changed: bool) -> RefusedError:
    what = "was changed by another program" if changed else "is not in this archive's ledger"
    return RefusedError(
        f"{where} has other content ({found.size} bytes) and {what}; it is kept: move or delete it,"
        " then run again"
    )


def damaged(key: str) -> RefusedError:
    """The error for a part whose bytes have changed since they were verified."""
    return RefusedError(
        f"{key}: its part in the workspace was changed after it was verified; run again"
    )


async def check(key: str, content: Content, file: BinaryIO) -> None:
    """Raises RefusedError if the bytes of a large file have changed since they were verified; OSError."""

    def digest() -> str:
        found = hashlib.sha256()
        for offset in range(0, content.size, _BLOCK):
            found.update(os.pread(file.fileno(), _BLOCK, offset))
        return found.hexdigest()

    found = await in_thread(digest)
    if found != content.sha256 or os.fstat(file.fileno()).st_size != content.size:
        raise damaged(key)


def measured(file: BinaryIO) -> tuple[int, str]:
    """Size and sha256 of a file. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    while block := file.read(_BLOCK):
        digest.update(block)
        size += len(block)
    return size, digest.hexdigest()
