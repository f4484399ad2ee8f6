"""A large body on its way to disk: written, hashed and decompressed off the loop."""

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import ParamSpec

from backhaul.errors import FailureKind
from backhaul.mailbox import Mailbox
from backhaul.storage.sync import sync_data
from backhaul.storage.workspace import Workspace
from backhaul.transfer.backlog import Backlog
from backhaul.transfer.binding import Binding, Marked, dump
from backhaul.transfer.coding import Decoder
from backhaul.transfer.progress import Progress
from backhaul.transfer.segments import Span, merge
from backhaul.transfer.unit import HUGE
from backhaul.transfer.verifiers import PartVerifier
from backhaul.types import Content
from backhaul.verify.fault import VerifyFault

P = ParamSpec("P")

BLOCK = 1 << 18  # bytes passed to the worker at a time
MARK = 16 << 20  # bytes after which progress is synced and recorded


class PartFile:
    """The ``.part`` of one file. The loop appends; a worker thread writes and verifies.

    Received data is written before it is verified, so that no connection waits for the verification of
    another one's data. Verification follows block by block and reads back what it did not see being
    written. Files take turns on the workers.

    From time to time, and on suspension, progress is synced and then recorded in the sidecar. A later run
    resumes from that record only. A part that could not be synced is dropped: the next fsync may succeed
    without having written anything.

    Errors (VerifyFault, OSError) are stored in ``error`` and end all further work.
    """

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        *,
        executor: Executor,
        verifier: Callable[[str | None], PartVerifier],
        mailbox: Mailbox,
        backlog: Backlog,
        durable: bool,
    ) -> None:
        self._workspace = workspace
        self._name = name
        self._executor = executor
        self._make_verifier = verifier
        self._mailbox = mailbox
        self._backlog = backlog
        self._durable = durable
        self._verifier = verifier(None)
        self._fd = -1
        self._fresh = True  # an existing part is not from this file
        self._held: list[bytes] = []
        self._held_size = 0
        self._position = 0  # verified up to here
        self._islands: list[Span] = []  # written but not verified
        self._binding: Binding | None = None
        self._digest: str | None = None  # from the response's headers
        self._progress = Progress()
        self._decoder: Decoder | None = None
        self._decoded = 0  # bytes it has returned
        self._unmarked = 0  # bytes received since the sidecar was written
        self._failed_sync = False
        self._work: deque[Callable[[], None]] = deque()
        self._ending: Callable[[Content | None], None] | None = None
        self._lock = Lock()
        self._running = False
        self.size = 0  # bytes accepted
        self.error: VerifyFault | OSError | None = None

    # -- the loop's side ------------------------------------------------------------------------

    def resume(self, binding: Binding, spans: Sequence[Marked]) -> None:
        """Resumes what an earlier run recorded; it is read, compared and verified first."""
        self.size = max(end for _, end, _ in spans)
        self._fresh = False
        self._submit(self._guard, self._found, binding, spans)

    def write_at(self, offset: int, blocks: list[bytes], size: int) -> None:
        """Takes bytes for a position in the file, in any order."""
        self._backlog.add(size)
        self._submit(self._write, offset, blocks, size)

    def bind(self, binding: Binding) -> None:
        """Sets the content's binding; without a validator, the file cannot be resumed."""
        self._submit(self._guard, self._bind, binding)

    def decode(self, decoder: Decoder) -> None:
        """Decodes all appended data; the file then cannot be resumed."""
        self._submit(self._decode, decoder)

    def append(self, data: bytes) -> None:
        """Takes the next bytes."""
        self.size += len(data)
        self._held.append(data)
        self._held_size += len(data)
        if self._held_size >= BLOCK:
            self.flush()

    def flush(self) -> None:
        """Passes all appended data to the worker."""
        if self._held:
            blocks, size = self._held, self._held_size
            offset = self.size - size
            self._held = []
            self._held_size = 0
            self.write_at(offset, blocks, size)

    def restart(self) -> None:
        """Discards all bytes."""
        self._held = []
        self._held_size = 0
        self.size = 0
        self.error = None
        self._submit(self._truncate)

    def finish(self, done: Callable[[Content | None], None]) -> None:
        """Ends the data; calls ``done`` on a worker with the verifier's result, or None on an error."""
        self.flush()
        self._submit(self._end, done)

    def suspend(self) -> None:
        """Keeps received data for later, if possible, and closes the file."""
        self.flush()
        self._submit(self._keep)

    def close(self) -> None:
        """Closes the verified file."""
        self._submit(self._close)

    def discard(self) -> None:
        """Discards the file."""
        self._submit(self._drop)

    def give_away(self, take: Callable[[bytes | None], None]) -> None:
        """Calls a function that keeps the received data elsewhere, then discards the file."""
        self.flush()
        self._submit(self._give, take)

    @property
    def at_work(self) -> bool:
        """Whether a worker has work to do for it."""
        with self._lock:
            return self._running

    # -- the worker's side ----------------------------------------------------------------------

    def _submit(self, function: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        work = partial(function, *args, **kwargs)
        with self._lock:
            self._work.append(work)
            if self._running:
                return
            self._running = True
        self._executor.submit(self._drain)

    def _drain(self, *, verify: bool = True) -> None:
        while True:
            with self._lock:
                work = self._work.popleft() if self._work else None
                if work is None and verify and self._behind:
                    break
                if work is None and not (verify and self._ending is not None):
                    self._running = False
                    return
            if work is None:
                self._finish()
                continue
            try:
                work()
            except OSError as error:
                self.error = self.error or error
            except Exception as error:  # noqa: BLE001 - fails only this file
                self._unexpected(error)
        self._guard(self._verify_some)
        try:
            self._executor.submit(self._drain)  # after the other files
        except RuntimeError:  # the run has ended: finish pending calls, skip verification
            self._drain(verify=False)

    def _unexpected(self, error: Exception) -> None:
        text = f"could not be verified: {type(error).__name__}: {error}"
        self.error = self.error or VerifyFault(FailureKind.CORRUPT, text)

    def _guard(self, function: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Runs a step unless the file has failed; records a failure."""
        if self.error is None:
            try:
                function(*args, **kwargs)
            except (VerifyFault, OSError) as error:
                self.error = error
            except Exception as error:  # noqa: BLE001 - fails only this file
                self._unexpected(error)
            if self.error is not None:
                self._mailbox.post(self._written, 0)  # frees transfers that wait for space

    def _open(self) -> int:
        if self._fd < 0:
            workspace = self._workspace
            self._fd = (workspace.new_part if self._fresh else workspace.open_part)(self._name)
            self._fresh = False
        return self._fd

    def _mark(self) -> None:
        """Records progress; a sidecar never mentions bytes that a power failure could still lose."""
        self._unmarked = 0
        if self._binding is None:
            return
        self._sync()
        data = dump(self._binding, self._progress.spans())
        self._workspace.write_sidecar(self._name, data, sync=self._durable)

    def _sync(self) -> None:
        if self._durable:
            try:
                sync_data(self._open())
            except OSError:
                self._failed_sync = True
                raise

    def _found(self, binding: Binding, spans: Sequence[Marked]) -> None:
        os.ftruncate(self._open(), max(end for _, end, _ in spans))
        self._bind(binding)
        self._progress = Progress(spans)
        self._islands = merge((start, end) for start, end, _ in spans)

    def _bind(self, binding: Binding) -> None:
        self._binding = binding if binding.validator else None
        self._expect(binding.digest)

    def _expect(self, digest: str | None) -> None:
        """Verifies the content's digest, which is known before its first byte."""
        if digest != self._digest:
            self._digest = digest
            self._verifier = self._make_verifier(digest)

    def _decode(self, decoder: Decoder) -> None:
        self._expect(None)  # it is of the encoded data
        self._decoder = decoder
        self._binding = None

    def _end(self, done: Callable[[Content | None], None]) -> None:
        self._ending = done
        self._guard(self._end_decoding)
        if self._islands:
            self._open()  # it may have been closed before verification ended

    def _keep(self) -> None:
        try:
            wrong = self._failed_sync or isinstance(self.error, VerifyFault)
            if self._unmarked and not wrong:
                self._mark()
        finally:
            if self._failed_sync:
                self._drop()
            self._close()

    def _give(self, take: Callable[[bytes | None], None]) -> None:
        self._close()
        try:
            take(None)
        finally:
            self._drop()

    @property
    def _behind(self) -> bool:
        """Whether there is unverified data on disk."""
        ready = bool(self._islands) and self._islands[0][0] <= self._position
        return ready and self._fd >= 0 and self.error is None

    def _verify_some(self) -> None:
        if not self._verifier.ready():
            return
        end = self._islands[0][1]
        if self._position < end:
            block = os.pread(self._open(), min(BLOCK, end - self._position), self._position)
            if not block:
                raise VerifyFault(FailureKind.TRUNCATED, "the partial file became shorter")
            self._feed(block)
        if self._position >= end:
            self._islands.pop(0)

    def _feed(self, data: bytes) -> None:
        self._progress.read(data)
        self._verifier.feed(data)
        self._position += len(data)

    def _write(self, offset: int, blocks: list[bytes], size: int) -> None:
        try:
            if self.error is None:
                self._store(offset, blocks, size)
        except (VerifyFault, OSError) as error:
            self.error = error
        finally:
            self._mailbox.post(self._written, size)

    def _store(self, offset: int, blocks: list[bytes], size: int) -> None:
        data = blocks[0] if len(blocks) == 1 else b"".join(blocks)
        if self._decoder is None:
            self._put(offset, data, size)
            return
        for segment in self._decoder.feed(data):
            self._put_next(segment)

    def _end_decoding(self) -> None:
        if self._decoder is not None:
            for segment in self._decoder.finish():
                self._put_next(segment)

    def _put_next(self, segment: bytes) -> None:
        self._put(self._decoded, segment, len(segment))
        self._decoded += len(segment)

    def _put(self, offset: int, data: bytes, size: int) -> None:
        fd = self._open()
        written = os.pwrite(fd, data, offset)
        while written < size:
            written += os.pwrite(fd, data[written:], offset + written)
        self._progress.wrote(offset, data)
        if offset == self._position and not self._work and self._verifier.ready():
            self._feed(data)
        else:
            self._islands = merge([*self._islands, (offset, offset + size)])
        self._unmarked += size
        if self._unmarked >= MARK:
            self._mark()

    def _written(self, size: int) -> None:
        self._backlog.done(size, broken=self if self.error is not None else None)

    def _truncate(self) -> None:
        self.error = None
        self._verifier.close()
        if self._failed_sync:
            self._drop()  # the kernel may consider its failed pages clean
        os.ftruncate(self._open(), 0)
        self._position = 0
        self._progress = Progress()
        self._unmarked = 0
        self._islands = []
        self._decoder = None
        self._decoded = 0
        self._ending = None
        self._digest = None
        self._verifier = self._make_verifier(None)

    def _finish(self) -> None:
        done, self._ending = self._ending, None
        content: Content | None = None
        try:
            if self.error is None:
                content = self._proven()
        except (VerifyFault, OSError) as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 - fails only this file
            self._unexpected(error)
        if done is not None:
            done(content)

    def _proven(self) -> Content:
        if self._islands:
            raise VerifyFault(FailureKind.TRUNCATED, "part of the file is missing")
        content = self._verifier.finish()
        if self._decoder is not None:
            content = replace(content, proof=content.proof | self._decoder.proof)
        os.ftruncate(self._open(), self._position)  # drops unverified data
        if self._position >= HUGE:
            self._sync()
        return content

    def _drop(self) -> None:
        self._failed_sync = False
        self._close()
        self._workspace.drop_part(self._name)

    def _close(self) -> None:
        self._verifier.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
