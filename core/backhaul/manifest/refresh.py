"""Renewing a job's manifest when something of the job has changed."""

import logging
from pathlib import Path

from backhaul.errors import DiskError, LockedError
from backhaul.ledger.lease import Lease
from backhaul.ledger.ledger import Ledger
from backhaul.manifest.write import write_manifest

log = logging.getLogger(__name__)


def refresh_manifest(ledger: Ledger, job: str, dest: Path, *, durable: bool = True) -> bool:
    """Writes the job's manifest unless it is as it should be; says whether it was written.

    Where another run has the job by now, the manifest is left to that one. Raises OSError,
    LedgerError.
    """
    row = ledger.jobs.get(job)
    if row is None or not (dest / job).is_dir():
        return False
    try:
        lease = Lease(dest, job)
    except LockedError as error:
        log.debug("%s; it writes the manifest", error)
        return False
    except DiskError as error:
        raise OSError(error.message) from None
    try:
        return write_manifest(
            ledger, row, dest / job, source=row.source, provider=row.provider, durable=durable
        )
    finally:
        lease.release()
