"""Checks an object store: that it can be listed, and that objects can be put and removed."""

from collections.abc import Iterator
from contextlib import closing
from itertools import islice

from backhaul.doctor.finding import Finding
from backhaul.errors import BackhaulError
from backhaul.oserrors import StoreError
from backhaul.storage.location import Location
from backhaul.storage.object_store import open_store

_PROBE = "backhaul-doctor"


def examine_store(dest: Location) -> Iterator[Finding]:
    """Lists the prefix of a job of its own, and locks that job for a moment."""
    subject = str(dest)
    try:
        with closing(open_store(dest, _PROBE, None)) as store:
            for _ in islice(store.listing(), 1):
                pass
            store.lease().release()
    except StoreError as error:
        code, advice = error.kind.exit_code, error.kind.advice
        yield Finding.failed("store", subject, error.strerror or str(error), advice, code)
    except BackhaulError as error:
        yield Finding.of_error("store", subject, error)
    else:
        yield Finding.ok("store", subject, "can be listed and written")
