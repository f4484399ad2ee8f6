"""What becomes of each file: the engine's sink."""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path

from backhaul.archive.standing import standing
from backhaul.errors import BackhaulError, FailureKind
from backhaul.foreign import line
from backhaul.names import key
from backhaul.oserrors import describe
from backhaul.run import disk
from backhaul.run.books import Books
from backhaul.run.links import LinkDesk
from backhaul.run.rejected import Reason, RejectedBodies
from backhaul.run.task import Older, Task
from backhaul.storage.folder import JobFolder
from backhaul.transfer.judge import content_failure
from backhaul.transfer.unit import Failure, Transfer, bare
from backhaul.types import Content, Problem, RemoteFile, SlotState
from backhaul.verify.evidence import shows_end

log = logging.getLogger(__name__)


class FileDesk:
    """Takes whole files, failures and stale links from the engine; on the driver's thread.

    Args:
        tasks: by key.
        trouble: told when a destination cannot be written any more.
        withdraw: takes back the transfers of a job that have not begun.
        rejected_limit: bytes of rejected bodies that are kept.

    Attributes:
        links: takes what links refuse.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        books: Books,
        *,
        trouble: "Callable[[Task, str], None]",
        withdraw: Callable[[Task], None],
        rejected_limit: int,
    ) -> None:
        self._rejected_limit = rejected_limit
        self._rejected: dict[Path, RejectedBodies] = {}
        self._tasks = tasks
        self._books = books
        self._trouble = trouble
        self.links = LinkDesk(failed=self.failed, withdraw=withdraw)

    def folder(self, job: str) -> JobFolder:
        """The job's folder."""
        return self._tasks[job].folder

    def check(self, transfer: Transfer, content: Content) -> Problem | None:
        """What the provider finds wrong with a file that came whole."""
        task = self._tasks[transfer.job]
        if not task.provider.checks:
            return None
        try:
            problems = task.provider.check_file(
                task.spec.source_options, task.spec.job_options, transfer.file, content
            )
        except BackhaulError as error:
            return Problem(error.message, error.kind)
        if not problems:
            return None
        for problem in problems:
            if problem.fatal:
                return problem
            task.warn(f"{transfer.file.name}: {problem.message}")
        return None

    def checks(self, transfer: Transfer) -> bool:
        """Whether the provider looks at its files."""
        return self._tasks[transfer.job].provider.checks

    def arrived(
        self,
        transfer: Transfer,
        content: Content,
        data: bytes | None,
        validator: str | None,
        *,
        proof: int,
    ) -> None:
        """A verified file."""
        task = self._tasks[transfer.job]
        try:
            if data is not None:
                task.folder.write_part(transfer.file.name, data)
        except OSError as error:
            self._cannot_write(task, transfer, error)
            return
        publisher = self._books.publisher(task.spec.dest)
        older = task.older.pop(transfer.file.name, None) if task.older else None
        if older is not None:
            task.tried.add(older.id)
        publisher.add(
            task,
            transfer,
            content,
            validator=validator,
            proof=proof,
            opened=data is None,
            older=older,
        )
        task.counts.fetched += 1
        self.links.arrived(task, transfer.file.name)
        task.counts.bytes += content.size
        if publisher.due:
            self._books.flush()

    def _cannot_write(self, task: Task, transfer: Transfer, error: OSError) -> None:
        message = f"cannot be written: {describe(error)}"
        if error.errno in disk.FATAL:
            task.open.discard(transfer.file.name)
            self._trouble(task, message)
        else:
            self.failed(transfer, content_failure(error))

    def failed(self, transfer: Transfer, failure: Failure) -> None:
        """A file that could not be had."""
        task = self._tasks[transfer.job]
        file = transfer.file
        task.open.discard(file.name)
        if failure.kind is FailureKind.DISK:
            self._trouble(task, failure.message)
            return
        message = line(failure.message)
        older = task.older.pop(file.name, None)
        if older is not None and older.here:
            self._not_asked(task, file, failure, older)
            return
        if (
            older is not None
            and older.sha256 is not None
            and self.folder(transfer.job).size(file.name) is not None
        ):
            message += "; the previous version is still here"
        number = task.ledger.files.number(task.id, file.name)
        if number is not None:
            task.tried.add(number)
        task.counts.failed += 1
        task.ledger.files.save_failed(
            task.id, file.name, state=failure.state, kind=failure.kind.value, message=message
        )
        usual = file.optional and failure.state is SlotState.MISSING
        task.counts.gaps += usual
        level = logging.DEBUG if usual else logging.WARNING
        log.log(
            level,
            "%s: %s: %s (%s)",
            task.spec.name,
            file.name,
            message,
            failure.kind.value,
            extra={"file_of": task.spec.name},
        )

    def _not_asked(self, task: Task, file: RemoteFile, failure: Failure, older: Older) -> None:
        """A file that is here, as it is listed, could not be asked for again."""
        task.tried.add(older.id)
        if file.optional and failure.state is SlotState.MISSING:
            return
        task.counts.not_asked += 1
        message = f"{failure.message}; the copy that is here stays verified"
        task.note(failure.kind, message, file=file.name)

    def unchanged(self, transfer: Transfer) -> None:
        """The provider says that a file has not changed."""
        task = self._tasks[transfer.job]
        older = task.older.pop(transfer.file.name, None)
        if older is not None:
            task.tried.add(older.id)
        task.open.discard(transfer.file.name)
        task.counts.skipped += 1
        self.links.arrived(task, transfer.file.name)

    def rejected(
        self, transfer: Transfer, failure: Failure, own: Collection[str]
    ) -> Callable[[bytes | None], None] | None:
        """Bytes came that are not the file: keeps them aside, for whoever wants to look."""
        task = self._tasks[transfer.job]
        if not self._rejected_limit:
            return None
        dest = task.spec.dest
        bodies = self._rejected.get(dest)
        if bodies is None:
            bodies = self._rejected[dest] = RejectedBodies(dest, self._rejected_limit)
        return partial(
            bodies.keep,
            Reason(
                job=task.spec.name,
                file=transfer.file.name,
                kind=failure.kind.value,
                message=line(failure.message),
                url=line(bare(transfer.request.url)),
            ),
            task.folder,
            tuple(own),
        )

    def stale(self, transfer: Transfer, failure: Failure, *, gained: int) -> None:
        """A link was refused, and may have expired."""
        task = self._tasks[transfer.job]
        task.open.discard(transfer.file.name)
        self.links.refused(task, transfer, failure, gained=gained)

    def adopted(
        self, task: Task, file: RemoteFile, found: str, content: Content, *, proof: int
    ) -> bool:
        """A file was on disk already, perhaps under another spelling; whether it is taken as it is.

        Not when nothing shows where it ends, neither now (``proof``) nor when it came.
        """
        proof |= task.ledger.files.proof(task.id, key(file.name), content.sha256)
        if not (shows_end(proof) or task.spec.accept_unproven):
            return False
        if found != file.name:
            task.folder.adopt(found, file.name)
        task.ledger.files.save_done([done_row(task, file, content, found=True, proof=proof)])
        older = task.older.pop(file.name, None)
        if older is not None:
            task.ledger.files.renew(task.id, [(older.id, file)])
        task.counts.skipped += 1
        task.open.discard(file.name)
        return True


def raised(error: BackhaulError) -> Failure:
    """What a provider's hook raised about one file, as the failure of that file."""
    gone = error.kind is FailureKind.NOT_FOUND
    state = SlotState.MISSING if gone else SlotState.FAILED
    return Failure(kind=error.kind, message=error.message, state=state)


def done_row(
    task: Task,
    file: RemoteFile,
    content: Content,
    *,
    found: bool = False,
    proof: int | None = None,
) -> tuple[object, ...]:
    """A row for FileTable.save_done of a file that did not come through the engine.

    Args:
        task: its job.
        file: what it is.
        content: what the verifier saw.
        found: it was on disk already.
        proof: what shows that it is whole; None: what the verifier saw.
    """
    state, message = standing(file, content)
    if found and state is SlotState.VERIFIED.value:
        message = "found on disk and verified"
    return (
        state, content.size, content.sha256, content.records, None, None, message,
        int(time.time()), content.proof.value if proof is None else proof, task.id, key(file.name),
    )  # fmt: skip
