"""What has arrived of one file, over as many attempts as it takes."""

import re
from collections.abc import Mapping, Sequence

from backhaul.transfer.binding import Binding
from backhaul.transfer.handle import Head
from backhaul.transfer.part import PartFile
from backhaul.transfer.pieces import Split
from backhaul.transfer.unit import Failure, Transfer, origin

INLINE = 1 << 16  # bytes up to which a body is verified on the loop; to hand it over costs more
IN_MEMORY = 1 << 19  # bytes up to which a body stays in memory until it is whole
RANGE = re.compile(r"bytes\s+(\d+)-(\d+)/(\d+|\*)")


class Body:
    """One file's progress: in memory, or in a PartFile when it is a large one.

    Attributes:
        number: its place in the queue; a retry keeps it and so comes before what is new.
        size: bytes accepted.
        stale_attempts: attempts in a row that brought no byte.
        bad_contents: times that the whole file came and was not right.
        url: where the present attempt asks (a redirect's target, or the request's own URL).
        hops: redirects followed in this attempt.
        away: whether one of them has led to another origin: credentials are not sent any more, not
            even where a further one leads back.
        submitted: bytes that were here when the present link was handed in.
        split: for a file that is fetched in pieces, which are here.
        refusal: why the file is not wanted, once that is clear.
        walked: the target of a redirect refused it, and the way there is walked once more.
    """

    __slots__ = (
        "away", "bad_contents", "binding", "chunks", "error", "expected", "hops", "number", "offset", "part",
        "received", "refusal", "size", "split", "stale_attempts", "submitted", "total_attempts",
        "transfer", "url", "walked",
    )  # fmt: skip

    def __init__(self, transfer: Transfer) -> None:
        self.transfer = transfer
        self.number = 0
        self.chunks: list[bytes] = []
        self.part: PartFile | None = None
        self.size = 0
        self.binding: Binding | None = None
        self.stale_attempts = 0
        self.total_attempts = 0
        self.bad_contents = 0
        self.refusal: Failure | None = None
        self.split: Split | None = None
        self.submitted = 0
        self.walked = False
        self.begin(transfer)

    def begin(self, transfer: Transfer) -> None:
        """Readies a new attempt, perhaps with a fresh link."""
        self.transfer = transfer
        self.url = transfer.request.url
        self.hops = 0
        self.away = False
        self.next_hop(self.url)

    def next_hop(self, url: str) -> None:
        """Readies the attempt's next request."""
        if url is not self.transfer.request.url:
            self.away = self.away or origin(url) != origin(self.transfer.request.url)
        self.url = url
        self.offset = -1  # where the answer's bytes go; -1: no answer yet, -2: it is no data
        self.received = 0
        self.expected: int | None = None
        self.error: list[bytes] = []

    @property
    def gained(self) -> int:
        """Bytes that came with the present link."""
        here = self.size if self.split is None else sum(b - a for a, b in self.split.done)
        return here - self.submitted

    @property
    def short(self) -> bool:
        """Whether an answer that went well leaves bytes to be asked for: a 206 may do that."""
        return self.expected is not None and self.size < self.expected

    @property
    def whole(self) -> bool:
        """Whether all bytes are in the part, as far as the server said how many there are."""
        if self.split is not None:
            return self.split.complete
        length = self.binding.length if self.binding is not None else None
        return self.part is not None and length is not None and self.size == length

    @property
    def resumable(self) -> bool:
        """Whether the next request may ask for the rest only."""
        return bool(
            self.size
            and self.transfer.request.ranges
            and self.binding is not None
            and self.binding.validator
        )

    def range_headers(self) -> list[str]:
        """The headers that ask for the rest, bound to what is here."""
        if not self.resumable or self.binding is None:
            return []
        return [f"Range: bytes={self.size}-", f"If-Range: {self.binding.validator}"]

    def accept(self, status: int, headers: Mapping[str, str]) -> str | None:
        """Binds the answer's head to what is here; says why it does not fit, if so.

        A 200 where a part was asked for starts over: the content is not what it was, or the
        server knows no ranges.
        """
        length = _number(headers.get("content-length"))
        if status == 206:  # noqa: PLR2004
            match = RANGE.match(headers.get("content-range", ""))
            if match is None:
                return "HTTP 206 without a proper Content-Range"
            total = _number(match[3])
            fits = int(match[1]) == self.size and self._same(headers, total)
            if not fits:
                return "changed while it was fetched"
            self.offset = self.size
            self.expected = self.binding.length if total is None and self.binding else total
            return None
        if self.size:
            self.forget()
        self.binding = Binding(
            etag=headers.get("etag"), modified=headers.get("last-modified"), length=length
        )
        if self.part is not None:
            self.part.bind(self.binding)
        self.offset = 0
        self.expected = length
        return None

    def bind(self, lines: Sequence[bytes]) -> None:
        """Reads the head of the usual answer, which nobody has needed so far."""
        if self.binding is None and self.offset == 0:
            headers = Head.parse(lines).headers
            self.expected = _number(headers.get("content-length"))
            self.binding = Binding(
                etag=headers.get("etag"),
                modified=headers.get("last-modified"),
                length=self.expected,
            )

    def give_back(self) -> None:
        """Hands over what came of a split file; no connection is at work on it."""
        if self.split is not None:
            for piece in list(self.split.running):
                piece.write()
                self.split.give_back(piece)

    def _same(self, headers: Mapping[str, str], total: int | None) -> bool:
        known = self.binding
        if known is None or not known.agrees(headers):
            return False
        return not (known.length is not None and total is not None and known.length != total)

    def forget(self) -> None:
        """Starts over: nothing that came is of use."""
        self.chunks.clear()
        self.size = 0
        self.binding = None
        self.split = None
        if self.part is not None:
            self.part.restart()


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None
