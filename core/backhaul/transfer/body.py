"""What has arrived of one file, over as many attempts as it takes."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from backhaul.http.cookies import ChainCookies
from backhaul.transfer.binding import Binding
from backhaul.transfer.coding import codings, is_of_file
from backhaul.transfer.head import Head
from backhaul.transfer.part import PartFile
from backhaul.transfer.ranges import PARTIAL, part_of
from backhaul.transfer.segments import WORTH, Segment, SegmentMap
from backhaul.transfer.state import State
from backhaul.transfer.unit import Failure, Transfer, origin

INLINE = 1 << 16  # bytes up to which a body is verified on the loop; to hand it over costs more
DATA = frozenset({200, PARTIAL})  # statuses of answers that bring a file
NOT_DATA = -2  # an offset
IN_MEMORY = 1 << 19  # bytes up to which a body stays in memory until it is whole


class Ahead(NamedTuple):
    """What follows once a file's checksum is known.

    Attributes:
        transfer: of the file itself.
        partial: an earlier run left a ``.part`` of it.
    """

    transfer: Transfer
    partial: bool


class Body:
    """One file's progress: in memory, or in a PartFile when it is a large one.

    Attributes:
        number: its place in the queue; a retry keeps it and so comes before what is new.
        state: where it stands.
        size: bytes accepted.
        stale_attempts: attempts in a row that brought too little to count; see ``advance``.
        bad_contents: times that the whole file came and was not right.
        url: where the present attempt asks (a redirect's target, or the request's own URL).
        origin: of that URL.
        hops: redirects followed in this attempt.
        away: whether one of them has led to another origin: credentials are not sent any more, not
            even where a further one leads back.
        cookies: what the redirects of this attempt have set; None: nothing.
        submitted: bytes that were here when the present link was handed in.
        segment_map: for a file that is fetched in pieces, which are here.
        refusal: why the file is not wanted, once that is clear.
        misfit: why the present answer is not what was asked for; empty: it is.
        until: where the present answer ends, as far as it says so itself.
        ranges: whether the server can be asked for parts; not any more once it gave a wrong one.
        walked: bytes that were here when a redirect's target refused it last and the way there was
            walked again; -1: it was not.
        codings: of the present answer, if it began at the file's beginning.
        announced: the server said where the file ends, and that is how far it came.
        checksum: that the file must agree with, listed or out of its checksum file; None: none is known.
        ahead: what follows; not None while this is about the file's checksum file.
        validator: the ETag or else the Last-Modified of the file, strong or not.
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

    def begin(self, transfer: Transfer) -> None:
        """Readies a new attempt, perhaps with a fresh link. Raises ValueError for an unusable URL."""
        self.transfer = transfer
        self.checksum = transfer.file.checksum or self.checksum
        self.url = transfer.request.url
        self.hops = 0
        self.away = False
        self.cookies: ChainCookies | None = None
        self.next_hop(self.url)

    def begin_file(self, checksum: str | None) -> bool:
        """The checksum file came: readies the file itself; says whether a ``.part`` of it is here."""
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
        self.offset = -1  # where the answer's bytes go; -1: no answer yet, or NOT_DATA
        self.received = 0
        self.expected: int | None = None
        self.until: int | None = None
        self.codings: tuple[str, ...] = ()
        self.misfit = ""
        self.error: list[bytes] = []

    def take_cookies(self, values: str) -> None:
        """Keeps what a redirect sets for its own host, one cookie a line, until the attempt ends."""
        if values:
            self.cookies = self.cookies or ChainCookies()
            self.cookies.take(self.url, values.split("\n"))

    @property
    def gained(self) -> int:
        """Bytes that came with the present link."""
        return self.here - self.submitted

    @property
    def here(self) -> int:
        """Bytes that are here, in one span or in several."""
        return (
            self.size if self.segment_map is None else sum(b - a for a, b in self.segment_map.done)
        )

    @property
    def cut(self) -> bool:
        """Whether an answer ended before the end of its own range."""
        return self.until is not None and self.size < self.until

    @property
    def short(self) -> bool:
        """Whether an answer that went well leaves bytes to be asked for: a 206 may do that."""
        return self.expected is not None and self.size < self.expected

    @property
    def whole(self) -> bool:
        """Whether all bytes are in the part, as far as the server said how many there are."""
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
        """The headers that ask for the rest, bound to what is here."""
        if not self.resumable or self.binding is None:
            return []
        return [f"Range: bytes={self.size}-", f"If-Range: {self.binding.validator}"]

    def accept(self, status: int, headers: Mapping[str, str]) -> None:
        """Binds the head of an answer to what is here, or says in ``misfit`` why it does not fit.

        A 200 where a part was asked for starts over: the content is not what it was, or the
        server knows no ranges. A 206 where all was asked for will do when it is all of the file.
        """
        self.offset = NOT_DATA
        if status != PARTIAL:
            self._accept_whole(headers, _number(headers.get("content-length")))
            return
        part = part_of(headers)
        if not self.size:
            if part is None or not part.whole:
                self.misfit = "HTTP 206 where a whole file should be"
                return
            self._accept_whole(headers, part.total)
            self.until = part.end
            return
        known = self.binding
        if part is None:
            self.misfit = "HTTP 206 without the requested range"
        elif known is None or not known.agrees(headers):
            self.misfit = "HTTP 206 that does not repeat the file's validator"
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
        """Reads the head of the usual answer, which was not needed so far."""
        if self.binding is None and self.offset == 0:
            headers = Head.parse(lines).headers
            self._bind(headers, _number(headers.get("content-length")))

    def _bind(self, headers: Mapping[str, str], length: int | None) -> None:
        self.expected = length
        self.validator = headers.get("etag") or headers.get("last-modified")
        self.binding = Binding.of(headers, length)

    def unbind(self) -> None:
        """Parts of the answer are not parts of the file: nothing of it can be resumed."""
        self.binding = Binding(length=self.expected)

    def advance(self) -> bool:
        """Whether the attempt brought enough to count; what came before, and was lost, does not.

        A server that gives a byte at a time would otherwise be asked as often as the file has bytes.
        """
        if not self.resumable or self.size < self._reached + WORTH:
            return False
        self._reached = self.size
        return True

    def distrust(self) -> None:
        """Starts over, and asks for no parts any more."""
        self.ranges = False
        self.forget()
        self.begin(self.transfer)

    def write(self, segment: Segment) -> None:
        """Hands what a connection holds of a segment to the part."""
        if segment.held and self.part is not None:
            self.part.write_at(
                segment.position - segment.held_size, segment.held, segment.held_size
            )
            segment.held = []
            segment.held_size = 0

    def give_back(self) -> None:
        """Hands over what came of a split file; no connection is at work on it."""
        if self.segment_map is not None:
            for segment in list(self.segment_map.running):
                self.write(segment)
                self.segment_map.give_back(segment)

    def release(self) -> None:
        """Lets go of the bytes, which are proven and elsewhere."""
        self.part = None
        self.chunks = []
        self.size = 0
        self.segment_map = None

    def forget(self) -> None:
        """Starts over: nothing that came is of use."""
        self.chunks.clear()
        self.size = 0
        self.binding = None
        self.segment_map = None
        if self.part is not None:
            self.part.restart()


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None
