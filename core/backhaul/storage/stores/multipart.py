"""Large files on S3: multipart uploads that become visible only if a condition still holds.

obstore can neither complete an upload conditionally nor list or abort uploads, so botocore does this.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO, Final, Self

from backhaul.oserrors import StoreError
from backhaul.storage.store_options import StoreOptions
from backhaul.storage.stores.bucket import Bucket
from backhaul.storage.stores.calls import in_thread
from backhaul.storage.stores.client import CONNECT, is_virtual
from backhaul.storage.stores.credentials import aws_region, botocore_session
from backhaul.storage.stores.failures import ConflictError
from backhaul.storage.stores.publishing import Content, check

_PART: Final = 8 << 20  # bytes
_MOST_PARTS: Final = 10_000
_STALL: Final = 30  # seconds without a byte
_CONNECTIONS: Final = 16
_AT_ONCE: Final = 3.0  # seconds to abort an upload; the lifecycle rule removes what is left


class Multipart:
    """Uploads of one job. See LargeUpload.

    Args:
        bucket: the archive's.
        prefix: key prefix of the job.
    """

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._client: Any = None

    async def upload(self, key: str, content: Content, *, if_match: str | None) -> str | None:
        """See LargeUpload."""
        extra: dict[str, Any] = {}
        metadata = content.metadata()
        if (storage := metadata.pop("Storage-Class", None)) is not None:
            extra["StorageClass"] = storage
        begun = await self._ask(
            key,
            lambda client: client.create_multipart_upload(
                **self._named(key), Metadata=metadata, ChecksumAlgorithm="SHA256", **extra
            ),
        )
        upload = {**self._named(key), "UploadId": begun["UploadId"]}
        condition = {"IfNoneMatch": "*"} if if_match is None else {"IfMatch": if_match}
        try:
            with content.open() as file:
                parts = await self._send(key, content, file, upload)
            try:
                done = await self._ask(
                    key,
                    lambda client: client.complete_multipart_upload(
                        **upload, MultipartUpload={"Parts": parts}, **condition
                    ),
                )
            except FileNotFoundError:
                # The response to an earlier attempt was lost: the caller checks the object.
                raise ConflictError(key) from None
        except BaseException:
            self._bucket.calls.later(self._abort(key, upload))
            raise
        etag: str | None = done.get("ETag")
        return etag

    async def _send(
        self, key: str, content: Content, file: BinaryIO, upload: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Sends all parts and checks the file at the same time."""
        length = max(_PART, -(-content.size // _MOST_PARTS))
        fd = file.fileno()

        async def send(number: int) -> dict[str, Any]:
            def put(client: Any) -> Any:
                return client.upload_part(
                    **upload,
                    PartNumber=number,
                    Body=os.pread(fd, length, (number - 1) * length),
                    ChecksumAlgorithm="SHA256",
                )

            sent = await self._ask(key, put, size=length)
            found = {"PartNumber": number, "ETag": sent["ETag"]}
            if (checksum := sent.get("ChecksumSHA256")) is not None:
                found["ChecksumSHA256"] = checksum
            return found

        parts = -(-content.size // length)
        async with _Group() as group:
            group.add(check(key, content, file))
            sending = [group.add(send(number)) for number in range(1, parts + 1)]
        return [each.result() for each in sending]

    async def _abort(self, key: str, upload: dict[str, Any]) -> None:
        with suppress(StoreError, FileNotFoundError, ConflictError):
            await self._ask(
                key, lambda client: client.abort_multipart_upload(**upload), patience=_AT_ONCE
            )

    async def clean(self) -> None:
        """Aborts the uploads that earlier runs of this job left behind."""
        marks: dict[str, str] = {}
        while True:
            found = await self._ask(
                self._prefix,
                lambda client: client.list_multipart_uploads(
                    Bucket=self._bucket.dest.bucket,
                    Prefix=f"{self._prefix}/",
                    **marks,  # noqa: B023 - called here
                ),
            )
            for each in found.get("Uploads", ()):
                upload = {**self._named(each["Key"]), "UploadId": each["UploadId"]}
                await self._abort(each["Key"], upload)
            if not found.get("IsTruncated"):
                return
            marks = {
                "KeyMarker": found["NextKeyMarker"],
                "UploadIdMarker": found["NextUploadIdMarker"],
            }

    def _named(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket.dest.bucket, "Key": key}

    async def _ask(
        self, key: str, work: Callable[[Any], Any], *, size: int = 0, patience: float | None = None
    ) -> Any:
        async def make() -> Any:
            return await in_thread(lambda: work(self._connected()))

        return await self._bucket.calls.ask(
            self._bucket.where(key), make, size=size, patience=patience
        )

    def _connected(self) -> Any:
        if self._client is None:
            self._client = _client(self._bucket.dest.store or StoreOptions())
        return self._client


def _client(options: StoreOptions) -> Any:
    from botocore.config import Config  # noqa: PLC0415 - an extra, and slow

    return botocore_session(options.profile).create_client(
        "s3",
        endpoint_url=options.endpoint,
        region_name=aws_region(options),
        config=Config(
            connect_timeout=CONNECT,
            read_timeout=_STALL,
            max_pool_connections=_CONNECTIONS,
            retries={"total_max_attempts": 1},  # Calls does the retries
            s3={"addressing_style": "virtual" if is_virtual(options) else "path"},
        ),
    )


class _Group:
    """Tasks that end together: if one fails, the others are cancelled, and its error is raised."""

    async def __aenter__(self) -> Self:
        self._tasks: list[asyncio.Task[Any]] = []
        return self

    def add(self, work: Any) -> "asyncio.Task[Any]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.append(task)
        return task

    async def __aexit__(self, *_: object) -> None:
        try:
            await asyncio.gather(*self._tasks)
        except BaseException:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            raise
