"""Writes MANIFEST.jsonl, SHA256SUMS and datapackage.json."""

from contextlib import ExitStack
from itertools import islice
from json.encoder import encode_basestring_ascii as quoted

from backhaul.archive.manifest.current import NAMES, is_current, remember
from backhaul.archive.manifest.lines import manifest_line, resource, resource_name, sum_line
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import JobRow
from backhaul.storage.destination import Destination
from backhaul.types import HERE

_AT_ONCE = 512  # files
_SCHEMA = "https://datapackage.org/profiles/2.0/datapackage.json"


def write_manifest(
    ledger: Ledger,
    job_row: JobRow,
    destination: Destination,
    *,
    source: str,
    provider: str,
) -> bool:
    """Writes a job's manifests next to its files; returns whether anything has changed.

    MANIFEST.jsonl lists all files with their states, the other two only those that are present. All are
    sorted by slot, then name; the same ledger gives the same bytes. One pass, constant memory.

    Args:
        ledger: the archive's ledger.
        job_row: the job.
        destination: the job's destination.
        source: the job's source, for datapackage.json.
        provider: the source's provider.

    Raises:
        OSError: a file cannot be written; existing ones stay.
        LedgerError: the ledger is damaged.
    """
    if is_current(ledger, job_row, destination):
        return False
    with ExitStack() as open_files:
        manifest, sums, package = (
            open_files.enter_context(destination.document(name)) for name in NAMES
        )
        listed = here = 0
        package.write(_head(job_row.name, source=source, provider=provider).encode())
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
        for file, wanted in ((manifest, listed), (sums, here), (package, here)):
            # sha256sum -c rejects an empty list, and a data package needs at least one resource.
            if wanted:
                file.commit()
            else:
                file.withdraw()
    destination.sync()
    remember(ledger, job_row, destination)
    return True


def _head(job: str, *, source: str, provider: str) -> str:
    return (
        f'{{"$schema": "{_SCHEMA}",\n "name": {quoted(resource_name(job))},'
        f' "title": {quoted(job)},\n'
        f' "sources": [{{"title": {quoted(f"{provider}: {source}")}}}],\n "resources": ['
    )
