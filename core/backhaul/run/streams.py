"""What the driver does for files that come chunk by chunk."""

import time
from collections.abc import Callable, Iterable

from backhaul.errors import FailureKind
from backhaul.ledger.rows import PIECE, FileRow
from backhaul.names import key
from backhaul.run.files import done_row
from backhaul.run.task import Task
from backhaul.types import Content, JobState, RemoteFile, SlotState
from backhaul.verify.fault import VerifyFault

_IDLE = 3.0  # seconds without data after which a queue that still fills is left, without --wait


class StreamDesk:
    """Keeps the ledger of chunked files; on the driver's thread.

    Args:
        received: told how many bytes of a job came.
        trouble: told when a destination cannot be written any more.
    """

    def __init__(
        self,
        *,
        received: Callable[[Task, int], None],
        trouble: Callable[[Task, str], None],
    ) -> None:
        self._received = received
        self._trouble = trouble

    def started(self, task: Task, *, durable: bool) -> None:
        """A chunked file begins: what the provider was told is here must outlive a power cut."""
        if durable and task.ledger is not None:
            task.ledger.sync_each_commit()
        task.streams += 1
        task.last_data = time.monotonic()

    def position(
        self, task: Task, file: RemoteFile
    ) -> tuple[str | None, int, int, int, bool] | None:
        """How far it is: cursor, piece, length of the piece, its records, whether done."""
        return task.ledger.stream(task.id, file.name) if task.ledger is not None else None

    def save(
        self,
        task: Task,
        file: RemoteFile,
        *,
        cursor: str | None,
        piece: int,
        length: int,
        records: int,
        done: bool,
        size: int,
    ) -> None:
        """It went on; returns when that is in the ledger."""
        if task.ledger is None:
            return
        task.ledger.save_stream(
            task.id,
            file.name,
            cursor=cursor,
            piece=piece,
            length=length,
            records=records,
            done=done,
        )
        task.ledger.commit()
        if size:
            task.bytes_fetched += size
            task.last_data = time.monotonic()
            self._received(task, size)

    def piece_done(self, task: Task, file: RemoteFile, name: str, content: Content) -> None:
        """A piece has its final name."""
        if task.ledger is None:
            return
        piece = RemoteFile(
            name,
            start=file.start,
            end=file.end,
            content=file.content,
            footer_lines=file.footer_lines,
        )
        if file.split is not None and not task.ledger.known(task.id, [key(name)]):
            task.ledger.add_files(task.id, [piece], flags=PIECE)
        task.ledger.save_done([done_row(task, piece, content, state=SlotState.VERIFIED)])
        task.open.discard(name)
        task.fetched += 1
        task.last_data = time.monotonic()

    def pieces(self, task: Task) -> list[FileRow]:
        """The pieces that the ledger knows."""
        if task.ledger is None:
            return []
        return [row for row in task.ledger.files(task.id) if row.flags & PIECE]

    def restored(self, task: Task, row: FileRow, content: Content) -> None:
        """A piece that was lost is here again."""
        if task.ledger is not None:
            done = done_row(task, row.remote(), content, state=SlotState.VERIFIED)
            task.ledger.save_done([done])

    def lost(self, task: Task, row: FileRow, fault: VerifyFault) -> None:
        """A piece that was here is gone or damaged."""
        if task.ledger is not None:
            gone = fault.kind is FailureKind.NOT_FOUND
            task.ledger.save_failed(
                task.id,
                row.name,
                state=SlotState.MISSING if gone else SlotState.CORRUPT,
                kind=fault.kind.value,
                message=fault.message,
            )

    def failed(self, task: Task, file: RemoteFile, kind: FailureKind, message: str) -> None:
        """It cannot go on."""
        task.open.discard(file.name)
        if kind is FailureKind.DISK:
            self._trouble(task, message)
        else:
            task.note(kind, message, file=file.name)

    def stopped(self, task: Task, file: RemoteFile) -> None:
        """It was told to stop: what has arrived is kept."""
        task.open.discard(file.name)

    def ended(self, task: Task, file: RemoteFile) -> None:
        """Its thread is over."""
        task.open.discard(file.name)
        task.streams -= 1
        task.settle()

    def leave_idle(self, tasks: Iterable[Task], now: float) -> None:
        """Without --wait, a queue that still fills is left once it has nothing more to give."""
        for task in tasks:
            status = task.status
            if (
                task.streams
                and not task.stop.is_set()
                and status is not None
                and status.state is not JobState.READY
                and now - task.started > task.spec.wait
                and now - task.last_data > _IDLE
            ):
                task.not_ready = True
                task.stop.set()
