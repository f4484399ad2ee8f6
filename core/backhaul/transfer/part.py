"""A large body on its way to disk: written, hashed and inflated beside the loop."""

import json
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict
from threading import Lock
from typing import Any

from backhaul.errors import FailureKind
from backhaul.frozen import dataclass
from backhaul.storage.folder import JobFolder
from backhaul.transfer.handle import Handle
from backhaul.transfer.pieces import Span, merge
from backhaul.types import Content
from backhaul.verify.fault import VerifyFault
from backhaul.verify.verifier import Verifier

BLOCK = 1 << 18  # bytes that go to the other thread at once
# What of a file is not on disk when its group is published keeps all others of the group waiting.
_HUGE = 16 << 20
FULL = 32 << 20  # bytes that may wait for the other threads, of all files, before transfers pause


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What a partial file is bound to: a resume is for this content and no other.

    Attributes:
        etag, modified: the server's validators.
        length: bytes of the whole.
        done: of a file fetched in pieces, the spans that are here; None: all up to the part's size.
    """

    etag: str | None = None
    modified: str | None = None
    length: int | None = None
    done: tuple[Span, ...] | None = None

    @property
    def validator(self) -> str | None:
        """What If-Range is sent with; weak ETags do not do (RFC 9110, section 13.1.5)."""
        if self.etag and not self.etag.startswith("W/"):
            return self.etag
        return self.modified

    def agrees(self, headers: Mapping[str, str]) -> bool:
        """Whether an answer's validators, as far as it has them, are those of the content."""
        etag = headers.get("etag")
        modified = headers.get("last-modified")
        return not (
            (self.etag and etag and self.etag != etag)
            or (self.modified and modified and self.modified != modified)
        )

    def dump(self) -> bytes:
        """As the sidecar has it."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def load(cls, data: bytes | None) -> "Binding | None":
        """From the sidecar; None when it is missing or damaged."""
        try:
            found = json.loads(data or b"")
            done = found.get("done")
            spans = None if done is None else tuple((start, end) for start, end in done)
            values: tuple[Any, ...] = (found["etag"], found["modified"], found["length"], spans)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        return cls(**dict(zip(_KEYS, values, strict=True))) if _sane(*values) else None


_KEYS = ("etag", "modified", "length", "done")


def _sane(etag: Any, modified: Any, length: Any, spans: Any) -> bool:
    """Whether all values are such as ``dump`` writes."""
    if not all(text is None or _is_header(text) for text in (etag, modified)):
        return False
    if length is not None and (type(length) is not int or length < 0):
        return False
    return all(
        type(start) is int and type(end) is int and 0 <= start < end <= (length or 0)
        for start, end in spans or ()
    )


def _is_header(text: object) -> bool:
    return isinstance(text, str) and text.isascii() and text.isprintable()


class Backlog:
    """Bytes that wait to be written and verified, of all files: what bounds the memory."""

    def __init__(self) -> None:
        self._waiting = 0
        self._paused: list[Handle] = []

    @property
    def full(self) -> bool:
        """Whether transfers should pause until the workers have caught up."""
        return self._waiting > FULL

    def pause(self, handle: Handle) -> None:
        """Remembers a transfer that pauses."""
        self._paused.append(handle)

    def add(self, size: int) -> None:
        """Bytes were handed to a worker."""
        self._waiting += size

    def done(self, size: int, *, broken: bool) -> None:
        """A worker is done with bytes; ``broken``: their file failed, and its transfer should learn it."""
        self._waiting -= size
        if self._paused and (broken or self._waiting < FULL // 2):
            paused, self._paused = self._paused, []
            for handle in paused:
                if handle.owner is not None:
                    handle.go_on()


class PartFile:
    """The ``.part`` of one file. The loop appends; a worker thread writes and verifies.

    What has come is written before anything is verified, so that no connection waits for the
    verification of what another one brought. It follows, block by block, and reads what it has not
    seen on its way to the disk. Files take turns with the workers.

    Errors (VerifyFault, OSError) are kept in ``error`` and end all further work.
    """

    def __init__(
        self,
        folder: JobFolder,
        name: str,
        *,
        executor: Executor,
        verifier: Callable[[], Verifier],
        post: Callable[[Callable[[], None]], None],
        backlog: Backlog,
        durable: bool,
    ) -> None:
        self._folder = folder
        self._name = name
        self._executor = executor
        self._make_verifier = verifier
        self._post = post
        self._backlog = backlog
        self._durable = durable
        self._verifier = verifier()
        self._fd = -1
        self._fresh = True  # what lies under its name is not of this file
        self._held: list[bytes] = []
        self._held_size = 0
        self._position = 0  # all before it is verified
        self._islands: list[Span] = []  # written and not verified
        self._claims = False  # the sidecar names spans
        self._work: deque[Callable[[], None]] = deque()
        self._ending: Callable[[Content | None], None] | None = None
        self._lock = Lock()
        self._running = False
        self.size = 0  # bytes accepted
        self.error: VerifyFault | OSError | None = None

    # -- the loop's side ------------------------------------------------------------------------

    def resume(self, size: int) -> None:
        """Goes on with what an earlier run left: its bytes are read and verified first."""
        self.size = size
        self._fresh = False
        self._submit(lambda: self._replay(size))

    def resume_spans(self, spans: Sequence[Span]) -> None:
        """Goes on with the spans that an earlier run left."""
        self._fresh = False
        self._claims = True
        self._submit(lambda: self._found(list(spans)))

    def write_at(self, offset: int, blocks: list[bytes], size: int) -> None:
        """Takes bytes for a place in the file; the order of calls is free."""
        self._backlog.add(size)
        self._submit(lambda: self._write(offset, blocks, size), always=True)

    def bind(self, binding: Binding) -> None:
        """Writes down what the content is bound to, before its first byte."""
        self._submit(lambda: self._bind(binding))

    def append(self, data: bytes) -> None:
        """Takes the next bytes."""
        self.size += len(data)
        self._held.append(data)
        self._held_size += len(data)
        if self._held_size >= BLOCK:
            self.flush()

    def flush(self) -> None:
        """Hands what was appended to the worker, however little it is."""
        if self._held:
            blocks, size = self._held, self._held_size
            offset = self.size - size
            self._held = []
            self._held_size = 0
            self.write_at(offset, blocks, size)

    def restart(self) -> None:
        """Forgets all bytes."""
        self._held = []
        self._held_size = 0
        self.size = 0
        self.error = None
        self._submit(self._truncate, always=True)

    def finish(self, done: Callable[[Content | None], None]) -> None:
        """No more bytes; calls ``done`` on the loop with what was seen, or None on an error."""
        self.flush()

        def end() -> None:
            self._ending = done
            if self._islands:
                self._open()  # it may have been put away before all of it was verified

        self._submit(end, always=True)

    def suspend(self, done: Callable[[], None] | None = None) -> None:
        """Keeps what has arrived for later and lets go of the file."""
        self.flush()

        def close() -> None:
            self._close()
            if done is not None:
                self._post(done)

        self._submit(close, always=True)

    def discard(self) -> None:
        """Forgets the file."""

        def drop() -> None:
            self._close()
            self._folder.drop_part(self._name)

        self._submit(drop, always=True)

    # -- the worker's side ----------------------------------------------------------------------

    def _submit(self, work: Callable[[], None], *, always: bool = False) -> None:
        with self._lock:
            self._work.append(work if always else lambda: self._guard(work))
            if self._running:
                return
            self._running = True
        self._executor.submit(self._drain)

    def _drain(self) -> None:
        while True:
            with self._lock:
                if self._work:
                    work = self._work.popleft()
                elif self._behind:
                    break
                elif self._ending is not None:
                    work = self._finish
                else:
                    self._running = False
                    return
            try:
                work()
            except OSError as error:
                self.error = self.error or error
            except Exception as error:  # noqa: BLE001 - this file's trouble; others go on
                self._unexpected(error)
        self._guard(self._verify_some)
        try:
            self._executor.submit(self._drain)  # behind the other files
        except RuntimeError:  # the run is over, and nobody asks for this file any more
            with self._lock:
                self._running = False

    def _unexpected(self, error: Exception) -> None:
        text = f"could not be verified: {type(error).__name__}: {error}"
        self.error = self.error or VerifyFault(FailureKind.CORRUPT, text)

    def _guard(self, work: Callable[[], None]) -> None:
        if self.error is None:
            try:
                work()
            except (VerifyFault, OSError) as error:
                self.error = error
            except Exception as error:  # noqa: BLE001 - this file's trouble; others go on
                self._unexpected(error)
            if self.error is not None:
                self._post(lambda: self._written(0))  # nobody needs to wait for room any more

    def _open(self) -> int:
        if self._fd < 0:
            self._fd = self._folder.open_part(self._name)
            if self._fresh:
                os.ftruncate(self._fd, 0)
            self._fresh = False
        return self._fd

    def _bind(self, binding: Binding) -> None:
        """No sidecar speaks of spans that a power cut could still take, or of another content's."""
        claims = binding.done is not None
        if self._durable and binding.done:
            os.fdatasync(self._open())
        sync = self._durable and (claims or self._claims)
        self._folder.write_sidecar(self._name, binding.dump(), sync=sync)
        self._claims = claims

    def _replay(self, size: int) -> None:
        os.ftruncate(self._open(), size)
        self._islands = [(0, size)]

    def _found(self, spans: list[Span]) -> None:
        self._open()
        self._islands = merge(spans)

    @property
    def _behind(self) -> bool:
        """Whether something can be verified that is on disk."""
        ready = bool(self._islands) and self._islands[0][0] <= self._position
        return ready and self._fd >= 0 and self.error is None

    def _verify_some(self) -> None:
        end = self._islands[0][1]
        if self._position < end:
            block = os.pread(self._open(), min(BLOCK, end - self._position), self._position)
            if not block:
                raise VerifyFault(FailureKind.TRUNCATED, "the partial file is shorter than it was")
            self._verifier.feed(block)
            self._position += len(block)
        if self._position >= end:
            self._islands.pop(0)

    def _write(self, offset: int, blocks: list[bytes], size: int) -> None:
        try:
            if self.error is None:
                self._store(offset, blocks, size)
        except (VerifyFault, OSError) as error:
            self.error = error
        finally:
            self._post(lambda: self._written(size))

    def _store(self, offset: int, blocks: list[bytes], size: int) -> None:
        data = blocks[0] if len(blocks) == 1 else b"".join(blocks)
        fd = self._open()
        written = os.pwrite(fd, data, offset)
        while written < size:
            written += os.pwrite(fd, data[written:], offset + written)
        if offset == self._position and not self._work:
            self._verifier.feed(data)
            self._position += size
        else:
            self._islands = merge([*self._islands, (offset, offset + size)])

    def _written(self, size: int) -> None:
        self._backlog.done(size, broken=self.error is not None)

    def _truncate(self) -> None:
        self.error = None
        fd = self._open()
        os.ftruncate(fd, 0)
        self._position = 0
        self._islands = []
        self._ending = None
        self._verifier = self._make_verifier()

    def _finish(self) -> None:
        done, self._ending = self._ending, None
        content: Content | None = None
        try:
            if self.error is None:
                content = self._proven()
        except (VerifyFault, OSError) as error:
            self.error = error
        finally:
            if done is not None:
                self._post(lambda: done(content))

    def _proven(self) -> Content:
        if self._islands:
            raise VerifyFault(FailureKind.TRUNCATED, "has a hole where bytes should be")
        content = self._verifier.finish()
        os.ftruncate(self._open(), self._position)  # keeps nothing that was not verified
        if self._durable and self._position >= _HUGE:
            os.fdatasync(self._open())
        return content

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
