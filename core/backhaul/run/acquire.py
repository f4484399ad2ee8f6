"""Acquires what a job needs to start."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from backhaul.run.claims import Claim, Claims
from backhaul.run.identity import fingerprint_of, refuse_another
from backhaul.run.job import Job
from backhaul.run.ledgers import Ledgers
from backhaul.run.task import Task
from backhaul.storage.job import take_lease


def acquire(
    job: Job,
    ledgers: Ledgers,
    *,
    claims: Claims,
    load: Callable[[str], Any],
    make_http: Callable[[Any, Any], Any],
) -> Task | None:
    """Acquires a job's ledger, lock, provider and API session. Raises BackhaulError.

    None while a store has not answered yet: the job is started again when it has.

    Args:
        job: the job to start.
        ledgers: the run's ledgers.
        claims: locks jobs in stores.
        load: returns the Provider with a given name.
        make_http: creates a provider's API session for one job.
    """
    job.tell_started()
    spec = job.spec
    if spec.plugin_error is not None:
        raise spec.plugin_error
    claim = None
    if spec.dest.is_remote:
        claim = claims.of(job)
        if claim is None:
            return None
    ledger = ledgers.open(spec.dest)
    with ExitStack() as opened:
        if claim is None:
            claim = Claim(take_lease(spec.dest, spec.name))
            opened.callback(claim.lease.release)
        refuse_another(ledger, spec, fingerprint_of(spec, {}))
        provider = load(spec.source.provider)
        if provider.pulls:
            spec.selection.require_whole_queue()
        stop = threading.Event()
        http = make_http(provider, stop)
        opened.callback(http.close)
        if spec.source.pace is not None:
            http.keep_pace(spec.source.pace)
        task = Task(
            job,
            ledger=ledger,
            lease=claim.lease,
            snapshot=claim.snapshot,
            provider=provider,
            http=http,
            stop=stop,
        )
        claims.used(job)
        opened.pop_all()
    return task
