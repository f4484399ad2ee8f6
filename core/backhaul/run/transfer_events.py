"""Handles the outcome of each transfer."""

import logging
from collections.abc import Callable, Mapping, Sequence

from backhaul.errors import BackhaulError, FailureKind
from backhaul.foreign import line
from backhaul.names import key
from backhaul.run.check import FileCheck
from backhaul.run.commit_batch import done_row
from backhaul.run.ledgers import Ledgers
from backhaul.run.links import LinkRenewal
from backhaul.run.rejected import JobRejects, RejectedBodies
from backhaul.run.task import EarlierVersion, Task
from backhaul.storage.location import Location
from backhaul.transfer.context import Elsewhere, JobContext
from backhaul.transfer.outcome import Done, Failed, Outcome, Retrying, Stale, Unchanged, Withdrawn
from backhaul.transfer.unit import Failure, Transfer
from backhaul.types import Content, RemoteFile, SlotState
from backhaul.verify.evidence import shows_end

log = logging.getLogger(__name__)


class TransferEvents:
    """Processes outcomes of transfers; on the driver's thread.

    Args:
        tasks: by key.
        trouble: called when a destination can no longer be written.
        withdraw: cancels a job's transfers that have not started.
        rejected_limit: maximum bytes of rejected bodies to keep.

    Attributes:
        links: handles refused links.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        ledgers: Ledgers,
        *,
        trouble: Callable[[Location, str], None],
        withdraw: Callable[[Task], None],
        rejected_limit: int,
    ) -> None:
        self._rejected_limit = rejected_limit
        self._rejected: dict[Location, RejectedBodies] = {}
        self._tasks = tasks
        self._ledgers = ledgers
        self._trouble = trouble
        self.links = LinkRenewal(failed=self.failed, withdraw=withdraw)

    def context(self, task: Task) -> JobContext:
        """The context of a job's transfers; its storage must be open."""
        spec, provider = task.spec, task.provider
        check = FileCheck(provider, spec.source.options, spec.options)
        bodies = self._rejected.setdefault(
            spec.dest, RejectedBodies(spec.dest.workspace, self._rejected_limit)
        )
        return JobContext(
            task.workspace,
            check if provider.checks else None,
            JobRejects(bodies, spec.name, task.workspace) if self._rejected_limit else None,
            spec.source.pace,
            Elsewhere(
                spec.dest,
                spec.name,
                provider.name,
                provider.label,
                spec.source.cluster_credentials,
                task.destination.size,
            ),
        )

    def take(self, outcome: Outcome) -> None:
        """Processes an outcome."""
        job = outcome.job if isinstance(outcome, Withdrawn) else outcome.transfer.job
        task = self._tasks.get(job)
        if task is None:  # the job was ended
            return
        if isinstance(outcome, Done):
            self._done(task, outcome)
        elif isinstance(outcome, Failed):
            self.failed(outcome.transfer, outcome.failure)
        elif isinstance(outcome, Stale):
            self._stale(task, outcome)
        elif isinstance(outcome, Unchanged):
            self._unchanged(task, outcome.transfer)
        elif isinstance(outcome, Retrying):
            _log_retry(task, outcome)
        else:
            task.open.difference_update(outcome.names)

    def _done(self, task: Task, done: Done) -> None:
        file = done.transfer.file
        _warn(task, file, done.warnings)
        commit_batch = self._ledgers.commit_batch(task.spec.dest)
        older = task.older.pop(file.name, None) if task.older else None
        if older is not None:
            task.tried.add(older.id)
        commit_batch.add(task, done, older=older)
        task.counts.fetched += 1
        self.links.arrived(task, file.name)
        task.counts.bytes += done.content.size
        if commit_batch.due:
            self._ledgers.flush()

    def failed(self, transfer: Transfer, failure: Failure) -> None:
        """A file could not be fetched."""
        task = self._tasks[transfer.job]
        file = transfer.file
        task.open.discard(file.name)
        if failure.kind is FailureKind.DISK:
            self._trouble(task.spec.dest, failure.message)
            return
        message = line(failure.message)
        older = task.older.pop(file.name, None)
        if older is not None and older.here:
            self._not_asked(task, file, failure, older)
            return
        if (
            older is not None
            and older.sha256 is not None
            and task.destination.size(file.name) is not None
        ):
            message += "; the previous version is still present"
        number = task.ledger.files.number(task.id, file.name)
        if number is not None:
            task.tried.add(number)
        task.counts.failed += 1
        task.ledger.files.save_failed(
            task.id, file.name, state=failure.state, kind=failure.kind.value, message=message
        )
        usual = file.optional and failure.state is SlotState.MISSING
        task.counts.gaps += usual
        task.job.tell_failed(file.name, failure.kind, message, gap=usual)
        level = logging.DEBUG if usual else logging.INFO
        log.log(level, "%s: %s: %s (%s)", task.spec.name, file.name, message, failure.kind.value)

    def _not_asked(
        self, task: Task, file: RemoteFile, failure: Failure, older: EarlierVersion
    ) -> None:
        """A present file, unchanged in the listing, could not be requested again."""
        task.tried.add(older.id)
        if file.optional and failure.state is SlotState.MISSING:
            task.counts.skipped += 1
            task.warn(
                f"{file.name}: no longer at the provider ({line(failure.message)}); the existing copy"
                " stays verified"
            )
            return
        task.counts.not_asked += 1
        message = f"{failure.message}; the existing copy stays verified"
        task.note(failure.kind, message, file=file.name)

    def _unchanged(self, task: Task, transfer: Transfer) -> None:
        older = task.older.pop(transfer.file.name, None)
        if older is not None:
            task.tried.add(older.id)
        task.open.discard(transfer.file.name)
        task.counts.skipped += 1
        self.links.arrived(task, transfer.file.name)

    def _stale(self, task: Task, stale: Stale) -> None:
        task.open.discard(stale.transfer.file.name)
        log.info(
            "%s: %s: %s; renewing its link",
            task.spec.name,
            stale.transfer.file.name,
            line(stale.failure.message),
        )
        self.links.refused(task, stale.transfer, stale.failure, gained=stale.gained)

    def adopted(
        self,
        task: Task,
        file: RemoteFile,
        found: str,
        content: Content,
        *,
        proof: int,
        warnings: Sequence[str],
    ) -> bool:
        """A file was found on disk, perhaps under another spelling; returns whether it is accepted.

        It is not if nothing proves its end, neither now (``proof``) nor when it was fetched.
        """
        proof |= task.ledger.files.proof(task.id, key(file.name), content.sha256)
        if not (shows_end(proof) or task.spec.accept_unproven):
            return False
        _warn(task, file, warnings)
        if found != file.name:
            task.destination.adopt(found, file.name)
        task.ledger.files.save_done([done_row(task, file, content, found=True, proof=proof)])
        if task.destination.is_remote:
            task.ledger.files.save_etags(task.id, [file.name], task.destination.etag)
        older = task.older.pop(file.name, None)
        if older is not None:
            task.ledger.files.renew(task.id, [(older.id, file)])
        task.counts.skipped += 1
        task.open.discard(file.name)
        return True


def _warn(task: Task, file: RemoteFile, warnings: Sequence[str]) -> None:
    for warning in warnings:
        task.warn(f"{file.name}: {warning}")


def _log_retry(task: Task, again: Retrying) -> None:
    failure = again.failure
    log.info(
        "%s: %s: %s (%s); retrying in %.1f s",
        task.spec.name,
        again.transfer.file.name,
        line(failure.message),
        failure.kind.value,
        again.pause,
    )


def raised(error: BackhaulError) -> Failure:
    """Converts an error that a hook raised about one file to that file's failure."""
    gone = error.kind is FailureKind.NOT_FOUND
    state = SlotState.MISSING if gone else SlotState.FAILED
    return Failure(kind=error.kind, message=error.message, state=state)
