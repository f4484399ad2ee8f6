"""Whether a job's manifest is as it should be."""

import json
from pathlib import Path

from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import JobRow

NAMES = ("MANIFEST.jsonl", "SHA256SUMS", "datapackage.json")
_VERSION = 3  # of what is written; a new one has every manifest written anew
_FACT = "manifest"


def is_current(ledger: Ledger, job: JobRow, folder: Path) -> bool:
    """Whether the three files are as they were written, and no file of the job changed since."""
    return ledger.facts.get(job.id, _FACT) == _note(job, folder)


def remember(ledger: Ledger, job: JobRow, folder: Path) -> None:
    """Notes that the three files say what the ledger has. Raises OSError, LedgerError."""
    ledger.facts.keep(job.id, _FACT, _note(job, folder))


def _note(job: JobRow, folder: Path) -> str:
    return json.dumps([_VERSION, job.name, job.source, job.provider, *map(_seen, _paths(folder))])


def _paths(folder: Path) -> list[Path]:
    return [folder / name for name in NAMES]


def _seen(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns
