"""Whether a job's manifest is as it should be."""

import json

from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import JobRow
from backhaul.storage.destination import Destination

NAMES = ("MANIFEST.jsonl", "SHA256SUMS", "datapackage.json")
_VERSION = 3  # of what is written; a new one has every manifest written again
_FACT = "manifest"


def is_current(ledger: Ledger, job: JobRow, destination: Destination) -> bool:
    """Whether the three files are as they were written, and no file of the job changed since."""
    return ledger.facts.get(job.id, _FACT) == _note(job, destination)


def remember(ledger: Ledger, job: JobRow, destination: Destination) -> None:
    """Notes that the three files say what the ledger has. Raises OSError, LedgerError."""
    ledger.facts.keep(job.id, _FACT, _note(job, destination))


def _note(job: JobRow, destination: Destination) -> str:
    seen = (destination.stamp(name) for name in NAMES)
    return json.dumps([_VERSION, job.name, job.source, job.provider, *seen])
