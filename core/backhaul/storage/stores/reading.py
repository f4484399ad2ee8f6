"""Reads an object like a file: streamed from the start, or by range after a seek."""

import asyncio
import errno
import io
from typing import TYPE_CHECKING, Any, Final

from backhaul.oserrors import StoreError
from backhaul.storage.stores.bucket import Bucket
from backhaul.storage.stores.failures import ConflictError, judge

if TYPE_CHECKING:
    from typing_extensions import Buffer

_CHUNK: Final = 1 << 20
_STALL: Final = 30.0  # seconds without a chunk
_ATTEMPTS: Final = 3  # how often a broken stream is continued in one read


class ObjectReader(io.RawIOBase):
    """An object's content, unbuffered. All of it is from one version, or reading fails.

    Args:
        bucket: the archive's.
        key: the object's.

    Raises:
        FileNotFoundError: there is no such object.
        StoreError: the store cannot be used, or the object was replaced while it was read.
    """

    def __init__(self, bucket: Bucket, key: str) -> None:
        self._bucket = bucket
        self._key = key
        self._at = 0
        self._held = memoryview(b"")  # received but not read yet
        self._stream: Any = None
        self._etag: str | None = None
        self._size = 0
        bucket.calls.run(self._begin(0))

    async def _begin(self, start: int) -> None:
        """Starts streaming."""
        import obstore  # noqa: PLC0415 - an extra

        options: Any = {}
        if start:
            options["range"] = {"offset": start}
        if self._etag is not None:
            options["if_match"] = self._etag

        async def get() -> Any:
            return await obstore.get_async(self._bucket.store, self._key, options=options)

        where = self._bucket.where(self._key)
        try:
            found = await self._bucket.calls.ask(where, get)
        except ConflictError:
            raise StoreError(f"{where} was replaced while it was being read") from None
        self._etag = found.meta["e_tag"]
        self._size = found.meta["size"]
        self._stream = found.stream(min_chunk_size=_CHUNK)

    async def _next(self) -> bytes:
        """The next chunk; continues a broken stream."""
        reason = ""
        for _ in range(_ATTEMPTS):
            if self._stream is None:
                await self._begin(self._at)
            stream: Any = self._stream
            try:
                async with asyncio.timeout(_STALL):
                    return bytes(await stream.__anext__())
            except StopAsyncIteration:
                break
            except Exception as error:  # noqa: BLE001 - obstore's, without a common base class
                self._stream = None
                reason = judge(error).text
        else:
            raise StoreError(f"{self._bucket.where(self._key)}: {reason}")
        raise StoreError(
            f"{self._bucket.where(self._key)} ends after {self._at} of {self._size} bytes"
        )

    def readinto(self, buffer: "Buffer", /) -> int:
        """Reads the available bytes, at least one before the end."""
        target = memoryview(buffer).cast("B")
        if not target or self._at >= self._size:
            return 0
        if not self._held:
            self._held = memoryview(self._bucket.calls.run(self._next()))
        count = min(len(target), len(self._held))
        target[:count] = self._held[:count]
        self._held = self._held[count:]
        self._at += count
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Moves the position; the next read requests a range."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        wanted = start + offset
        if wanted < 0:
            raise OSError(errno.EINVAL, "negative position")
        skipped = wanted - self._at
        if 0 <= skipped <= len(self._held):
            self._held = self._held[skipped:]
        else:
            self._held = memoryview(b"")
            self._stream = None
        self._at = wanted
        return wanted

    def tell(self) -> int:
        """The position."""
        return self._at

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def close(self) -> None:
        """Ends the connection."""
        self._stream = None
        self._held = memoryview(b"")
        super().close()
