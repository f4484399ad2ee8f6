"""Large files on Google Cloud Storage and Azure: uploaded next to the archive, then copied in the store.

Their multipart uploads cannot be made to fail if the object exists, but their copies can.
"""

import secrets
from contextlib import suppress
from typing import Any, Final

from backhaul.oserrors import StoreError
from backhaul.storage.stores.bucket import STATE, Bucket
from backhaul.storage.stores.failures import ConflictError
from backhaul.storage.stores.publishing import Content, check

_PART: Final = 8 << 20  # bytes
_AT_ONCE: Final = 3  # parts
_PATIENCE: Final = 3.0  # seconds to remove a temporary object; ``clean`` removes what is left


class Copied:
    """Uploads of one job. See LargeUpload.

    Args:
        bucket: the archive's.
        job: its name.
    """

    def __init__(self, bucket: Bucket, job: str) -> None:
        self._bucket = bucket
        self._folder = bucket.key(STATE, "uploads", job)

    async def upload(self, key: str, content: Content, *, if_match: str | None) -> str | None:
        """See LargeUpload."""
        import obstore  # noqa: PLC0415 - an extra

        beside = f"{self._folder}/{secrets.token_hex(8)}"

        async def put() -> Any:
            with content.open() as file:
                return await obstore.put_async(
                    self._bucket.store,
                    beside,
                    file,
                    attributes=content.metadata(),
                    use_multipart=True,
                    chunk_size=_PART,
                    max_concurrency=_AT_ONCE,
                )

        try:
            with content.open() as file:
                await check(key, content, file)
            await self._bucket.calls.ask(
                self._bucket.where(key), put, size=_PART * (_AT_ONCE + 1), sends=content.size
            )
            if if_match is not None:
                now = await self._bucket.stat(key)
                if now is None or now.etag != if_match:
                    raise ConflictError(key)
            await self._bucket.copy(beside, key, overwrite=if_match is not None)
        finally:
            with suppress(StoreError):
                await self._bucket.delete(beside, patience=_PATIENCE)
        done = await self._bucket.stat(key)
        if done is None or (done.size, done.sha256) != (content.size, content.sha256):
            raise StoreError(f"{self._bucket.where(key)} is not what was just uploaded")
        return done.etag

    async def clean(self) -> None:
        """Removes the uploads that earlier runs of this job left behind."""
        async for page in self._bucket.pages(self._folder):
            for each in page:
                await self._bucket.delete(each.name)
