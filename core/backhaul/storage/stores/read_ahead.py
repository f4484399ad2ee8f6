"""Fetches the small objects that will be read next, many at once: one at a time, a distant store would take minutes."""

import io
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final

from backhaul.oserrors import StoppedError
from backhaul.storage.stores.bucket import Bucket

if TYPE_CHECKING:
    from backhaul.storage.destination import F, Named

SMALL: Final = 4 << 20  # bytes; a larger object takes longer than a round trip anyway
_FILES: Final = 64
_BYTES: Final = 32 << 20


class ReadAhead:
    """The objects that are being fetched for ``open``. One thread at a time takes files."""

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._fetched: dict[str, Future[bytes]] = {}

    def over(self, files: "Iterable[F]") -> "Iterator[F]":
        """The same files, in the same order; each can be opened until the next one is taken."""
        rest = iter(files)
        ahead: deque[F] = deque()
        size = 0
        try:
            while True:
                for file in rest:
                    ahead.append(file)
                    size += self._start(file)
                    if len(ahead) >= _FILES or size >= _BYTES:
                        break
                if not ahead:
                    return
                file = ahead.popleft()
                yield file
                if self._drop(file.name):
                    size -= file.size or 0
        finally:
            for file in ahead:
                self._drop(file.name)

    def opened(self, name: str) -> io.BytesIO | None:
        """The content of a file that was fetched; None if it has to be read. Raises StoppedError."""
        found = self._fetched.get(name)
        if found is None:
            return None
        try:
            return io.BytesIO(self._bucket.calls.wait(found))
        except StoppedError:
            raise
        except Exception:  # noqa: BLE001 - whoever reads it gets the same error, and handles it
            return None

    def _start(self, file: "Named") -> int:
        if not file.size or file.size > SMALL or file.name in self._fetched:
            return 0
        self._fetched[file.name] = self._bucket.calls.start(self._read(file.name, file.size))
        return file.size

    async def _read(self, name: str, size: int) -> bytes:
        import obstore  # noqa: PLC0415 - an extra

        bucket, key = self._bucket, f"{self._prefix}/{name}"
        start: Any = {"range": (0, size + 1)}  # one more shows that it has grown

        async def get() -> bytes:
            found = await obstore.get_async(bucket.store, key, options=start)
            return bytes(await found.bytes_async())

        return await bucket.calls.ask(bucket.where(key), get, size=size)

    def _drop(self, name: str) -> bool:
        found = self._fetched.pop(name, None)
        if found is not None:
            found.cancel()
        return found is not None
