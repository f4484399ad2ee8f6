"""Locks a job for one workspace, using an object in the store."""

import asyncio
import concurrent.futures
import json
import logging
import os
import secrets
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Final

from backhaul.errors import LockedError
from backhaul.foreign import line
from backhaul.oserrors import StoreError
from backhaul.storage.atomic import AtomicFile
from backhaul.storage.opening import open_to_read, regular
from backhaul.storage.place import Place
from backhaul.storage.stored import Stored
from backhaul.storage.stores.bucket import STATE, Bucket
from backhaul.storage.stores.failures import ConflictError

log = logging.getLogger(__name__)

LASTS: Final = 20 * 60.0
"""Seconds after which a lease that was not renewed has expired.

Compares the store's clock with this machine's; stores refuse clocks that differ by 15 minutes.
"""

_RENEWED: Final = 120.0  # seconds
_PATIENCE: Final = 10.0  # seconds
_ATTEMPTS: Final = 3
_NAME: Final = "workspace-id"
_making: Final = Lock()  # jobs of one workspace are locked at the same time


def workspace_id(workspace: Path) -> str:
    """The id of a workspace in leases; generated on first use. Raises OSError."""
    workspace.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = Place(workspace)
    try:
        with _making:
            if regular(_NAME, dir_fd=place.fd) is None:
                with AtomicFile(_NAME, dir_fd=place.fd, durable=True) as file:
                    file.write(f"{secrets.token_hex(16)}\n".encode())
                    file.commit()
        with os.fdopen(open_to_read(_NAME, dir_fd=place.fd), "rb") as found:
            return found.read(64).decode("ascii", "replace").strip()
    finally:
        place.close()


class StoreLease:
    """A job that is locked in the store for a workspace; renewed every two minutes.

    A lease of the same workspace is taken over, since the caller has the workspace's local lock.

    Args:
        bucket: the archive's.
        job: its name.
        workspace: see ``workspace_id``.

    Raises:
        LockedError: another workspace holds the lease; the message says which, and until when.
        StoreError: the store cannot be used.
    """

    def __init__(self, bucket: Bucket, job: str, workspace: str) -> None:
        self._bucket = bucket
        self._key = bucket.key(STATE, "leases", f"{job}.json")
        self._job = job
        self._workspace = workspace
        self._etag: str | None = None
        self._renewal: concurrent.futures.Future[None] | None = None
        self._written = 0.0
        self._writing = asyncio.Lock()
        self.lost: str | None = None
        bucket.calls.run(self._take())
        self._renewal = bucket.calls.start(self._renew())
        bucket.leases[job] = self

    def check(self) -> None:
        """Raises LockedError if another workspace has taken over the job; StoreError if it may have.

        It may have if the lease was not renewed in time, for example while this machine was suspended.
        """
        if self.lost is None and time.time() - self._written > LASTS / 2:
            self._bucket.calls.run(self._renewed())
        if self.lost is not None:
            raise LockedError(self.lost)

    def release(self) -> None:
        """Deletes the lease, unless another workspace has it now; a lease that stays expires by itself."""
        if self._bucket.leases.get(self._job) is self:
            del self._bucket.leases[self._job]
        if self._renewal is not None:
            self._renewal.cancel()
            self._renewal = None
            if self.lost is None:
                try:
                    self._bucket.calls.run(self._bucket.delete(self._key, patience=_PATIENCE))
                except (StoreError, InterruptedError) as error:
                    log.warning("job %s stays locked for 20 minutes: %s", self._job, error.strerror)

    async def _take(self) -> None:
        held: Stored | None = None
        for _ in range(_ATTEMPTS):
            try:
                await self._write(None if held is None else held.etag)
            except ConflictError:
                held = await self._held()
            else:
                return
        raise LockedError(f"job {self._job} is being locked by another run in {self._bucket.dest}")

    async def _held(self) -> Stored | None:
        """The existing lease, which may be taken over; None if there is none any more."""
        try:
            data, found = await self._bucket.read(self._key)
        except FileNotFoundError:
            return None
        holder = _parsed(data)
        left = found.modified + LASTS - time.time()
        if holder.get("workspace") != self._workspace and left > 0:
            raise LockedError(
                f"job {self._job} is locked in {self._bucket.dest} by process {holder.get('pid')} on"
                f" {holder.get('host')} since {holder.get('since')}; if that process is gone, the lock"
                f" expires in {left / 60:.0f} minutes"
            )
        return found

    async def _write(self, if_match: str | None) -> None:
        # The time makes the content, and thus the ETag, of each write different.
        data = {
            "workspace": self._workspace,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "since": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "nonce": secrets.token_hex(8),
        }
        body = json.dumps(data).encode()
        began = time.time()
        try:
            self._etag = await self._bucket.put(self._key, body, {}, if_match=if_match)
        except ConflictError:
            try:
                found, meta = await self._bucket.read(self._key)
            except FileNotFoundError:
                raise ConflictError(self._key) from None
            if found != body:  # otherwise the response to an earlier attempt was lost
                raise
            self._etag = meta.etag
        self._written = began

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEWED)
            try:
                await self._renewed()
            except StoreError:
                continue  # the next attempt is well before the lease expires
            if self.lost is not None:
                return

    async def _renewed(self) -> None:
        async with self._writing:
            if self.lost is not None:
                return
            try:
                await self._write(self._etag)
            except ConflictError:
                self.lost = (
                    f"the lock of job {self._job} in {self._bucket.dest} was taken over by another"
                    " workspace"
                )


def _parsed(data: bytes) -> dict[str, str]:
    try:
        found: Any = json.loads(data)
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(key): line(str(value))[:100] for key, value in found.items()}
