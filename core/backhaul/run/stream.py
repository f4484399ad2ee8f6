"""A file that comes chunk by chunk: each one durable before the next is asked for."""

import logging
import os
import threading
import time
import zlib
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from backhaul.errors import (
    BackhaulError,
    DiskError,
    FailureKind,
    InterruptedRunError,
    PluginError,
)
from backhaul.run.adopt import verify_file
from backhaul.run.task import Task
from backhaul.storage.folder import PART, JobFolder
from backhaul.types import Chunk, Content, RemoteFile, Request, SlotState
from backhaul.verify.fault import VerifyFault
from backhaul.verify.lines import LineCounter

if TYPE_CHECKING:
    from backhaul.plugins.facade import Provider
    from backhaul.run.driver import Driver

log = logging.getLogger(__name__)


def fetch_stream(driver: "Driver", task: Task, provider: "Provider", file: RemoteFile) -> None:
    """Starts a thread that carries the file to its end."""
    driver.call(lambda: driver.streams.started(task, durable=driver.durable))
    stream = Stream(driver, task, provider, file)
    threading.Thread(
        target=stream.run, name=f"backhaul-stream-{task.spec.name}", daemon=True
    ).start()


def piece_name(file: RemoteFile, piece: int) -> str:
    """The name of a piece: ``-00001`` before the suffixes; the file's own when it is not split."""
    if file.split is None:
        return file.name
    path = PurePosixPath(file.name)
    stem, dot, suffixes = path.name.partition(".")
    return str(path.with_name(f"{stem}-{piece:05d}{dot}{suffixes}"))


class Stream:
    """Writes chunks to the present piece's part and has the ledger remember how far that is.

    The part may be longer than the ledger says (a crash between the two); what is beyond is cut
    off and asked for again, from the cursor that the ledger has. So nothing is lost or doubled.
    """

    def __init__(
        self, driver: "Driver", task: Task, provider: "Provider", file: RemoteFile
    ) -> None:
        self._driver = driver
        self._task = task
        self._provider = provider
        self._file = file
        self._cursor: str | None = None
        self._piece = 1
        self._length = 0
        self._records = 0
        self._fd = -1

    @property
    def _folder(self) -> JobFolder:
        folder = self._task.folder
        assert folder is not None  # noqa: S101 - begin_job has opened it
        return folder

    def run(self) -> None:
        """The thread's body: whatever happens, the driver hears of it."""
        driver, task, file = self._driver, self._task, self._file
        try:
            self._go()
        except InterruptedRunError:
            driver.post(lambda: driver.streams.stopped(task, file))
        except BackhaulError as error:
            kind, message = error.kind, error.message
            driver.post(lambda: driver.streams.failed(task, file, kind, message))
        except VerifyFault as fault:
            kind, message = fault.kind, fault.message
            driver.post(lambda: driver.streams.failed(task, file, kind, message))
        except OSError as error:
            message = f"cannot be written: {error.strerror or error}"
            driver.post(lambda: driver.streams.failed(task, file, FailureKind.DISK, message))
        except Exception as error:
            log.debug("unexpected", exc_info=True)
            message = f"unexpected {type(error).__name__}: {error}"
            driver.post(lambda: driver.streams.failed(task, file, FailureKind.PLUGIN, message))
        finally:
            if self._fd >= 0:
                os.close(self._fd)
            driver.post(lambda: driver.streams.ended(task, file))

    def _go(self) -> None:
        driver, task, file = self._driver, self._task, self._file
        known = driver.call(lambda: driver.streams.position(task, file))
        if known is not None:
            self._cursor, self._piece, self._length, self._records, done = known
            if done:
                self._look_after_pieces()
                return
            if self._recover() and file.split is None:
                return
        for chunk in self._chunks():
            self._store(chunk)
            if file.split is not None and self._length >= file.split:
                self._publish()
            if task.stop.is_set():
                raise InterruptedRunError("stopped between two chunks")
        if self._length or (file.split is None):
            self._publish(last=True)
        else:
            driver.call(lambda: self._save(done=True))

    def _chunks(self) -> "Iterable[Chunk]":
        task = self._task
        assert task.http is not None  # noqa: S101 - the job's thread has looked
        found = self._provider.fetch_file(
            task.http, task.spec.source_options, task.spec.job_options, self._file, self._cursor
        )
        if isinstance(found, Request):
            raise PluginError(
                f"{self._file.name}: fetch_file gave chunks at first and now a Request"
            )
        return found

    def _recover(self) -> bool:
        """Goes back to where the ledger is; says whether the present piece was published already."""
        name = piece_name(self._file, self._piece)
        here = self._folder.size(name + PART)
        if self._length and here is None and self._folder.size(name) == self._length:
            self._record(name, self._read(name), last=self._file.split is None)
            return True
        if (here or 0) < self._length:
            raise DiskError(
                f"{name}{PART} is gone or cut short, and with it what had arrived: the provider does"
                " not give it twice; restore the file from a copy, or delete the ledger's folder to"
                " start over"
            )
        os.ftruncate(self._open(), self._length)
        return False

    def _look_after_pieces(self) -> None:
        """All came once: what was lost or damaged since cannot be had again, but may be restored."""
        driver, task = self._driver, self._task
        for row in driver.call(lambda: driver.streams.pieces(task)):
            size = self._folder.size(row.name)
            if row.state is SlotState.VERIFIED and size == row.size:
                continue
            failure = _LOST
            if size is not None:
                try:
                    content = verify_file(self._folder, row.name, row.remote(), driver.limits)
                except VerifyFault as fault:
                    failure = fault
                else:
                    if row.sha256 in {None, content.sha256}:
                        driver.call(
                            lambda row=row, content=content: driver.streams.restored(
                                task, row, content
                            )  # type: ignore[misc]  # mypy does not infer lambdas with defaults
                        )
                        continue
                    failure = _OTHER
            driver.call(
                lambda row=row, failure=failure: driver.streams.lost(task, row, failure)  # type: ignore[misc]  # mypy does not infer lambdas with defaults
            )

    def _open(self) -> int:
        if self._fd < 0:
            self._fd = self._folder.open_part(piece_name(self._file, self._piece))
        return self._fd

    def _store(self, chunk: Chunk) -> None:
        if chunk.data:
            data = chunk.data
            if self._file.content.endswith("gz"):
                data = _member(data)
            fd = self._open()
            place = self._length
            view = memoryview(data)
            while view:
                written = os.pwrite(fd, view, place)
                place += written
                view = view[written:]
            if self._driver.durable:
                os.fdatasync(fd)
            self._length = place
            lines = LineCounter()
            lines.feed(chunk.data)
            lines.finish()
            self._records += lines.count
        self._cursor = chunk.cursor
        size = len(chunk.data)
        self._driver.call(lambda: self._save(done=False, size=size))

    def _save(self, *, done: bool, size: int = 0) -> None:
        self._driver.streams.save(
            self._task,
            self._file,
            cursor=self._cursor,
            piece=self._piece,
            length=self._length,
            records=self._records,
            done=done,
            size=size,
        )

    def _publish(self, *, last: bool = False) -> None:
        name = piece_name(self._file, self._piece)
        if not self._length:
            self._store_empty()
        os.close(self._open())
        self._fd = -1
        content = self._read(name + PART)
        for _, error in self._folder.publish([name]):
            raise error
        self._record(name, content, last=last)

    def _read(self, name: str) -> Content:
        return verify_file(self._folder, name, self._file, self._driver.limits)

    def _store_empty(self) -> None:
        fd = self._open()
        if self._file.content.endswith("gz"):
            self._length = os.pwrite(fd, _member(b""), 0)

    def _record(self, name: str, content: Content, *, last: bool) -> None:
        """Has the ledger say, at once, that the piece is here and where the next one begins."""
        self._piece += 1
        self._length = 0
        self._records = 0
        driver, task, file = self._driver, self._task, self._file

        def save() -> None:
            driver.streams.piece_done(task, file, name, content)
            self._save(done=last)

        driver.call(save)
        task.last_data = time.monotonic()


_LOST = VerifyFault(
    FailureKind.NOT_FOUND,
    "was here and is gone; the provider does not give it twice: restore it from a copy",
)
_OTHER = VerifyFault(FailureKind.CORRUPT, "is whole, but not what was fetched")


def _member(data: bytes) -> bytes:
    engine = zlib.compressobj(6, zlib.DEFLATED, 31)
    return engine.compress(data) + engine.flush()
