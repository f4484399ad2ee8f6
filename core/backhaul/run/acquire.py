"""Acquires what a job needs to start."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from backhaul.run.identity import fingerprint_of, refuse_another
from backhaul.run.job import Job
from backhaul.run.ledgers import Ledgers
from backhaul.run.queues import refuse_part_of_queue
from backhaul.run.task import Task
from backhaul.storage.job import take_lease


def acquire(
    job: Job,
    ledgers: Ledgers,
    *,
    load: Callable[[str], Any],
    make_http: Callable[[Any, Any], Any],
) -> Task:
    """Acquires a job's ledger, lock, provider and API session. Raises BackhaulError.

    Args:
        job: the job to start.
        ledgers: the run's ledgers.
        load: returns the Provider with a given name.
        make_http: creates a provider's API session for one job.
    """
    job.tell_started()
    spec = job.spec
    if spec.plugin_error is not None:
        raise spec.plugin_error
    ledger = ledgers.open(spec.dest)
    with ExitStack() as opened:
        lease = take_lease(spec.dest, spec.name)
        opened.callback(lease.release)
        refuse_another(ledger, spec, fingerprint_of(spec, {}))
        provider = load(spec.source.provider)
        refuse_part_of_queue(provider, spec.selection)
        stop = threading.Event()
        http = make_http(provider, stop)
        opened.callback(http.close)
        if spec.source.pace is not None:
            http.keep_pace(spec.source.pace)
        task = Task(job, ledger=ledger, lease=lease, provider=provider, http=http, stop=stop)
        opened.pop_all()
    return task
