"""The job's own thread: queries the provider and passes the answers to the driver.

Everything that may block on the provider's API happens here. The ledger and the transfers belong to the
driver, which is reached by messages (see ``RunContext``).
"""

import logging
import time
from dataclasses import replace
from itertools import islice
from threading import Thread
from typing import TYPE_CHECKING

from backhaul.descriptors import ScarceError
from backhaul.errors import (
    BackhaulError,
    ConfigError,
    ExpiredError,
    FailureKind,
    InterruptedRunError,
    PluginError,
    ProviderError,
)
from backhaul.oserrors import StoreError, describe
from backhaul.run.accept import Wanted
from backhaul.run.check import FileCheck
from backhaul.run.context import RunContext
from backhaul.run.task import Task
from backhaul.run.transfer_events import raised
from backhaul.transfer.unit import NO_REQUEST, Transfer
from backhaul.types import JobState, JobStatus, RemoteFile, Request
from backhaul.verify.evidence import evidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

log = logging.getLogger(__name__)

# Batch sizes: few files first, so that transfers start; many if all are present.
_FIRST, _USUAL, _SETTLED = 16, 1024, 4096
_OVER = frozenset({JobState.FAILED, JobState.EXPIRED})
_SLOWEST_POLL = 60.0
_MARGIN = 2.0  # seconds before expiry from which a link is no longer used


class JobThread:
    """Takes a job from checking whether it is ready to a complete listing, renewing links as needed."""

    def __init__(self, context: RunContext, task: Task) -> None:
        self._context = context
        self._calls = context.calls
        self._task = task

    def start(self) -> None:
        """Starts the thread; on the driver's thread. Raises ScarceError if there are too many."""
        job, name = self._task.job, f"backhaul-job-{self._task.spec.name}"
        job.listing = True
        try:
            Thread(target=self.run, name=name, daemon=True).start()
        except RuntimeError:
            job.listing = False
            raise ScarceError from None

    def run(self) -> None:
        """The thread's main function; reports every outcome to the driver."""
        task = self._task
        try:
            self._work()
        except InterruptedRunError:
            log.debug("%s: stopped", task.spec.name)
        except StoreError as error:  # not the provider's
            self._failed(error.kind, error.message)
        except BackhaulError as error:
            message = (
                f"source {task.spec.source.name}: {error.message}"
                if error.kind is FailureKind.DENIED
                else error.message
            )
            if not isinstance(error, ConfigError):  # may come from backhaul itself, see _ask
                self._refused(error.kind, message)
            self._failed(error.kind, message)
        except OSError as error:
            message = f"{error.filename or task.spec.dest}: {describe(error)}"
            self._failed(FailureKind.DISK, message)
        except Exception as error:
            log.debug("unexpected", exc_info=True)
            text = f"unexpected {type(error).__name__}: {error}"
            self._failed(FailureKind.PLUGIN, text)
        finally:
            self._calls.post(self._context.jobs.thread_ended, task)

    def _refused(self, kind: FailureKind, message: str) -> None:
        self._calls.post(self._task.was_refused, kind, message)

    def _failed(self, kind: FailureKind, message: str) -> None:
        context, task = self._context, self._task
        self._calls.post(context.files.links.renewal_failed, task)
        self._calls.post(context.jobs.failed, task, kind, message)

    def _work(self) -> None:
        task, calls, jobs = self._task, self._calls, self._context.jobs
        status = self._wait_until_ready()
        if status is None:
            return
        self._context.barrier.wait(task.job)
        calls.call(jobs.open_storage, task)
        task.destination.clean()
        _ = task.destination.was_empty  # a store is listed here and not on the driver's thread
        calls.call(jobs.begin, task, status)
        while True:
            try:
                self._list_once()
            except (ProviderError, ConfigError) as error:
                if not task.listing_round or not task.links.expired:
                    raise
                raise ExpiredError(
                    f"links expired and could not be renewed: {error.message}"
                ) from None
            calls.post(jobs.listing_done, task)
            command = task.commands.get()
            if command != "listing_round":
                break
        if status.partial and not task.stop.is_set():
            final = self._ask()
            calls.call(jobs.status, task, final)
            if final.state in _OVER:
                calls.call(jobs.over, task, final)
            elif final.state is not JobState.READY:
                calls.call(jobs.not_ready, task, final)

    def _ask(self) -> JobStatus:
        task, spec = self._task, self._task.spec
        try:
            return task.provider.get_status(task.http, spec.source.options, spec.options)
        except ConfigError as error:
            self._refused(error.kind, error.message)  # what the YAML names does not exist
            raise

    def _wait_until_ready(self) -> JobStatus | None:
        """The status once the job is ready; None if it is not ready in time."""
        task, calls, jobs = self._task, self._calls, self._context.jobs
        turn = task.job.turn
        while True:
            status = self._ask()
            calls.call(jobs.status, task, status)
            if status.state is JobState.READY or status.partial:
                return status
            self._context.barrier.answered(task.job)
            if status.state in _OVER:
                calls.call(jobs.over, task, status)
                return None
            left = task.job.started + task.spec.wait.total_seconds() - time.monotonic()
            if left <= 0:
                calls.call(jobs.not_ready, task, status)
                return None
            wanted = status.retry_after if status.retry_after is not None else turn.pause
            turn.pause = min(_SLOWEST_POLL, turn.pause * 1.5)
            seconds = max(0.1, min(wanted, _SLOWEST_POLL, left))
            if calls.call(jobs.steps_back, task, seconds):
                return None
            if task.stop.wait(seconds):
                raise InterruptedRunError("stopped while waiting for the job to become ready")

    def _list_once(self) -> None:
        task, calls, jobs = self._task, self._calls, self._context.jobs
        spec = task.spec
        files = task.provider.resolve_files(task.http, spec.source.options, spec.options)
        if not spec.selection.is_all:
            files = spec.selection.of_listing(files)
        size = _FIRST
        failed: BackhaulError | None = None
        listed = False
        while failed is None:
            batch: list[RemoteFile] = []
            failed = _fill(batch, files, size)
            if not batch:
                break
            listed = True
            wanted = calls.call(jobs.accept, task, batch)
            self._submit(wanted)
            if task.renew and not task.renewal_is_futile:
                return  # renewing failed, but the listing was complete before
            size = min(size * 4, _USUAL if wanted else _SETTLED)
        if failed is not None:
            self._listed_in_part(failed, listed=listed)
            return
        for item in calls.call(jobs.listed_whole, task):
            if not self._adopt(item, item.file.name):
                calls.call(jobs.not_found_on_disk, task, item.file)

    def _submit(self, wanted: list[Wanted]) -> None:
        task = self._task
        for some in _slices(wanted, _USUAL):
            transfers = list(self._prepare(some))
            if transfers:
                self._calls.post(self._context.jobs.submit, task, transfers)
        while not task.has_capacity.wait(0.5):
            if task.stop.is_set():
                break
        if task.stop.is_set():
            raise InterruptedRunError("stopped while listing")

    def _listed_in_part(self, failed: BackhaulError, *, listed: bool) -> None:
        """The listing ended early: what was listed before is still fetched."""
        task = self._task
        if not listed or task.listing_round or not isinstance(failed, ProviderError):
            raise failed
        self._refused(failed.kind, failed.message)
        self._calls.call(task.note, failed.kind, failed.message)

    def _prepare(self, wanted: "Iterable[Wanted]") -> "Iterator[Transfer]":
        task = self._task
        simple = not task.provider.implements("fetch_file")
        for item in wanted:
            file = item.file
            if item.on_disk is not None and self._adopt(item, item.on_disk):
                continue
            if task.provider.pulls:
                from backhaul.run.chunked_file import fetch_chunked_file  # noqa: PLC0415 - queues

                fetch_chunked_file(self._context, task, file)
                continue
            if simple and file.url is None:
                raise PluginError(
                    f"{task.spec.name}: {file.name}: the plugin provides neither a url nor fetch_file"
                )
            try:
                request = self._fetch_file(file)
            except InterruptedRunError:
                raise
            except BackhaulError as error:
                self._file_failed(file, error)
                continue
            yield Transfer(
                task.key,
                file,
                request,
                task.priority,
                task.listing_round,
                _good_until(request),
                unproven=task.spec.accept_unproven,
                validator=item.validator,
            )

    def _fetch_file(self, file: RemoteFile) -> Request:
        task, spec = self._task, self._task.spec
        return task.provider.fetch_file(task.http, spec.source.options, spec.options, file)

    def _file_failed(self, file: RemoteFile, error: BackhaulError) -> None:
        task = self._task
        transfer = Transfer(task.key, file, NO_REQUEST, task.priority, task.listing_round)
        self._calls.post(self._context.files.failed, transfer, raised(error))

    def _adopt(self, item: Wanted, found: str) -> bool:
        from backhaul.run.reuse_existing import adoptable  # noqa: PLC0415 - imports the verifier

        context, task = self._context, self._task
        file = item.file
        proven = self._with_checksum(file)
        if proven is None:
            return False
        content = adoptable(task.destination, found, proven, context.limits, doubtful=item.doubtful)
        if content is None or item.sha256 not in {None, content.sha256}:
            return False
        if None not in {file.records, content.records} and file.records != content.records:
            return False
        check = FileCheck(task.provider, task.spec.source.options, task.spec.options)
        judged = check(file, content)
        if judged.problem is not None:  # it is fetched, and fails then
            log.debug("%s: %s: %s", task.spec.name, file.name, judged.problem.message)
            return False
        task.destination.settle(found)
        proof = evidence(file, content, checked=task.provider.checks)
        return self._calls.call(
            context.files.adopted, task, file, found, content, proof=proof, warnings=judged.warnings
        )

    def _with_checksum(self, file: RemoteFile) -> RemoteFile | None:
        """The file, with the checksum from its checksum file if nothing else would prove it.

        None if the checksum is unavailable: the file is then fetched, which reports the problem.
        """
        from backhaul.run.reuse_existing import (  # noqa: PLC0415 - see above
            checksum_beside,
            needs_checksum,
        )

        if not needs_checksum(file):
            return file
        task = self._task
        try:
            request = self._fetch_file(file)
            transfer = Transfer(task.key, file, request, task.priority, task.listing_round)
            return replace(file, checksum=checksum_beside(task.http, transfer))
        except InterruptedRunError:
            raise
        except (BackhaulError, ValueError) as error:
            log.debug("%s: %s: no checksum: %s", task.spec.name, file.name, error)
            return None


def _good_until(request: Request) -> float:
    if request.expires is None:
        return 0.0
    until = request.expires.timestamp() - _MARGIN
    return until if until > time.time() else 0.0


def _slices(items: list[Wanted], size: int) -> "Iterator[list[Wanted]]":
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _fill(
    batch: list[RemoteFile], files: "Iterator[RemoteFile]", size: int
) -> BackhaulError | None:
    """Lists more files into the batch; returns an error instead of raising it, to keep the batch."""
    try:
        batch.extend(islice(files, size))
    except InterruptedRunError:
        raise
    except BackhaulError as error:
        return error
    return None
