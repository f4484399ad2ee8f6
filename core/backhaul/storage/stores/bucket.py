"""One archive's prefix of a bucket: single requests, as coroutines of its ``calls``."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from threading import RLock
from typing import Any, Final, Protocol

from backhaul.oserrors import StoreError
from backhaul.storage.location import Location
from backhaul.storage.stored import Stored, stored
from backhaul.storage.stores.calls import PATIENCE, Calls
from backhaul.storage.stores.client import open_bucket
from backhaul.storage.stores.failures import ConflictError

_PAGE: Final = 1000
STATE: Final = ".backhaul"  # below the archive's prefix: leases, unfinished uploads, the snapshot


class Lease(Protocol):
    """See StoreLease."""

    def check(self) -> None:
        """Raises LockedError if it was lost."""


class Bucket:
    """An archive's objects; shared by its jobs. Contacts no server when it is created.

    Attributes:
        dest: the archive.
        calls: runs the coroutines.
        store: obstore's.
        users: destinations that have acquired it.
        leases: those that this process holds or has lost, by job; checked before anything is written.
    """

    def __init__(self, dest: Location, *, patience: float | None = None) -> None:
        self.dest = dest
        self.store: Any = open_bucket(dest)
        self.calls = Calls(patience=PATIENCE if patience is None else patience)
        self.users = 0
        self.leases: dict[str, Lease] = {}

    def key(self, *steps: str) -> str:
        """The key of an object of the archive."""
        return "/".join(step for step in (self.dest.prefix, *steps) if step)

    def where(self, key: str) -> str:
        """An object's URL, for messages."""
        return f"{self.dest.scheme}://{self.dest.bucket}/{key}"

    async def stat(self, key: str) -> Stored | None:
        """An object with its metadata; None if there is none. Raises StoreError."""
        import obstore  # noqa: PLC0415 - an extra

        async def head() -> Any:
            return await obstore.get_async(self.store, key, options={"head": True})

        try:
            found = await self.calls.ask(self.where(key), head)
        except FileNotFoundError:
            return None
        return stored(key, found.meta, found.attributes)

    async def read(self, key: str) -> tuple[bytes, Stored]:
        """The content of a small object. Raises FileNotFoundError, StoreError."""
        import obstore  # noqa: PLC0415 - an extra

        async def get() -> Any:
            found = await obstore.get_async(self.store, key)
            return bytes(await found.bytes_async()), found

        data, found = await self.calls.ask(self.where(key), get)
        return data, stored(key, found.meta, found.attributes)

    async def put(
        self,
        key: str,
        data: bytes,
        attributes: Mapping[str, str],
        *,
        if_match: str | None = None,
        patience: float | None = None,
    ) -> str | None:
        """Writes an object in one request; returns its ETag.

        Args:
            key: its key.
            data: its content.
            attributes: its metadata.
            if_match: the ETag of the object to replace; None: it must not exist.
            patience: see ``Calls.ask``.

        Raises ConflictError, StoreError.
        """
        import obstore  # noqa: PLC0415 - an extra

        mode: Any = "create"

        async def put() -> Any:
            return await obstore.put_async(
                self.store, key, data, attributes=dict(attributes), mode=mode, use_multipart=False
            )

        try:
            if if_match is not None:
                mode = await self._replacing(key, if_match)
            return await self._put(key, put, len(data), patience)
        except FileNotFoundError:
            raise ConflictError(key) from None  # If-Match, but the object is gone

    async def _replacing(self, key: str, etag: str) -> dict[str, str]:
        """Obstore's condition that an object still has this ETag; Google's service needs the generation."""
        if self.dest.scheme != "gs":
            return {"e_tag": etag}
        import obstore  # noqa: PLC0415 - an extra

        async def head() -> Any:
            return await obstore.head_async(self.store, key)

        found = await self.calls.ask(self.where(key), head)
        if found["e_tag"] != etag:
            raise ConflictError(key)
        return {"e_tag": etag, "version": found["version"]}

    async def _put(self, key: str, put: Any, size: int, patience: float | None) -> str | None:
        found = await self.calls.ask(self.where(key), put, size=size, patience=patience)
        etag: str | None = found["e_tag"]
        return etag

    async def delete(self, key: str, *, patience: float | None = None) -> None:
        """Removes an object, if it exists. Raises StoreError."""
        import obstore  # noqa: PLC0415 - an extra

        async def delete() -> None:
            await obstore.delete_async(self.store, key)

        try:
            await self.calls.ask(self.where(key), delete, patience=patience)
        except FileNotFoundError:
            return

    async def copy(self, key: str, other: str, *, overwrite: bool) -> None:
        """Copies an object within the store. Raises FileNotFoundError, ConflictError, StoreError."""
        import obstore  # noqa: PLC0415 - an extra

        async def copy() -> None:
            await obstore.copy_async(self.store, key, other, overwrite=overwrite)

        await self.calls.ask(self.where(other), copy)

    async def pages(self, prefix: str) -> AsyncIterator[Sequence[Stored]]:
        """The objects below a key, in order, with their full keys. Raises StoreError."""
        import obstore  # noqa: PLC0415 - an extra

        last: str | None = None
        source: Any = None

        async def page() -> Any:
            nonlocal source
            if source is None:
                source = obstore.list(self.store, prefix, offset=last, chunk_size=_PAGE)
            try:
                return await source.__anext__()
            except StopAsyncIteration:
                return None
            except BaseException:
                source = None  # continues after the last object
                raise

        while True:
            try:
                found = await self.calls.ask(self.dest.url, page)
            except FileNotFoundError:
                raise StoreError(f"{self.dest.url}: the bucket does not exist") from None
            if found is None:
                return
            if found:
                last = found[-1]["path"]
                yield [stored(each["path"], each) for each in found]


_buckets: dict[Location, Bucket] = {}
_lock: Final = RLock()


def acquire(dest: Location) -> Bucket:
    """The bucket of a location, shared within this process. Raises ConfigError."""
    with _lock:
        bucket = _buckets.get(dest)
        if bucket is None or bucket.calls.stopped:
            bucket = _buckets[dest] = Bucket(dest)
        bucket.users += 1
        return bucket


def release(bucket: Bucket) -> None:
    """Closes the bucket after its last user."""
    with _lock:
        bucket.users -= 1
        if bucket.users:
            return
        if _buckets.get(bucket.dest) is bucket:
            del _buckets[bucket.dest]
    bucket.calls.close()


def in_use() -> list[Location]:
    """The archives whose buckets are open in this process."""
    with _lock:
        return list(_buckets)


def stop(dests: Collection[Location]) -> None:
    """Stops all requests to these stores within a second; see ``Calls.stop``. Safe in signal handlers."""
    with _lock:
        for dest, bucket in list(_buckets.items()):
            if dest in dests:
                bucket.calls.stop()
