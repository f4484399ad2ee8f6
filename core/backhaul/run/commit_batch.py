"""Publishes verified files in groups."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from backhaul import names
from backhaul.errors import BackhaulError, LockedError
from backhaul.events import FileDone
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.waiting import HeldError
from backhaul.run.task import EarlierVersion, Task
from backhaul.run.uploads import Uploads
from backhaul.storage.destination import Refused, Staged
from backhaul.storage.place import MovedError
from backhaul.storage.stored import Stored
from backhaul.transfer.content_failures import content_failure
from backhaul.transfer.outcome import Done
from backhaul.transfer.unit import HUGE, bare
from backhaul.types import Content, Proof, RemoteFile, SlotState
from backhaul.verify.evidence import standing

GROUP = 256
AGE = 0.25  # maximum seconds a verified file waits for its group


def done_row(
    task: Task,
    file: RemoteFile,
    content: Content,
    *,
    validator: str | None = None,
    origin: str | None = None,
    found: bool = False,
    proof: int | None = None,
) -> tuple[object, ...]:
    """A row for FileTable.save_done.

    Args:
        task: its job.
        file: the file.
        content: the verifier's result.
        validator: the server's validator; None if it was not transferred.
        origin: its URL without query and fragment; None if it was not transferred.
        found: it was found on disk.
        proof: what proves that it is whole; None: as in ``content``.
    """
    state, message = standing(file, content)
    if found and state is SlotState.VERIFIED.value:
        message = "found on disk and verified"
    return (
        state, content.size, content.sha256, content.records, validator, origin, message,
        int(time.time()), content.proof.value if proof is None else proof, task.id,
        names.key(file.name),
    )  # fmt: skip


class _Group:
    """Verified files of a job that are not published yet.

    Attributes:
        staged, rows: for the destination and for the ledger.
        stored: the objects of files that workers have published; all or none of a group.
        others: files with a known older version, with that version and whether their bytes differ.
        events: events to send once the files are published; empty if nothing listens.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.is_remote = task.destination.is_remote
        self.staged: list[Staged] = []
        self.stored: list[Stored] = []
        self.rows: list[tuple[object, ...]] = []
        self.others: list[tuple[EarlierVersion, RemoteFile, bool]] = []
        self.events: list[FileDone] = []


class CommitBatch:
    """Collects verified parts of one destination; ``flush`` publishes and records them together.

    Publishing to a store takes time: there, ``flush`` only starts it.

    First the bytes become durable, then the names, then the ledger records them: a crash in between
    costs only another check.

    Args:
        ledger: the destination's ledger.
        moved: called for a job whose folder was moved, or that another workspace has taken over.
        published: called with the names of a job's files once they stop waiting.
        trouble: called if uploads fail as a whole.
        uploads: publishes to stores.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        moved: Callable[[Task, MovedError | LockedError], None],
        published: Callable[[Task, Sequence[str]], None],
        trouble: Callable[[BackhaulError | OSError], None],
        uploads: Uploads,
    ) -> None:
        self._ledger = ledger
        self._trouble = trouble
        self.uploads = uploads
        self._moved = moved
        self._published = published
        self._groups: dict[tuple[int, bool], _Group] = {}
        self._count = 0
        self._since = 0.0
        self.bytes = 0

    def add(self, task: Task, done: Done, *, older: EarlierVersion | None = None) -> None:
        """Adds a verified file whose complete content is in its part.

        Args:
            task: its job.
            done: the completed transfer.
            older: the version that it may replace.
        """
        transfer, content, validator, proof, opened, _, stored = done
        file = transfer.file
        number = (task.id, stored is not None)
        group = self._groups.get(number)
        if group is None:
            group = self._groups[number] = _Group(task)
        if stored is not None:
            group.stored.append(stored)
        synced = opened and content.size >= HUGE  # synced by the part
        known = older is not None or file.name in task.replaceable
        group.staged.append(
            Staged(
                file.name,
                content.size,
                content.sha256,
                opened,
                synced,
                known,
                content.records,
                "+".join(Proof(proof).words()) if group.is_remote else "",
                file.content,
                file.footer_lines,
            )
        )
        if stored is None and group.is_remote:
            self.bytes += content.size
        if older is not None and older.sha256 is not None:
            group.others.append((older, file, older.sha256 != content.sha256))
        group.rows.append(
            done_row(
                task,
                file,
                content,
                validator=validator,
                origin=bare(transfer.request.url),
                proof=proof,
            )
        )
        if task.job.tell_done is not None:
            group.events.append(task.job.done_event(file, content))
        if not self._count:
            self._since = time.monotonic()
        self._count += 1

    @property
    def due(self) -> bool:
        """Whether the group should be published now."""
        return self._count >= GROUP or (self._count > 0 and time.monotonic() - self._since >= AGE)

    def flush(self) -> None:
        """Publishes and records all added files, unless another program locks the ledger at the moment.

        Raises OSError, DiskError, LockedError.
        """
        if not self._groups or self.uploads.full or not self._ledger.try_commit():
            return
        self._ledger.check()
        try:
            replaced = {
                number: self._about_to_replace(group) for number, group in self._groups.items()
            }
        except HeldError:
            return
        groups, self._groups = self._groups, {}
        self._count = self.bytes = 0
        for number, group in groups.items():
            task = group.task
            if task.destination.is_remote:
                ended = partial(self._uploaded, group, replaced[number])
                if group.stored:
                    task.destination.created(group.stored)
                    ended([])
                    continue
                self.uploads.start(task, group.staged, ended)
                continue
            self._published(task, [each.name for each in group.staged])
            try:
                refused = task.destination.publish(group.staged)
            except MovedError as gone:
                self._moved(task, gone)
                continue
            self._record(group, replaced[number], refused)
        self._ledger.try_commit()

    def _uploaded(
        self, group: _Group, replaced: int, outcome: list[Refused] | BackhaulError | OSError
    ) -> None:
        self._published(group.task, [each.name for each in group.staged])
        if isinstance(outcome, list):
            self._record(group, replaced, outcome)
            self._ledger.try_commit()
        elif isinstance(outcome, LockedError):
            self._moved(group.task, outcome)
        else:
            self._trouble(outcome)

    def _record(self, group: _Group, replaced: int, refused: list[Refused]) -> None:
        """Records a published group in the ledger, with the names that were refused."""
        task = group.task
        lost = {names.key(name) for name, _ in refused}
        self._ledger.files.save_done([row for row in group.rows if row[-1] not in lost])
        if task.destination.is_remote:
            published = [each.name for each in group.staged]
            self._ledger.files.save_etags(task.id, published, task.destination.etag)
        if group.others:
            renewed = [(older.id, file) for older, file, _ in group.others]
            self._ledger.files.renew(task.id, renewed)
        task.counts.replaced += replaced
        if task.job.tell_done is not None:
            for event in group.events:
                if not lost or names.key(event.file) not in lost:
                    task.job.tell_done(event)
        for name, error in refused:
            self._refuse(task, name, error)
        task.open.difference_update(each.name for each in group.staged)

    def _about_to_replace(self, group: _Group) -> int:
        """Durably marks files as absent whose names are about to be replaced.

        Otherwise, after a power failure, the ledger could attribute the new bytes to the old version.
        Raises HeldError.
        """
        size = group.task.destination.size
        rows = [
            (older.id, SlotState.PENDING, None, "being replaced")
            for older, file, other in group.others
            if other and size(file.name) is not None
        ]
        if rows:
            self._ledger.files.save_absent(group.task.id, rows)
            self._ledger.sync_each_commit()
        return len(rows)

    def _refuse(self, task: Task, name: str, error: OSError) -> None:
        failure = content_failure(error)
        task.counts.fetched -= 1
        task.counts.failed += 1
        self._ledger.files.save_failed(
            task.id, name, state=failure.state, kind=failure.kind.value, message=failure.message
        )
        task.job.tell_failed(name, failure.kind, failure.message)
