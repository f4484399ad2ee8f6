"""Writes MANIFEST.jsonl, SHA256SUMS and datapackage.json, unless they are up to date."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from itertools import islice
from json.encoder import encode_basestring_ascii as quoted

from backhaul.archive.manifest.lines import manifest_line, resource, resource_name, sum_line
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import JobRow
from backhaul.storage.destination import Destination
from backhaul.types import HERE

_AT_ONCE = 512  # files
_SCHEMA = "https://datapackage.org/profiles/2.0/datapackage.json"
NAMES = ("MANIFEST.jsonl", "SHA256SUMS", "datapackage.json")
_VERSION = 3  # manifest format; a new version rewrites all manifests
_FACT = "manifest"


def write_manifest(ledger: Ledger, job_row: JobRow, destination: Destination) -> bool:
    """Writes a job's manifests next to its files; returns whether anything has changed.

    MANIFEST.jsonl lists all files with their states, the other two only those that are present. All are
    sorted by slot, then name; the same ledger gives the same bytes. One pass, constant memory.

    Args:
        ledger: the archive's ledger.
        job_row: the job.
        destination: the job's destination.

    Raises:
        OSError: a file cannot be written; existing ones stay.
        LedgerError: the ledger is damaged.
    """
    with ExitStack() as opened:
        new = prepare(ledger, job_row, destination, opened)
        if new is None:
            return False
        new()
    remember(ledger, job_row, destination)
    return True


def prepare(
    ledger: Ledger, job_row: JobRow, destination: Destination, opened: ExitStack
) -> Callable[[], None] | None:
    """Like ``write_manifest``, in two steps: the returned function gives the files their names.

    It does not use the ledger, so another thread can call it; ``remember`` follows. None if the files are
    up to date. ``opened`` holds the files until then.
    """
    if is_current(ledger, job_row, destination):
        return None
    documents = [opened.enter_context(destination.document(name)) for name in NAMES]
    manifest, sums, package = documents
    listed = here = 0
    package.write(_head(job_row).encode())
    rows = ledger.inventory.manifest_rows(job_row.id)
    while some := list(islice(rows, _AT_ONCE)):
        proven = [row for row in some if row.state in HERE and row.sha256 is not None]
        manifest.write("".join(map(manifest_line, some)).encode())
        sums.write(
            "".join([sum_line(row.name, str(row.sha256)) for row in proven]).encode(
                "utf-8", "surrogateescape"
            )
        )
        if proven:
            package.write(b",\n  " if here else b"\n  ")
            package.write(",\n  ".join(map(resource, proven)).encode())
        listed += len(some)
        here += len(proven)
    package.write(b"\n ]}\n")

    def publish() -> None:
        for file, wanted in zip(documents, (listed, here, here), strict=True):
            # sha256sum -c rejects an empty list, and a data package needs at least one resource.
            if wanted:
                file.commit()
            else:
                file.withdraw()
        destination.sync()

    return publish


def _head(job: JobRow) -> str:
    return (
        f'{{"$schema": "{_SCHEMA}",\n "name": {quoted(resource_name(job.name))},'
        f' "title": {quoted(job.name)},\n'
        f' "sources": [{{"title": {quoted(f"{job.provider}: {job.source}")}}}],\n "resources": ['
    )


def is_current(ledger: Ledger, job: JobRow, destination: Destination) -> bool:
    """Whether the three files are as written, and no file of the job has changed since."""
    return ledger.facts.get(job.id, _FACT) == _note(job, destination)


def remember(ledger: Ledger, job: JobRow, destination: Destination) -> None:
    """Records that the three files match the ledger. Raises OSError, LedgerError."""
    ledger.facts.keep(job.id, _FACT, _note(job, destination))


def _note(job: JobRow, destination: Destination) -> str:
    seen = (destination.stamp(name) for name in NAMES)
    return json.dumps([_VERSION, job.name, job.source, job.provider, *seen])
