"""Checks an object store: that it can be listed, and that objects can be put and removed."""

import secrets
from collections.abc import Iterator
from contextlib import closing

from backhaul.doctor.finding import Finding
from backhaul.doctor.servers import origins_of
from backhaul.errors import BackhaulError
from backhaul.oserrors import StoreError
from backhaul.storage.location import Location


def examine_store(dest: Location) -> Iterator[Finding]:
    """Lists a prefix of its own, and puts and removes the lock of a job of its own."""
    subject = str(dest)
    try:
        _try(dest)
    except StoreError as error:
        code, advice = error.kind.exit_code, error.kind.advice_on(error.message)
        yield Finding.failed("store", subject, error.strerror or str(error), advice, code)
    except BackhaulError as error:
        yield Finding.of_error("store", subject, error)
    else:
        yield Finding.ok("store", subject, "can be listed and written")


def endpoints(dest: Location) -> list[str]:
    """The origin of the store's endpoint, if it has one of its own."""
    url = None if dest.store is None else dest.store.endpoint
    return [] if url is None else origins_of([url])


def _try(dest: Location) -> None:
    from backhaul.storage.object_store import open_store  # noqa: PLC0415 - slow, and seldom used
    from backhaul.storage.stores.bucket import acquire, release  # noqa: PLC0415 - beside the one above
    from backhaul.storage.stores.leases import StoreLease  # noqa: PLC0415 - beside the one above

    name = f"doctor-{secrets.token_hex(8)}"
    with closing(open_store(dest, name, None)) as store:
        _ = store.was_empty  # lists the prefix
        bucket = acquire(dest)
        try:
            StoreLease(bucket, name, workspace=name).release()
        finally:
            release(bucket)
