"""The state of one file's transfer, across all attempts."""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple

from backhaul.http.cookies import ChainCookies
from backhaul.statuses import PARTIAL
from backhaul.transfer.binding import Binding
from backhaul.transfer.coding import codings, is_of_file
from backhaul.transfer.head import Head
from backhaul.transfer.part import PartFile
from backhaul.transfer.ranges import part_of
from backhaul.transfer.segments import WORTH, Segment, SegmentMap
from backhaul.transfer.unit import Failure, Transfer, origin

INLINE = 1 << 16  # bodies up to this size are verified on the loop: passing them on costs more
DATA = frozenset({200, PARTIAL})  # statuses of responses with file data
NOT_DATA = -2  # an offset
IN_MEMORY = 1 << 19  # bodies up to this size stay in memory until complete


class State(Enum):
    """The states of a transfer, which is in exactly one from submission to its end."""

    QUEUED = auto()
    """Ready to start: waits for a free connection, or until its job is no longer paused."""
    ACTIVE = auto()
    """Has a connection; or is segmented and fetched as connections become free."""
    BACKOFF = auto()
    """An attempt failed; the next one starts at a set time."""
    VERIFYING = auto()
    """Complete; a worker is verifying it."""
    PARKED = auto()
    """Withdrawn; received data is kept until it is submitted again or forgotten."""
    PUBLISHING = auto()
    """Verified, but not published."""


class Ahead(NamedTuple):
    """What follows once the checksum file has been read.

    Attributes:
        transfer: the transfer of the file itself.
        partial: an earlier run left a ``.part``.
    """

    transfer: Transfer
    partial: bool


class Body:
    """A file's progress, in memory or, if large, in a PartFile.

    Attributes:
        number: its place in the queue; a retry keeps it and so goes before new transfers.
        state: its state.
        size: bytes accepted.
        stale_attempts: consecutive attempts without enough progress; see ``advance``.
        bad_contents: how often the complete file was invalid.
        url: the URL of the current attempt (the request's own or a redirect's target).
        origin: the origin of that URL.
        hops: redirects followed in this attempt.
        away: a redirect has left the origin: credentials are not sent any more, even if a later one
            leads back.
        cookies: cookies set by redirects of this attempt; None if there are none.
        submitted: bytes present when the current link was submitted.
        segment_map: progress of a file fetched in segments.
        refusal: why the file is rejected, once known.
        misfit: why the current response is not what was requested; empty if it is.
        until: where the current response ends, if known.
        ranges: whether the server supports ranges; false after an invalid one.
        walked: bytes present when a redirect's target last refused and the redirects were followed
            again; -1: never.
        codings: content codings of the current response, if it started at the beginning of the file.
        announced: the server announced the end of the file, and it was reached.
        checksum: the expected checksum, listed or from the checksum file; None if unknown.
        ahead: what follows; not None while the checksum file is being fetched.
        validator: the file's ETag, otherwise its Last-Modified, strong or not.
    """

    __slots__ = (
        "_reached",
        "ahead",
        "announced",
        "away",
        "bad_contents",
        "binding",
        "checksum",
        "chunks",
        "codings",
        "cookies",
        "error",
        "expected",
        "hops",
        "misfit",
        "number",
        "offset",
        "origin",
        "part",
        "ranges",
        "received",
        "refusal",
        "segment_map",
        "size",
        "stale_attempts",
        "state",
        "submitted",
        "total_attempts",
        "transfer",
        "until",
        "url",
        "validator",
        "walked",
    )  # fmt: skip

    def __init__(self, transfer: Transfer) -> None:
        self.transfer = transfer
        self.number = 0
        self.state = State.QUEUED
        self.chunks: list[bytes] = []
        self.part: PartFile | None = None
        self.size = 0
        self.binding: Binding | None = None
        self.stale_attempts = 0
        self.total_attempts = 0
        self.bad_contents = 0
        self.refusal: Failure | None = None
        self.segment_map: SegmentMap | None = None
        self.submitted = 0
        self.walked = -1
        self.announced = False
        self.ranges = True
        self.validator: str | None = None
        self.checksum: str | None = None
        self.ahead: Ahead | None = None
        self._reached = 0
        self.begin(transfer)

    @property
    def is_new(self) -> bool:
        """Whether nothing was requested or received yet."""
        return not (self.total_attempts or self.size or self.part or self.refusal)

    @property
    def is_in_memory(self) -> bool:
        """Whether the file is complete and has no part."""
        return self.state is State.VERIFYING and self.part is None and self.ahead is None

    def begin(self, transfer: Transfer) -> None:
        """Prepares a new attempt, possibly with a fresh link. Raises ValueError for an invalid URL."""
        self.transfer = transfer
        self.checksum = transfer.file.checksum or self.checksum
        self.url = transfer.request.url
        self.hops = 0
        self.away = False
        self.cookies: ChainCookies | None = None
        self.next_hop(self.url)

    def begin_file(self, checksum: str | None) -> bool:
        """Prepares the file after its checksum file; returns whether it has a ``.part``."""
        ahead, self.ahead = self.ahead, None
        if ahead is None:
            return False
        self.forget()
        self.checksum = checksum
        self.stale_attempts = self.total_attempts = self.bad_contents = self._reached = 0
        self.ranges, self.walked, self.validator = True, -1, None
        self.begin(ahead.transfer)
        return ahead.partial

    def next_hop(self, url: str) -> None:
        """Readies the attempt's next request. Raises ValueError for what is not an HTTP(S) URL."""
        self.url = url
        self.origin = origin(url)
        if url is not self.transfer.request.url:
            self.away = self.away or self.origin != origin(self.transfer.request.url)
        self.offset = -1  # where the response's bytes go; -1: no response yet, or NOT_DATA
        self.received = 0
        self.expected: int | None = None
        self.until: int | None = None
        self.codings: tuple[str, ...] = ()
        self.misfit = ""
        self.error: list[bytes] = []

    def take_cookies(self, values: str) -> None:
        """Stores cookies set by a redirect, one per line, until the attempt ends."""
        if values:
            self.cookies = self.cookies or ChainCookies()
            self.cookies.take(self.url, values.split("\n"))

    @property
    def gained(self) -> int:
        """Bytes received with the current link."""
        return self.here - self.submitted

    @property
    def here(self) -> int:
        """Bytes present, in one span or several."""
        return (
            self.size if self.segment_map is None else sum(b - a for a, b in self.segment_map.done)
        )

    @property
    def cut(self) -> bool:
        """Whether a response ended before the end of its range."""
        return self.until is not None and self.size < self.until

    @property
    def short(self) -> bool:
        """Whether a successful response leaves bytes to request, which a 206 may."""
        return self.expected is not None and self.size < self.expected

    @property
    def whole(self) -> bool:
        """Whether the part is complete, as far as its size is known."""
        if self.segment_map is not None:
            return self.segment_map.complete
        length = self.binding.length if self.binding is not None else None
        return self.part is not None and length is not None and self.size == length

    @property
    def resumable(self) -> bool:
        """Whether the next request may ask for the rest only."""
        return bool(
            self.size
            and self.ranges
            and self.transfer.request.ranges
            and self.binding is not None
            and self.binding.validator
        )

    def range_headers(self) -> list[str]:
        """The headers that request the rest, bound to the existing content."""
        if not self.resumable or self.binding is None:
            return []
        return [f"Range: bytes={self.size}-", f"If-Range: {self.binding.validator}"]

    def accept(self, status: int, headers: Mapping[str, str]) -> None:
        """Checks a response's headers against the existing content; sets ``misfit`` if they do not match.

        A 200 to a range request starts over: the content has changed, or the server does not support
        ranges. A 206 in response to a request for the whole is accepted if it covers the whole file.
        """
        self.offset = NOT_DATA
        if status != PARTIAL:
            self._accept_whole(headers, _number(headers.get("content-length")))
            return
        part = part_of(headers)
        if not self.size:
            if part is None or not part.whole:
                self.misfit = (
                    "HTTP 206 (partial content) in response to a request for the whole file"
                )
                return
            self._accept_whole(headers, part.total)
            self.until = part.end
            return
        known = self.binding
        if part is None:
            self.misfit = "HTTP 206 without the requested range"
        elif known is None or not known.agrees(headers):
            self.misfit = "HTTP 206 without the file's validator"
        elif not is_of_file(headers, self.transfer.file):
            self.misfit = "HTTP 206 with a range of encoded data"
        elif part.start != self.size or not part.fits(known.length):
            self.misfit = "HTTP 206 with a different range than requested"
        else:
            self.offset = self.size
            self.until = part.end
            self.expected = known.length or part.total

    def _accept_whole(self, headers: Mapping[str, str], length: int | None) -> None:
        if self.size:
            self.forget()
        self._bind(headers, length)
        self.codings = codings(headers)
        if self.part is not None and self.binding is not None:
            self.part.bind(self.binding)
        self.offset = 0

    def bind(self, lines: Sequence[bytes]) -> None:
        """Parses the headers of a typical response, which were not needed before."""
        if self.binding is None and self.offset == 0:
            headers = Head.parse(lines).headers
            self._bind(headers, _number(headers.get("content-length")))

    def _bind(self, headers: Mapping[str, str], length: int | None) -> None:
        self.expected = length
        self.validator = headers.get("etag") or headers.get("last-modified")
        self.binding = Binding.of(headers, length)

    def unbind(self) -> None:
        """Ranges of this response are not ranges of the file: it cannot be resumed."""
        self.binding = Binding(length=self.expected)

    def advance(self) -> bool:
        """Whether the attempt made enough progress, not counting data received before and lost.

        Otherwise a server that sends one byte at a time would get as many requests as the file has bytes.
        """
        if not self.resumable or self.size < self._reached + WORTH:
            return False
        self._reached = self.size
        return True

    def restart_without_ranges(self) -> None:
        """Starts over and stops requesting ranges."""
        self.ranges = False
        self.forget()
        self.begin(self.transfer)

    def write(self, segment: Segment) -> None:
        """Passes a segment's buffered data to the part."""
        if segment.held and self.part is not None:
            self.part.write_at(
                segment.position - segment.held_size, segment.held, segment.held_size
            )
            segment.held = []
            segment.held_size = 0

    def give_back(self) -> None:
        """Passes all buffered data of a segmented file on; no connection is working on it."""
        if self.segment_map is not None:
            for segment in list(self.segment_map.running):
                self.write(segment)
                self.segment_map.give_back(segment)

    def release(self) -> None:
        """Drops the bytes, which are verified and stored elsewhere."""
        self.part = None
        self.chunks = []
        self.size = 0
        self.segment_map = None

    def forget(self) -> None:
        """Starts over, discarding everything."""
        self.chunks.clear()
        self.size = 0
        self.binding = None
        self.segment_map = None
        if self.part is not None:
            self.part.restart()


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None
