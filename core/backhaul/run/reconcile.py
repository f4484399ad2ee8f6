"""The provider's own totals against what is here."""

from collections.abc import Iterator

from backhaul.errors import FailureKind
from backhaul.ledger.ledger import Ledger
from backhaul.run.result import FailureNote
from backhaul.types import Totals


def reconcile(ledger: Ledger, job: int, totals: Totals | None) -> Iterator[FailureNote]:
    """What disagrees, once every listed file is verified."""
    if totals is None:
        return
    files, records, size, _ = ledger.inventory.sums(job)
    if totals.records and not records and not files:
        yield FailureNote(
            file=None,
            kind=FailureKind.COUNT_MISMATCH,
            message=f"the provider counts {totals.records} records and gave none: were they fetched"
            " before, to another place? A queue gives its data once",
        )
        return
    for said, found, what in (
        (totals.files, files, "files"),
        (totals.records, records, "records"),
        (totals.bytes, size, "bytes"),
    ):
        if said is not None and said != found:
            yield FailureNote(
                file=None,
                kind=FailureKind.COUNT_MISMATCH,
                message=f"the provider counts {said} {what}, here are {found}",
            )
