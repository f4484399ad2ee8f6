"""What a job needs before it can begin, and gives back after its end."""

from collections.abc import Callable
from typing import Any

from backhaul.ledger.lease import Lease
from backhaul.run.books import Books
from backhaul.run.identity import fingerprint_of, refuse_another
from backhaul.run.task import Task


def open_task(
    task: Task,
    books: Books,
    *,
    load: Callable[[str], Any],
    make_http: Callable[[Any, Any], Any],
) -> None:
    """Gives a job its ledger, its lease, its provider and its API session. Raises BackhaulError.

    Args:
        task: the job.
        books: where the ledgers are.
        load: gives the Provider by name.
        make_http: gives a provider's API session for one job.
    """
    spec = task.spec
    if spec.plugin_error is not None:
        raise spec.plugin_error
    task.ledger = books.open(spec.dest)
    task.lease = Lease(spec.dest, spec.name)
    refuse_another(task.ledger, spec, fingerprint_of(spec, {}))
    task.provider = load(spec.provider)
    task.http = make_http(task.provider, task.stop)
    task.id = task.ledger.jobs.open(spec.name, source=spec.source, provider=spec.provider)
    task.has_rows = task.ledger.files.has_any(task.id)


def let_go(task: Task) -> None:
    """Closes all but the ledger, which other jobs may use; nothing of the job is under way."""
    folder, task.folder = task.folder, None
    lease, task.lease = task.lease, None
    http, task.http = task.http, None
    task.provider = task.ledger = task.thread = None
    if folder is not None:
        folder.close()
    if lease is not None:
        lease.release()
    if http is not None:
        http.close()
