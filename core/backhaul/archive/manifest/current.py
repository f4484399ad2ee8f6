"""Checks whether a job's manifest is up to date."""

import json

from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import JobRow
from backhaul.storage.destination import Destination

NAMES = ("MANIFEST.jsonl", "SHA256SUMS", "datapackage.json")
_VERSION = 3  # manifest format; a new version rewrites all manifests
_FACT = "manifest"


def is_current(ledger: Ledger, job: JobRow, destination: Destination) -> bool:
    """Whether the three files are as written, and no file of the job has changed since."""
    return ledger.facts.get(job.id, _FACT) == _note(job, destination)


def remember(ledger: Ledger, job: JobRow, destination: Destination) -> None:
    """Records that the three files match the ledger. Raises OSError, LedgerError."""
    ledger.facts.keep(job.id, _FACT, _note(job, destination))


def _note(job: JobRow, destination: Destination) -> str:
    seen = (destination.stamp(name) for name in NAMES)
    return json.dumps([_VERSION, job.name, job.source, job.provider, *seen])
