"""Whether a job's manifest is as it should be."""

import json

from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import JobRow
from backhaul.storage.opening import regular

NAMES = ("MANIFEST.jsonl", "SHA256SUMS", "datapackage.json")
_VERSION = 3  # of what is written; a new one has every manifest written anew
_FACT = "manifest"


def is_current(ledger: Ledger, job: JobRow, dir_fd: int) -> bool:
    """Whether the three files are as they were written, and no file of the job changed since."""
    return ledger.facts.get(job.id, _FACT) == _note(job, dir_fd)


def remember(ledger: Ledger, job: JobRow, dir_fd: int) -> None:
    """Notes that the three files say what the ledger has. Raises OSError, LedgerError."""
    ledger.facts.keep(job.id, _FACT, _note(job, dir_fd))


def _note(job: JobRow, dir_fd: int) -> str:
    seen = (_seen(name, dir_fd) for name in NAMES)
    return json.dumps([_VERSION, job.name, job.source, job.provider, *seen])


def _seen(name: str, dir_fd: int) -> tuple[int, int] | None:
    found = regular(name, dir_fd=dir_fd)
    return None if found is None else (found.st_size, found.st_mtime_ns)
