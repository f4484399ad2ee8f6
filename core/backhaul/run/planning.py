"""What a run would do: asks statuses and lists files; fetches and writes nothing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Final

from backhaul.archive.fingerprint import Fingerprint
from backhaul.errors import BackhaulError, ExitCode, FailureKind
from backhaul.ledger.ledger import Ledger, inspected
from backhaul.run import identity, renamed
from backhaul.run.asking import ask_each
from backhaul.run.count import Count, no_size
from backhaul.run.decide import SizeOf
from backhaul.storage.job import looked_at
from backhaul.storage.space import free_at
from backhaul.types import JobState, JobStatus, RemoteFile
from backhaul.wording import iso

if TYPE_CHECKING:
    from backhaul.http.session import Http
    from backhaul.http.unused import UnusedHttp
    from backhaul.plugins.facade import Provider
    from backhaul.run.job import TaskSpec

_BATCH: Final = 1024
MakeHttp = Callable[["Provider", Event], "Http | UnusedHttp"]


@dataclass(slots=True, kw_only=True)
class JobPlan:
    """What a run would do for one job.

    Attributes:
        spec: the job.
        status: what the provider says of it; None when it could not be asked.
        error: why it could not be planned.
        listed: files that the provider lists.
        files: those that would be fetched; None when that shows only on the way (a queue).
        bytes: to be fetched; None where the provider does not say.
        unsafe: files whose names cannot be used on disk.
        api_calls: calls that planning took, which the run will make again.
        cost: rate points of these calls, where the provider counts so.
        rate: bytes a second to reckon with; None when nothing is known.
        seconds: how long the fetching may take.
        finished: seconds from now until it is through, the jobs that expire earlier going first.
    """

    spec: "TaskSpec"
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
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def expires(self) -> datetime | None:
        """When the provider deletes the data."""
        return self.status.expires if self.status is not None else None

    @property
    def late(self) -> bool:
        """Whether it will hardly be through before the provider deletes it."""
        if self.expires is None or self.finished is None or not self.files:
            return False
        return (self.expires - self.now).total_seconds() < self.finished

    @property
    def exit_code(self) -> ExitCode:
        """What this job alone would end ``plan`` with."""
        if self.error is not None:
            return self.error.exit_code
        if self.status is not None and self.status.state is JobState.FAILED:
            return ExitCode.INCOMPLETE
        if self.status is not None and self.status.state is JobState.EXPIRED:
            return ExitCode.EXPIRED
        return ExitCode.TIME_LIMIT if self.late else ExitCode.OK

    def as_json(self) -> dict[str, Any]:
        """As in the contract, and more."""
        error = self.error
        return {
            "job": self.spec.name,
            "source": self.spec.source,
            "provider": self.spec.provider,
            "state": self.status.state.value if self.status is not None else None,
            "files": self.files,
            "bytes": self.bytes,
            "api_calls": self.api_calls,
            "expires_at": iso(self.expires),
            "listed": self.listed if self.files is not None else None,
            "rate_cost": self.cost,
            "seconds": None if self.seconds is None else round(self.seconds, 1),
            "late": self.late,
            "message": self.status.message if self.status is not None else "",
            "warnings": list(self.status.warnings) if self.status is not None else [],
            "error": None
            if error is None
            else {"kind": error.kind.value, "message": error.message},
        }


def plan_jobs(
    specs: "Sequence[TaskSpec]",
    *,
    load: "Callable[[str], Provider]",
    make_http: MakeHttp,
    limit_rate: int | None,
    refresh: bool = False,
) -> list[JobPlan]:
    """The plans in the order of the jobs; errors stand in them. Raises LedgerError.

    ``refresh``: of a run that asks for everything again.
    """
    plans = []
    for dest in dict.fromkeys(spec.dest for spec in specs):
        inspected(dest, readonly=True).abandon()
    ask = partial(_plan, load=load, make_http=make_http, refresh=refresh)
    for spec, found in ask_each(specs, ask):
        plans.append(JobPlan(spec=spec, error=found) if isinstance(found, BackhaulError) else found)
    _estimate(plans, limit_rate)
    return plans


def disk_needs(plans: Sequence[JobPlan], keep_free: int) -> Iterator[dict[str, Any]]:
    """What is to be fetched to each destination, and whether it fits, as in the contract.

    Args:
        plans: of all jobs.
        keep_free: bytes that stay free.
    """
    needs: dict[Path, int] = {}
    for each in plans:
        needs[each.spec.dest] = needs.get(each.spec.dest, 0) + (each.bytes or 0)
    for dest, need in needs.items():
        free = free_at(dest)
        fits = None if free is None else not need or need <= free - keep_free
        yield {
            "dest": str(dest),
            "needed": need,
            "free": free,
            "keep_free": keep_free,
            "fits": fits,
        }


def _plan(
    spec: "TaskSpec",
    stop: Event,
    *,
    load: "Callable[[str], Provider]",
    make_http: MakeHttp,
    refresh: bool,
) -> JobPlan:
    if spec.plugin_error is not None:
        raise spec.plugin_error
    provider = load(spec.provider)
    plan = JobPlan(spec=spec)
    with make_http(provider, stop) as http, Ledger(spec.dest, readonly=True) as ledger:
        pace = provider.pace_of(spec.source_options)
        if pace is not None:
            http.keep_pace(pace)
        try:
            identity.refuse_another(ledger, spec, identity.fingerprint_of(spec, {}))
            status = provider.get_status(http, spec.source_options, spec.job_options)
            now = identity.fingerprint_of(spec, status.identity)
            moved = identity.refuse_another(ledger, spec, now)
            plan.status = replace(status, warnings=(*status.warnings, moved)) if moved else status
            row = renamed.old_name(ledger, spec, now) or ledger.jobs.get(spec.name)
            plan.rate = row.rate if row is not None else None
            if status.state is JobState.READY or status.partial:
                files = provider.resolve_files(http, spec.source_options, spec.job_options)
                known = row.id if row is not None else 0
                _count(plan, files, ledger, now, known, refresh=refresh)
        except BackhaulError as error:
            plan.error = _named(spec, error)
        plan.api_calls = http.calls
        if provider.info.call_cost is not None:
            plan.cost = http.calls * provider.info.call_cost
    return plan


def _named(spec: "TaskSpec", error: BackhaulError) -> BackhaulError:
    if error.kind is not FailureKind.DENIED:
        return error
    named = type(error)(f"source {spec.source}: {error.message}")
    named.kind = error.kind
    return named


def _count(
    plan: JobPlan,
    files: Iterator[RemoteFile],
    ledger: Ledger,
    now: Fingerprint,
    job: int,
    *,
    refresh: bool,
) -> None:
    """Counts what is to be fetched; a run takes the same files, see ``Count``."""
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
    elif totals is not None and totals.bytes is not None:
        plan.bytes = max(0, totals.bytes - count.bytes_here)


def _look_for_old_name(
    plan: JobPlan, ledger: Ledger, now: Fingerprint, batch: list[RemoteFile]
) -> None:
    way = renamed.way_on(ledger, plan.spec, now, batch)
    if way is not None and plan.status is not None:
        plan.status = replace(plan.status, warnings=(*plan.status.warnings, way))


def _estimate(plans: list[JobPlan], limit_rate: int | None) -> None:
    """Times by the rate that the ledger measured: the job's own, or the source's best."""
    best: dict[str, float] = {}
    for plan in plans:
        if plan.rate:
            best[plan.spec.source] = max(best.get(plan.spec.source, 0.0), plan.rate)
    for plan in plans:
        rates = [each for each in (plan.rate or best.get(plan.spec.source), limit_rate) if each]
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
def _sizes(spec: "TaskSpec") -> Iterator[SizeOf]:
    """Gives the sizes of a job's files on disk, or ``no_size``; makes no folder."""
    with looked_at(spec.dest, spec.name) as found:
        yield no_size if found is None else found.size
