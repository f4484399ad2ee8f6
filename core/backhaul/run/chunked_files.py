"""The driver's side of chunked files."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

from backhaul.errors import FailureKind
from backhaul.ledger.rows import VOLUME, FileRow, is_doubtful
from backhaul.ledger.streams import Position
from backhaul.names import key
from backhaul.run.commit_batch import done_row
from backhaul.run.task import Task
from backhaul.storage.location import Location
from backhaul.types import HERE, Content, JobState, RemoteFile, SlotState
from backhaul.verify.fault import LOST, VerifyFault

_IDLE = 3.0  # seconds of "nothing now" before an open queue is left, without --wait
_AT_ONCE = 8  # chunked files of one job received in parallel


class ChunkedFiles:
    """Records chunked files in the ledger; on the driver's thread.

    The limit on threads is per job, so a queue that fills for days does not block other jobs.

    Args:
        received: called with the number of bytes received for a job.
        trouble: called when a destination can no longer be written.

    Attributes:
        idle: seconds of "nothing now" before an open queue is left, without --wait.
    """

    def __init__(
        self, *, received: Callable[[Task, int], None], trouble: Callable[[Location, str], None]
    ) -> None:
        self.idle = _IDLE
        self._received = received
        self._trouble = trouble
        self._waiting: dict[str, deque[tuple[str, Callable[[], None]]]] = {}
        # By job: the active files, and when their queues first and last had no data.
        self._empty: dict[str, dict[str, tuple[float, float] | None]] = {}

    def started(
        self, task: Task, file: RemoteFile, begin: Callable[[], None], *, durable: bool
    ) -> None:
        """Queues a chunked file: ``begin`` starts its thread, now or when it is its turn.

        Data acknowledged to the provider must survive a power failure, so each commit is synced.
        """
        if task.stop.is_set():
            task.open.discard(file.name)
            return
        if durable:
            task.ledger.sync_each_commit()
        task.job.streams += 1
        self._waiting.setdefault(task.key, deque()).append((file.name, begin))
        self._next(task)

    def _next(self, task: Task) -> None:
        waiting = self._waiting.get(task.key, deque())
        running = self._empty.setdefault(task.key, {})
        while waiting and task.stop.is_set():
            name, _ = waiting.popleft()
            task.open.discard(name)
            task.job.streams -= 1
        while waiting and len(running) < _AT_ONCE:
            name, begin = waiting.popleft()
            running[name] = None
            begin()

    def nothing_now(self, task: Task, file: RemoteFile) -> None:
        """The provider's queue is empty at the moment."""
        running = self._empty.get(task.key, {})
        if file.name in running:
            now = time.monotonic()
            first, _ = running[file.name] or (now, now)
            running[file.name] = first, now

    def has_data_again(self, task: Task, file: RemoteFile) -> None:
        """The queue has data again."""
        running = self._empty.get(task.key, {})
        if file.name in running:
            running[file.name] = None

    def position(self, task: Task, file: RemoteFile) -> Position | None:
        """The file's progress."""
        return task.ledger.streams.get(task.id, file.name)

    def stored(
        self,
        task: Task,
        file: RemoteFile,
        position: Position,
        *,
        size: int,
        received: int,
        damaged: str | None,
    ) -> None:
        """A chunk is in its part; the caller commits the ledger, see Calls.keep.

        Args:
            task: the job.
            file: the chunked file.
            position: its new position.
            size: bytes of the chunk as stored.
            received: bytes of the chunk as received.
            damaged: name of its volume if the chunk arrived damaged.
        """
        if damaged is not None:
            self._save_damaged(task, file, damaged, None)
        self.keep(task, file, position)
        task.counts.bytes += size
        if received:
            self._received(task, received)

    def published(
        self,
        task: Task,
        file: RemoteFile,
        position: Position,
        *,
        name: str,
        content: Content,
        damage: VerifyFault | None,
    ) -> None:
        """A volume is published; the caller commits the ledger, see Calls.keep.

        Args:
            task: the job.
            file: the chunked file.
            position: where the next volume starts.
            name: the volume's name.
            content: the verifier's result.
            damage: its damage, if it contains a damaged chunk.
        """
        if damage is None:
            self._piece_done(task, file, name, content)
        else:
            self._save_damaged(task, file, name, damage)
        self.keep(task, file, position)

    def _piece_done(self, task: Task, file: RemoteFile, name: str, content: Content) -> None:
        volume = self._enter(task, file, name)
        task.ledger.files.save_done([done_row(task, volume, content)])
        task.open.discard(name)
        task.counts.fetched += 1
        if task.job.tell_done is not None:
            task.job.tell_done(task.job.done_event(volume, content))

    def _save_damaged(
        self, task: Task, file: RemoteFile, name: str, damage: VerifyFault | None
    ) -> None:
        """Records a volume with a damaged chunk; it is published if ``damage`` is set."""
        self._enter(task, file, name)
        message = damage.message if damage is not None else _DAMAGED
        task.ledger.files.save_failed(
            task.id, name, state=SlotState.CORRUPT, kind=FailureKind.CORRUPT.value, message=message
        )
        if damage is not None:
            task.open.discard(name)
            task.counts.fetched += 1
            task.job.tell_failed(name, FailureKind.CORRUPT, message)

    def is_doubtful(self, task: Task, name: str) -> bool:
        """Whether an incomplete volume contains a damaged chunk."""
        rows = task.ledger.files.known(task.id, [key(name)])
        return any(is_doubtful(row.state, row.sha256) for row in rows.values())

    def _enter(self, task: Task, file: RemoteFile, name: str) -> RemoteFile:
        """Adds the volume to the ledger as a file of its own."""
        volume = _as_file(file, name)
        if file.split is not None and not task.ledger.files.known(task.id, [key(name)]):
            task.ledger.files.add(task.id, [volume], flags=VOLUME)
        return volume

    def known(self, task: Task, names: Sequence[str]) -> dict[str, FileRow]:
        """The ledger's rows for these names."""
        rows = (task.ledger.files.get(task.id, name) for name in names)
        return {row.name: row for row in rows if row is not None}

    def took_over(self, task: Task, file: RemoteFile, name: str, content: Content | None) -> None:
        """Adopts a volume found on disk; ``content`` is None if it is damaged."""
        volume = _as_file(file, name)
        row = task.ledger.files.get(task.id, name)
        if row is None:
            task.ledger.files.add(task.id, [volume], flags=VOLUME)
        else:
            task.ledger.files.renew(task.id, [(row.id, volume)], flags=VOLUME)
        if content is None:
            kind, message = FailureKind.CORRUPT, "found on disk, but damaged"
            task.ledger.files.save_failed(
                task.id, name, state=SlotState.CORRUPT, kind=kind.value, message=message
            )
        elif row is None or row.state not in HERE or row.size != content.size:
            task.ledger.files.save_done([done_row(task, volume, content, found=True)])

    def volumes(self, task: Task, file: RemoteFile) -> list[FileRow]:
        """The file's volumes in the ledger; the file itself if it is not split."""
        if file.split is None:
            row = task.ledger.files.get(task.id, file.name)
            return [] if row is None else [row]
        return [
            row
            for row in task.ledger.inventory.files(task.id)
            if row.flags & VOLUME and volume_number(file, row.name) is not None
        ]

    def keep(self, task: Task, file: RemoteFile, position: Position) -> None:
        """Sets the file's position; the caller commits the ledger, see Calls.keep."""
        task.ledger.streams.save(task.id, file.name, position)

    def piece_lost(self, task: Task, file: RemoteFile, name: str) -> None:
        """A volume without a row in the ledger is lost."""
        self._enter(task, file, name)
        task.counts.failed += 1
        task.ledger.files.save_failed(
            task.id, name, state=SlotState.LOST, kind=LOST.kind.value, message=LOST.message
        )
        task.job.tell_failed(name, LOST.kind, LOST.message)

    def start_over(self, task: Task, file: RemoteFile) -> None:
        """Resets the file's progress and volumes, which are overwritten in order as data arrives.

        The caller commits the ledger, see Calls.keep.
        """
        gone = [row.id for row in self.volumes(task, file) if row.flags & VOLUME]
        task.ledger.files.forget(task.id, gone)
        self.keep(task, file, Position(None, 1, 0, 0, 0))

    def looked_at(self, task: Task, row: FileRow, found: VerifyFault | Content) -> None:
        """Records that a lost volume is present again, or that a present one is lost or damaged."""
        if isinstance(found, Content):
            task.ledger.files.save_done([done_row(task, row.remote(), found)])
            return
        task.counts.failed += 1
        gone = found.kind is FailureKind.LOST
        task.ledger.files.save_failed(
            task.id,
            row.name,
            state=SlotState.LOST if gone else SlotState.CORRUPT,
            kind=found.kind.value,
            message=found.message,
        )
        task.job.tell_failed(row.name, found.kind, found.message)

    def failed(self, task: Task, file: RemoteFile, kind: FailureKind, message: str) -> None:
        """The file cannot continue and has no row of its own in the ledger."""
        task.open.discard(file.name)
        if kind is FailureKind.DISK:
            self._trouble(task.spec.dest, message)
        else:
            task.was_refused(kind, message)
            task.note(kind, message, file=file.name)

    def stopped(self, task: Task, file: RemoteFile) -> None:
        """The file was told to stop; received data is kept."""
        task.open.discard(file.name)

    def ended(self, task: Task, file: RemoteFile) -> None:
        """The file's thread has ended."""
        self._empty.get(task.key, {}).pop(file.name, None)
        task.open.discard(file.name)
        task.job.streams -= 1
        self._next(task)
        task.settle()

    def leave_idle(self, tasks: Iterable[Task], now: float) -> None:
        """Leaves open queues that have nothing more to give, unless --wait is set.

        Only the provider's "nothing now" answers count, from the first to the last: a slow response, a
        refusal, a requested pause or a long verification of a volume does not make a queue empty.
        """
        for task in tasks:
            status = task.job.status
            if (
                task.job.streams
                and not task.stop.is_set()
                and status is not None
                and status.state is not JobState.READY
                and now - task.job.started > task.spec.wait.total_seconds()
                and self._all_empty(task)
            ):
                task.job.not_ready = True
                task.stop.set()

    def _all_empty(self, task: Task) -> bool:
        running = self._empty.get(task.key, {}).values()
        return bool(running) and all(
            times is not None and times[1] - times[0] >= self.idle for times in running
        )


_DAMAGED = "arrived damaged on every attempt and is kept as received; not complete yet"


def _as_file(file: RemoteFile, name: str) -> RemoteFile:
    return RemoteFile(
        name, start=file.start, end=file.end, content=file.content, footer_lines=file.footer_lines
    )


def volume_name(file: RemoteFile, volume: int) -> str:
    """The name of a volume, with ``-00001`` before the suffixes; the file's own if it is not split."""
    return file.name if file.split is None else _volume(file, f"{volume:05d}")


def volume_number(file: RemoteFile, name: str) -> int | None:
    """The number of a volume from its name; None if it is not a volume of the file."""
    before, after = _volume(file, "\n").split("\n")
    number = name.removeprefix(before).removesuffix(after)
    if not (number.isascii() and number.isdigit()) or name != f"{before}{number}{after}":
        return None
    return int(number) if volume_name(file, int(number)) == name else None


def _volume(file: RemoteFile, number: str) -> str:
    path = PurePosixPath(file.name)
    stem, dot, suffixes = path.name.partition(".")
    return str(path.with_name(f"{stem}-{number}{dot}{suffixes}"))
