"""Receives a chunked file: each chunk is durable before the next one is requested.

After a crash, it resumes from the cursor of the last durable chunk. Chunks without a cursor (None) can
only restart from the beginning, and earlier data is dropped.

A chunk without data and with an unchanged cursor means "nothing now": the provider's queue is empty, and
without --wait it is left after a few seconds. With a new cursor it is progress and stored.

A chunk that is damaged on every attempt is kept, or it would be lost; if the file is split, in a volume
of its own. The ledger marks it ``corrupt``, without a hash, as soon as it is stored. When the volume is
published, and whenever it is read later, its lines are checked one by one.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO

from backhaul.archive.reading import verify_file
from backhaul.errors import BackhaulError, FailureKind, InterruptedRunError
from backhaul.ledger.streams import Position
from backhaul.run.chunked_files import volume_name
from backhaul.run.chunks import member, where_to_cut
from backhaul.run.context import RunContext
from backhaul.run.recovery import Recovery, check_volumes
from backhaul.run.task import Task
from backhaul.run.transfer_events import raised
from backhaul.storage.destination import Staged
from backhaul.storage.place import MovedError
from backhaul.storage.sync import sync_data
from backhaul.storage.workspace import PART
from backhaul.transfer.content_failures import content_failure
from backhaul.transfer.unit import NO_REQUEST, Failure, Transfer
from backhaul.types import IDLE, Chunk, Content, RemoteFile, SlotState
from backhaul.verify.fault import DamagedLines, VerifyFault
from backhaul.verify.records import RecordCounter

log = logging.getLogger(__name__)

_NAP = 0.1  # seconds between checks for a stop


def fetch_chunked_file(context: RunContext, task: Task, file: RemoteFile) -> None:
    """Starts a thread that receives the file, when it is the file's turn."""
    stream = ChunkedFile(context, task, file)
    started = context.streams.started
    context.calls.call(started, task, file, stream.begin, durable=context.durable)


class ChunkedFile:
    """Writes chunks to the current volume's part and records progress in the ledger.

    After a crash, the part may be longer than the ledger says; the excess is truncated and requested
    again from the ledger's cursor. So nothing is lost or duplicated.
    """

    def __init__(self, context: RunContext, task: Task, file: RemoteFile) -> None:
        self._context = context
        self._calls = context.calls
        self._streams = context.streams
        self._task = task
        self._workspace = task.workspace
        self._destination = task.destination
        self._file = file
        self._cursor: str | None = None
        self._volume = 1
        self._length = 0
        self._records = 0
        self._fd = -1
        self._empty = False
        self._doubtful = False  # the current volume contains a damaged chunk
        self._rest = False  # the current part may be longer than the ledger says

    @property
    def _is_delivered_once(self) -> bool:
        """The data cannot be requested again: it is kept even if records are bad."""
        return self._file.split is not None or self._cursor is not None

    def begin(self) -> None:
        """Starts the thread; reports a failure to the driver if that is impossible."""
        name = f"backhaul-stream-{self._task.spec.name}"
        try:
            threading.Thread(target=self.run, name=name, daemon=True).start()
        except RuntimeError as error:
            self._failed(Failure(kind=FailureKind.TIMEOUT, message=f"could not start: {error}"))
            self._post(self._streams.ended)

    def run(self) -> None:
        """The thread's main function; reports every outcome to the driver."""
        task, file = self._task, self._file
        try:
            self._receive()
        except InterruptedRunError:
            self._post(self._streams.stopped)
        except BackhaulError as error:
            self._failed(raised(error))
        except MovedError as error:
            self._calls.post(self._context.jobs.moved, task, error)
        except (VerifyFault, OSError) as error:
            self._failed(content_failure(error))
        except Exception as error:
            log.debug("unexpected", exc_info=True)
            message = f"unexpected {type(error).__name__}: {error}"
            self._failed(Failure(kind=FailureKind.PLUGIN, message=message))
        finally:
            try:
                self._close()
            except OSError as error:
                # What the ledger calls present was written earlier: only newer data is affected.
                log.warning("%s: %s: %s", task.spec.name, file.name, error.strerror)
            finally:
                self._post(self._streams.ended)

    def _post(self, message: "Callable[[Task, RemoteFile], None]") -> None:
        self._calls.post(message, self._task, self._file)

    def _failed(self, failure: Failure) -> None:
        """Reports a failure in the file's own row; for a split file, which has none, in the job."""
        task, file = self._task, self._file
        if file.split is None:
            if self._doubtful:
                failure = failure._replace(state=SlotState.CORRUPT)  # stored with the kind
            transfer = Transfer(task.key, file, NO_REQUEST, task.priority, task.listing_round)
            self._calls.post(self._context.files.failed, transfer, failure)
        else:
            self._calls.post(self._streams.failed, task, file, failure.kind, failure.message)

    def _receive(self) -> None:
        task, file = self._task, self._file
        if self._is_complete():
            check_volumes(self._context, task, file, kept=self._is_delivered_once)
            return
        if self._recover():
            return
        self._wait_for_room()
        for chunk in self._chunks():
            if not self._is_idle(chunk):
                if chunk.damaged and file.split is not None and self._length:
                    self._publish()
                self._store(chunk)
                if file.split is not None and (self._length >= file.split or chunk.damaged):
                    self._publish()
                self._look_for_stop()
            self._wait_for_room()
        self._settle_rest(None)
        if self._length or (file.split is None):
            self._publish(last=True)
        else:
            self._calls.keep(self._task, self._file, self._streams.keep, self._position(done=True))

    def _is_complete(self) -> bool:
        """Determines where to resume; returns whether the file is already complete."""
        task, file = self._task, self._file
        known = self._calls.call(self._streams.position, task, file)
        if file.split is not None and (known is None or known.done or known.cursor is not None):
            known = Recovery(self._context, task, file, known).position()
        if known is not None:
            self._cursor, self._volume, self._length, self._records, done = known
            return bool(done)
        if file.split is not None:
            # Record that the part belongs to the queue before any kill can happen.
            self._calls.keep(self._task, self._file, self._streams.keep, self._position())
        return False

    def _look_for_stop(self) -> None:
        self._destination.check()
        if self._task.stop.is_set():
            raise InterruptedRunError("stopped between chunks")

    def _wait_for_room(self) -> None:
        """Pauses while the disk is too full; earlier "nothing now" answers then no longer count."""
        task = self._task
        if task.disk.has_capacity.is_set():
            return
        if self._empty:
            self._empty = False
            self._post(self._streams.has_data_again)
        self._calls.post(task.disk.begin)
        try:
            while not task.disk.has_capacity.wait(_NAP):
                self._look_for_stop()
        finally:
            self._calls.post(task.disk.end)

    def _is_idle(self, chunk: Chunk) -> bool:
        """Whether the chunk means "nothing now"; tells the driver each time and when it ends."""
        empty = not chunk.data and chunk.cursor in {IDLE.cursor, self._cursor}
        if empty:
            self._look_for_stop()
        if empty or self._empty:
            self._post(self._streams.nothing_now if empty else self._streams.has_data_again)
        self._empty = empty
        return empty

    def _chunks(self) -> Iterator[Chunk]:
        task = self._task
        return task.provider.pull_file(
            task.http, task.spec.source.options, task.spec.options, self._file, self._cursor
        )

    def _recover(self) -> bool:
        """Restores the ledger's position; returns whether the file was already published."""
        task, file = self._task, self._file
        name = volume_name(file, self._volume)
        if self._length:
            self._doubtful = self._calls.call(self._streams.is_doubtful, task, name)
        self._destination.finish(name)
        here = self._workspace.part_length(name)
        published = self._length and here is None and self._destination.size(name) == self._length
        if published and (file.split is None or self._cursor is not None):
            self._destination.settle(name)
            self._record(name, *self._read(self._destination.open, name), last=file.split is None)
            if file.split is None:
                return True
            name = volume_name(file, self._volume)
        elif self._cursor is None and (self._length or self._volume > 1):
            self._calls.keep(self._task, self._file, self._streams.start_over)
            self._volume, self._length, self._records, self._doubtful = 1, 0, 0, False
            name = volume_name(file, 1)
            self._workspace.drop_part(name)
        here = self._workspace.part_length(name) or 0
        if here < self._length:
            raise VerifyFault(
                FailureKind.CORRUPT,
                f"{name}{PART} is missing or truncated, and the provider does not send its data"
                " twice; restore the file from a backup, or fetch the rest under another job name",
            )
        self._rest = here > self._length
        return False

    def _settle_rest(self, chunk: Chunk | None) -> None:
        """Truncates data in the part beyond the ledger's position, unless it cannot be fetched again.

        Such data exists after a kill between the two writes, or if the ledger is an older copy. If the
        queue continues with the same data, all of it will be fetched again.
        """
        if not self._rest:
            return
        self._rest = False
        fd = self._open()
        end = self._length
        if self._file.split is not None and (chunk is None or chunk.cursor is not None):
            gzipped = self._file.content.endswith("gz")
            end = where_to_cut(fd, end, chunk.data if chunk is not None else None, gzipped=gzipped)
        os.ftruncate(fd, end)
        if end > self._length:
            self._length = end
            name = volume_name(self._file, self._volume)
            text = (
                f"{name} has records that are not in the ledger and that the queue does not repeat"
            )
            self._calls.post(self._task.warn, text)
            if chunk is not None:
                self._publish()

    def _open(self) -> int:
        if self._fd < 0:
            name = volume_name(self._file, self._volume)
            # A part that cannot be published would be dropped.
            self._destination.refuse_others(name)
            self._fd = self._workspace.open_part(name, lasting=True)
        return self._fd

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _store(self, chunk: Chunk) -> None:
        size = 0
        if chunk.data:
            self._settle_rest(chunk)
            data = chunk.data
            if self._file.content.endswith("gz"):
                data = member(data)
            fd = self._open()
            place = self._length
            size = len(data)
            view = memoryview(data)
            while view:
                written = os.pwrite(fd, view, place)
                place += written
                view = view[written:]
            if self._context.durable:
                sync_data(fd)
            self._length = place
            lines = RecordCounter()
            lines.feed(chunk.data)
            lines.finish()
            self._records += lines.count
        self._cursor = chunk.cursor
        self._doubtful = self._doubtful or chunk.damaged
        self._calls.keep(
            self._task,
            self._file,
            self._streams.stored,
            self._position(),
            size=size,
            received=len(chunk.data),
            damaged=volume_name(self._file, self._volume) if chunk.damaged else None,
        )

    def _position(self, *, done: bool = False) -> Position:
        return Position(self._cursor, self._volume, self._length, self._records, int(done))

    def _publish(self, *, last: bool = False) -> None:
        name = volume_name(self._file, self._volume)
        if not self._length:
            self._store_empty()
        if self._context.durable:
            sync_data(self._open())  # chunks are synced already: this covers the end
        self._close()
        self._destination.refuse_others(name)
        content, damage = self._read(self._workspace.read_part, name)
        # A file without a cursor restarts from its beginning: it replaces the earlier file.
        again = self._cursor is None
        try:
            refused = self._destination.publish(
                [Staged(name, content.size, content.sha256, opened=True, synced=True)],
                overwrite=again,
            )
        except FileExistsError:
            if not self._destination.holds(name, content.sha256):
                raise VerifyFault(
                    FailureKind.UNSAFE_NAME,
                    f"{name} is another file, which is not overwritten; the received data is in"
                    f" {name}{PART}: move the other file away, then run again",
                ) from None
            self._workspace.drop_part(name)
            refused = []
        for _, error in refused:
            raise error
        self._record(name, content, damage, last=last)

    def _read(
        self, opened: Callable[[str], BinaryIO], name: str
    ) -> tuple[Content, DamagedLines | None]:
        limits = self._context.limits
        try:
            return verify_file(
                opened,
                name,
                self._file,
                limits,
                doubtful=self._doubtful,
                kept=self._is_delivered_once,
            ), None
        except DamagedLines as damage:
            return damage.content, damage

    def _store_empty(self) -> None:
        fd = self._open()
        if self._file.content.endswith("gz"):
            self._length = os.pwrite(fd, member(b""), 0)

    def _record(
        self, name: str, content: Content, damage: DamagedLines | None, *, last: bool
    ) -> None:
        """Records in one step that the volume is present and where the next one starts."""
        self._volume += 1
        self._length = 0
        self._records = 0
        self._doubtful = False
        self._calls.keep(
            self._task,
            self._file,
            self._streams.published,
            self._position(done=last),
            name=name,
            content=content,
            damage=damage,
        )
