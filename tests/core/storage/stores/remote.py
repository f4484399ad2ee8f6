"""A job in a real store, with its parts on local disk."""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.seaweed import PRIVATE

from backhaul.storage.destination import Staged
from backhaul.storage.held_parts import HeldParts
from backhaul.storage.location import Location
from backhaul.storage.object_store import ObjectStore
from backhaul.storage.parts import LocalParts
from backhaul.storage.store_options import StoreOptions
from backhaul.storage.stores.bucket import Bucket

PATIENCE = 1.5  # seconds, for tests that wait until it expires


def location(
    endpoint: str,
    workspace: Path,
    *,
    bucket: str = PRIVATE,
    prefix: str | None = None,
    **options: str,
) -> Location:
    """An unused prefix."""
    prefix = secrets.token_hex(6) if prefix is None else prefix
    store = StoreOptions.model_validate({"endpoint": endpoint, **options})
    return Location(f"s3://{bucket}/{prefix}", workspace, store)


class Remote:
    """A job's destination with its workspace.

    Attributes:
        store: the destination.
        parts: the workspace.
    """

    def __init__(self, dest: Location, *, patience: float = 20.0, job: str = "job") -> None:
        self.dest = dest
        self.bucket = Bucket(dest, patience=patience)
        self.bucket.users = 1
        self.parts = HeldParts(dest.workspace / "parts" / job, durable=False)
        self.store = ObjectStore(self.bucket, job, self.parts)

    def on_disk(self, name: str, data: bytes) -> None:
        """Writes a part to disk, as a worker's process does."""
        with closing(LocalParts(self.parts.path, durable=False)) as parts:
            parts.write_part(name, data)

    def stage(self, name: str, data: bytes, *, known: bool = False) -> Staged:
        """A verified part."""
        self.parts.write_part(name, data)
        return Staged(name, len(data), hashlib.sha256(data).hexdigest(), known=known)

    def put(self, name: str, data: bytes, *, known: bool = False) -> None:
        """Publishes one file."""
        assert self.store.publish([self.stage(name, data, known=known)]) == []

    def read(self, name: str) -> bytes:
        """A file's content."""
        with self.store.open(name) as file:
            return file.read()


@contextmanager
def remote(dest: Location, *, patience: float = 20.0, job: str = "job") -> Iterator[Remote]:
    """A job's destination, open within the context."""
    found = Remote(dest, patience=patience, job=job)
    try:
        yield found
    finally:
        found.store.close()
        found.parts.close()
