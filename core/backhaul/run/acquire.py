"""What a job needs before it can begin."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from backhaul.ledger.lease import Lease
from backhaul.run.identity import fingerprint_of, refuse_another
from backhaul.run.job import Job
from backhaul.run.ledgers import Ledgers
from backhaul.run.task import Task


def acquire(
    job: Job,
    ledgers: Ledgers,
    *,
    load: Callable[[str], Any],
    make_http: Callable[[Any, Any], Any],
) -> Task:
    """Gives a job its ledger, its lease, its provider and its API session. Raises BackhaulError.

    Args:
        job: whose turn it is.
        ledgers: where the ledgers are.
        load: gives the Provider by name.
        make_http: gives a provider's API session for one job.
    """
    job.tell_started()
    spec = job.spec
    if spec.plugin_error is not None:
        raise spec.plugin_error
    ledger = ledgers.open(spec.dest)
    with ExitStack() as opened:
        lease = Lease(spec.dest, spec.name)
        opened.callback(lease.release)
        refuse_another(ledger, spec, fingerprint_of(spec, {}))
        provider = load(spec.provider)
        stop = threading.Event()
        http = make_http(provider, stop)
        opened.callback(http.close)
        pace = provider.pace_of(spec.source_options)
        if pace is not None:
            http.keep_pace(pace)
        task = Task(job, ledger=ledger, lease=lease, provider=provider, http=http, stop=stop)
        opened.pop_all()
    return task
