"""Whether anything of a job has changed since its manifest was written."""

import json
from hashlib import sha256
from pathlib import Path

from backhaul.ledger.database import FOLDER
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import JobRow
from backhaul.manifest.atomic import write_whole

NAMES = ("MANIFEST.jsonl", "SHA256SUMS", "datapackage.json")
_VERSION = 1  # of what is written; a new one has every manifest written anew


def fingerprint(ledger: Ledger, job: JobRow) -> str:
    """A hash over all that a job's manifest is made of; 20 ms for 50,000 files. Raises LedgerError."""
    found = sha256(f"{_VERSION}\0{job.name}\0{job.source}\0{job.provider}".encode())
    for text in ledger.inventory.digest_texts(job.id):
        found.update(text.encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def is_current(dest: Path, job: str, folder: Path, found: str) -> bool:
    """Whether the three files are there as they were written for this fingerprint."""
    try:
        note = json.loads(_note(dest, job).read_text(encoding="utf-8"))
        return bool(note == {"fingerprint": found, "sizes": _sizes(folder)})
    except (OSError, ValueError):
        return False


def remember(dest: Path, job: str, folder: Path, found: str) -> None:
    """Notes for which fingerprint the three files were written. Raises OSError."""
    path = _note(dest, job)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = json.dumps({"fingerprint": found, "sizes": _sizes(folder)})
    write_whole(path, [text.encode()], durable=False)


def _note(dest: Path, job: str) -> Path:
    return dest / FOLDER / "manifests" / f"{job}.json"


def _sizes(folder: Path) -> list[int | None]:
    return [path.stat().st_size if (path := folder / name).is_file() else None for name in NAMES]
