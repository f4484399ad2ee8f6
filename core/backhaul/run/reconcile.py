"""Compares the provider's totals with the files on disk."""

from collections.abc import Iterator

from backhaul.errors import FailureKind, FailureReport
from backhaul.ledger.inventory import Summary
from backhaul.types import Totals


def reconcile(here: Summary, totals: Totals | None) -> Iterator[FailureReport]:
    """Mismatches, once every listed file is verified."""
    if totals is None:
        return
    if totals.records and not here.records and not here.files:
        yield FailureReport(
            kind=FailureKind.COUNT_MISMATCH,
            message=f"provider reports {totals.records} records but delivered none: they may have been"
            " fetched before, to another place; a queue delivers its data once",
        )
        return
    for said, found, what in (
        (totals.files, here.files, "files"),
        (totals.records, here.records, "records"),
        (totals.bytes, here.bytes, "bytes"),
    ):
        if said is not None and said != found:
            yield FailureReport(
                kind=FailureKind.COUNT_MISMATCH,
                message=f"provider reports {said} {what}; {found} present",
            )
