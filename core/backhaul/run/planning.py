"""Plans a run: queries statuses and lists files, without fetching or writing anything."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from threading import Event
from typing import TYPE_CHECKING, Final

from backhaul.errors import BackhaulError, FailureKind, FailureReport
from backhaul.ledger.ledger import Ledger, inspected
from backhaul.run import identity, renamed
from backhaul.run.asking import ask_each
from backhaul.run.count import Count
from backhaul.run.plan import DiskNeed, JobPlan, Plan
from backhaul.stopping import Stopped, never
from backhaul.storage.job import looked_at
from backhaul.storage.location import Location
from backhaul.storage.sizes import sizes
from backhaul.storage.workspace import free_at
from backhaul.types import JobState, Totals

if TYPE_CHECKING:
    from backhaul.config import JobSpec
    from backhaul.http.session import Http
    from backhaul.http.unused import UnusedHttp
    from backhaul.plugins.facade import Provider

_BATCH: Final = 1024
MakeHttp = Callable[["Provider", Event], "Http | UnusedHttp"]


def plan_jobs(
    specs: "Sequence[JobSpec]",
    *,
    load: "Callable[[str], Provider]",
    make_http: MakeHttp,
    limit_rate: int | None,
    keep_free: int = 0,
    refresh: bool = False,
    stopped: Stopped = never,
) -> Plan:
    """Plans the jobs, in their order; the plan contains errors. Raises LedgerError, InterruptedRunError.

    Args:
        specs: the jobs.
        load: returns the Provider with a given name; raises PluginError.
        make_http: creates a provider's API session for one job.
        limit_rate: maximum bytes per second of the run; None for no limit.
        keep_free: bytes to keep free on each destination's disk.
        refresh: plan a run that requests everything again.
        stopped: whether to end now.
    """
    plans: list[JobPlan] = []
    for dest in dict.fromkeys(spec.dest for spec in specs):
        inspected(dest.workspace, readonly=True).abandon()
    ask = partial(_plan, load=load, make_http=make_http, refresh=refresh)
    for spec, found in ask_each(specs, ask, stopped):
        plans.append(
            found
            if isinstance(found, JobPlan)
            else replace(_empty(spec), error=FailureReport.of(found))
        )
    now = datetime.now(UTC)
    return Plan(
        jobs=tuple(replace(each, now=now) for each in _estimated(plans, limit_rate)),
        disks=tuple(_disk_needs(specs, plans, keep_free)),
    )


def _empty(spec: "JobSpec") -> JobPlan:
    source = spec.source
    return JobPlan(
        job=spec.name, source=source.name, provider=source.provider, now=datetime.now(UTC)
    )


def _disk_needs(
    specs: "Sequence[JobSpec]", plans: Sequence[JobPlan], keep_free: int
) -> Iterator[DiskNeed]:
    """The bytes to fetch to each destination and whether they fit."""
    needs: dict[Location, int] = {}
    for spec, each in zip(specs, plans, strict=True):
        needs[spec.dest] = needs.get(spec.dest, 0) + (each.bytes or 0)
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
) -> JobPlan:
    if spec.plugin_error is not None:
        raise spec.plugin_error
    provider = load(spec.source.provider)
    if provider.pulls:
        spec.selection.require_whole_queue()
    plan = _empty(spec)
    with make_http(provider, stop) as http, Ledger(spec.dest.workspace, readonly=True) as ledger:
        if spec.source.pace is not None:
            http.keep_pace(spec.source.pace)
        try:
            identity.refuse_another(ledger, spec, identity.fingerprint_of(spec, {}))
            status = provider.get_status(http, spec.source.options, spec.options)
            now = identity.fingerprint_of(spec, status.identity)
            moved = identity.refuse_another(ledger, spec, now)
            row = renamed.old_name(ledger, spec, now) or ledger.jobs.get(spec.name)
            plan = replace(
                plan,
                state=status.state,
                message=status.message,
                warnings=(*status.warnings, moved) if moved else tuple(status.warnings),
                expires=status.expires,
                rate=row.rate if row is not None else None,
            )
            if status.state is JobState.READY or status.partial:
                files = provider.resolve_files(http, spec.source.options, spec.options)
                if not spec.selection.is_all:
                    files = spec.selection.of_listing(files)
                with looked_at(spec.dest, spec.name) as folder:
                    known = row.id if row is not None else 0
                    count = Count(ledger, known, sizes(folder), refresh=refresh)
                    while batch := list(islice(files, _BATCH)):
                        if not count.has_rows and not count.listed:
                            way = renamed.rename_advice(ledger, spec, now, batch)
                            plan = replace(plan, warnings=(*plan.warnings, *filter(None, [way])))
                        count.add(batch)
                        plan = replace(plan, listed=count.listed, unsafe=count.unsafe)
                plan = _counted(plan, count, status.totals if spec.selection.is_all else None)
        except BackhaulError as error:
            plan = replace(plan, error=FailureReport.of(_named(spec, error)))
        cost = provider.info.call_cost
        return replace(plan, api_calls=http.calls, cost=None if cost is None else http.calls * cost)


def _named(spec: "JobSpec", error: BackhaulError) -> BackhaulError:
    if error.kind is not FailureKind.DENIED:
        return error
    named = type(error)(f"source {spec.source.name}: {error.message}")
    named.kind = error.kind
    return named


def _counted(plan: JobPlan, count: Count, totals: Totals | None) -> JobPlan:
    """The plan with what a run would fetch."""
    if not count.files_known:
        return plan
    size = None
    if not count.files or count.bytes_known:
        size = count.bytes
    elif totals is not None and totals.bytes is not None:
        size = max(0, totals.bytes - count.bytes_here)
    return replace(plan, files=count.files, bytes=size)


def _estimated(plans: Sequence[JobPlan], limit_rate: int | None) -> list[JobPlan]:
    """The plans with times, by rates in the ledger: the job's own, or the best of its source."""
    best: dict[str, float] = {}
    for plan in plans:
        best[plan.source] = max(best.get(plan.source, 0.0), plan.rate or 0.0)
    found = list(plans)
    through: float | None = 0.0
    never = datetime.max.replace(tzinfo=UTC)
    for place, plan in sorted(enumerate(plans), key=lambda each: each[1].expires or never):
        rate = min(filter(None, (plan.rate or best[plan.source], limit_rate)), default=None)
        seconds = plan.bytes / rate if plan.bytes is not None and rate else None
        finished = None
        if seconds is not None and through is not None:
            finished = through = through + seconds
        elif plan.files:
            finished = seconds
        found[place] = replace(plan, rate=rate, seconds=seconds, finished=finished)
    return found
