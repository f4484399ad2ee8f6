"""Tests an object store before a run."""

import secrets
from contextlib import closing

from backhaul.storage.location import Location
from backhaul.storage.object_store import open_store
from backhaul.storage.stores.bucket import acquire, release
from backhaul.storage.stores.leases import StoreLease


def try_store(dest: Location) -> None:
    """Lists a prefix that no job uses, and creates and removes a lock there.

    Raises StoreError; ConfigError if a package is missing or an option is invalid.
    """
    name = f"doctor-{secrets.token_hex(8)}"
    with closing(open_store(dest, name, None)) as store:
        _ = store.was_empty  # lists the prefix
        bucket = acquire(dest)
        try:
            StoreLease(bucket, name, workspace=name).release()
        finally:
            release(bucket)
