"""Plans a run: queries statuses and lists files, without fetching or writing anything."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from threading import Event
from typing import TYPE_CHECKING, Final

from backhaul.archive.fingerprint import Fingerprint
from backhaul.errors import BackhaulError, FailureKind, FailureReport
from backhaul.ledger.ledger import Ledger, inspected
from backhaul.run import identity, renamed
from backhaul.run.asking import ask_each
from backhaul.run.count import Count
from backhaul.run.plan import DiskNeed, JobPlan, Plan
from backhaul.run.queues import refuse_part_of_queue
from backhaul.storage.destination import SizeOf
from backhaul.storage.job import looked_at
from backhaul.storage.location import Location
from backhaul.storage.sizes import sizes
from backhaul.storage.state import free_at
from backhaul.types import JobState, JobStatus, RemoteFile

if TYPE_CHECKING:
    from backhaul.config import JobSpec
    from backhaul.http.session import Http
    from backhaul.http.unused import UnusedHttp
    from backhaul.plugins.facade import Provider

_BATCH: Final = 1024
MakeHttp = Callable[["Provider", Event], "Http | UnusedHttp"]


@dataclass(slots=True, kw_only=True)
class _Draft:
    """A JobPlan in progress, with the same attributes."""

    spec: "JobSpec"
    status: JobStatus | None = None
    error: BackhaulError | None = None
    listed: int = 0
    files: int | None = None
    bytes: int | None = None
    unsafe: int = 0
    api_calls: int | None = None
    cost: float | None = None
    rate: float | None = None
    seconds: float | None = None
    finished: float | None = None

    @property
    def expires(self) -> datetime | None:
        """When the provider deletes the data."""
        return self.status.expires if self.status is not None else None

    def finish(self, now: datetime) -> JobPlan:
        """The finished plan."""
        spec, status, error = self.spec, self.status, self.error
        return JobPlan(
            job=spec.name,
            source=spec.source.name,
            provider=spec.source.provider,
            state=status.state if status is not None else None,
            message=status.message if status is not None else "",
            warnings=tuple(status.warnings) if status is not None else (),
            error=None if error is None else FailureReport.of(error),
            listed=self.listed,
            files=self.files,
            bytes=self.bytes,
            unsafe=self.unsafe,
            api_calls=self.api_calls,
            cost=self.cost,
            rate=self.rate,
            seconds=self.seconds,
            finished=self.finished,
            expires=self.expires,
            now=now,
        )


def plan_jobs(
    specs: "Sequence[JobSpec]",
    *,
    load: "Callable[[str], Provider]",
    make_http: MakeHttp,
    limit_rate: int | None,
    keep_free: int = 0,
    refresh: bool = False,
) -> Plan:
    """Plans the jobs, in their order; the plan contains errors. Raises LedgerError.

    Args:
        specs: the jobs.
        load: returns the Provider with a given name; raises PluginError.
        make_http: creates a provider's API session for one job.
        limit_rate: maximum bytes per second of the run; None for no limit.
        keep_free: bytes to keep free on each destination's disk.
        refresh: plan a run that requests everything again.
    """
    plans = []
    for dest in dict.fromkeys(spec.dest for spec in specs):
        inspected(dest.workspace, readonly=True).abandon()
    ask = partial(_plan, load=load, make_http=make_http, refresh=refresh)
    for spec, found in ask_each(specs, ask):
        plans.append(_Draft(spec=spec, error=found) if isinstance(found, BackhaulError) else found)
    _estimate(plans, limit_rate)
    now = datetime.now(UTC)
    return Plan(
        jobs=tuple(each.finish(now) for each in plans),
        disks=tuple(_disk_needs(plans, keep_free)),
    )


def _disk_needs(plans: Sequence[_Draft], keep_free: int) -> Iterator[DiskNeed]:
    """The bytes to fetch to each destination and whether they fit."""
    needs: dict[Location, int] = {}
    for each in plans:
        needs[each.spec.dest] = needs.get(each.spec.dest, 0) + (each.bytes or 0)
    for dest, need in needs.items():
        free = free_at(dest.disk)
        fits = None if free is None else not need or need <= free - keep_free
        yield DiskNeed(dest=str(dest.disk), needed=need, free=free, keep_free=keep_free, fits=fits)


def _plan(
    spec: "JobSpec",
    stop: Event,
    *,
    load: "Callable[[str], Provider]",
    make_http: MakeHttp,
    refresh: bool,
) -> _Draft:
    if spec.plugin_error is not None:
        raise spec.plugin_error
    provider = load(spec.source.provider)
    refuse_part_of_queue(provider, spec.selection)
    plan = _Draft(spec=spec)
    with make_http(provider, stop) as http, Ledger(spec.dest.workspace, readonly=True) as ledger:
        if spec.source.pace is not None:
            http.keep_pace(spec.source.pace)
        try:
            identity.refuse_another(ledger, spec, identity.fingerprint_of(spec, {}))
            status = provider.get_status(http, spec.source.options, spec.options)
            now = identity.fingerprint_of(spec, status.identity)
            moved = identity.refuse_another(ledger, spec, now)
            plan.status = replace(status, warnings=(*status.warnings, moved)) if moved else status
            row = renamed.old_name(ledger, spec, now) or ledger.jobs.get(spec.name)
            plan.rate = row.rate if row is not None else None
            if status.state is JobState.READY or status.partial:
                files = provider.resolve_files(http, spec.source.options, spec.options)
                if not spec.selection.is_all:
                    files = spec.selection.of_listing(files)
                known = row.id if row is not None else 0
                _count(plan, files, ledger, now, known, refresh=refresh)
        except BackhaulError as error:
            plan.error = _named(spec, error)
        plan.api_calls = http.calls
        if provider.info.call_cost is not None:
            plan.cost = http.calls * provider.info.call_cost
    return plan


def _named(spec: "JobSpec", error: BackhaulError) -> BackhaulError:
    if error.kind is not FailureKind.DENIED:
        return error
    named = type(error)(f"source {spec.source.name}: {error.message}")
    named.kind = error.kind
    return named


def _count(
    plan: _Draft,
    files: Iterator[RemoteFile],
    ledger: Ledger,
    now: Fingerprint,
    job: int,
    *,
    refresh: bool,
) -> None:
    """Counts what a run would fetch, see ``Count``."""
    with _sizes(plan.spec) as size_of:
        count = Count(ledger, job, size_of, refresh=refresh)
        while batch := list(islice(files, _BATCH)):
            if not count.has_rows and not count.listed:
                _look_for_old_name(plan, ledger, now, batch)
            count.add(batch)
            plan.listed, plan.unsafe = count.listed, count.unsafe
    if not count.files_known:
        return
    plan.files = count.files
    totals = plan.status.totals if plan.status is not None else None
    if not count.files or count.bytes_known:
        plan.bytes = count.bytes
    elif totals is not None and totals.bytes is not None and plan.spec.selection.is_all:
        plan.bytes = max(0, totals.bytes - count.bytes_here)


def _look_for_old_name(
    plan: _Draft, ledger: Ledger, now: Fingerprint, batch: list[RemoteFile]
) -> None:
    way = renamed.way_on(ledger, plan.spec, now, batch)
    if way is not None and plan.status is not None:
        plan.status = replace(plan.status, warnings=(*plan.status.warnings, way))


def _estimate(plans: list[_Draft], limit_rate: int | None) -> None:
    """Estimates times from rates in the ledger: the job's own, or the best of its source."""
    best: dict[str, float] = {}
    for plan in plans:
        if plan.rate:
            best[plan.spec.source.name] = max(best.get(plan.spec.source.name, 0.0), plan.rate)
    for plan in plans:
        rates = [
            each for each in (plan.rate or best.get(plan.spec.source.name), limit_rate) if each
        ]
        plan.rate = min(rates) if rates else None
        if plan.bytes is not None and plan.rate:
            plan.seconds = plan.bytes / plan.rate
    through: float | None = 0.0
    never = datetime.max.replace(tzinfo=UTC)
    for plan in sorted(plans, key=lambda plan: plan.expires or never):
        if plan.seconds is not None and through is not None:
            through += plan.seconds
            plan.finished = through
        elif plan.files:
            plan.finished = plan.seconds


@contextmanager
def _sizes(spec: "JobSpec") -> Iterator[SizeOf]:
    """Yields a function for sizes on disk, or ``no_size``; does not create the folder."""
    with looked_at(spec.dest, spec.name) as found:
        yield sizes(found)
