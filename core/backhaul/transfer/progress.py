"""Tracks the written spans of a part, with checksums that a later run compares."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from backhaul.errors import FailureKind
from backhaul.transfer.binding import Marked
from backhaul.verify.fault import VerifyFault

if TYPE_CHECKING:
    from zlib import crc32
else:
    try:
        from isal.isal_zlib import crc32  # several times faster than zlib
    except ImportError:  # no wheel for this platform
        from zlib import crc32


class Progress:
    """Checksums of what was written to a part, and of what an earlier run recorded.

    A part's length proves nothing: after a power failure, its last blocks may be zeros. So the sidecar
    records the synced spans with their CRC-32, and a resume compares them while the verifier reads all
    bytes anyway.

    Args:
        marked: spans recorded by an earlier run; they may overlap.
    """

    def __init__(self, marked: Sequence[Marked] = ()) -> None:
        # Contiguously written runs, by end: start and checksum.
        self._runs = {end: (start, crc) for start, end, crc in marked}
        # Spans still to compare: start, end, checksum, and the checksum of what was read so far.
        self._claims = [(*span, 0) for span in sorted(marked)]
        self._position = 0
        self._crc = 0  # of everything before the position

    def wrote(self, offset: int, data: bytes) -> None:
        """Bytes were written; they may continue an earlier call's."""
        start, crc = self._runs.pop(offset, (offset, 0))
        self._runs[offset + len(data)] = start, crc32(data, crc)

    def read(self, data: bytes) -> None:
        """The next bytes of the file were read from disk.

        Raises:
            VerifyFault: they differ from what an earlier run recorded.
        """
        place = self._position
        self._position += len(data)
        self._crc = crc32(data, self._crc)
        if self._claims and self._claims[0][0] < self._position:
            self._claims = [
                (start, end, crc, crc32(data[max(0, start - place) : max(0, end - place)], seen))
                for start, end, crc, seen in self._claims
            ]
            self._compare()

    def _compare(self) -> None:
        """Compares the spans that have been read completely."""
        for _, end, crc, seen in self._claims:
            if end <= self._position and seen != crc:
                raise VerifyFault(
                    FailureKind.TRUNCATED,
                    "the partial file differs from what was written: the system crashed before"
                    " all of it was on disk",
                )
        self._claims = [claim for claim in self._claims if claim[1] > self._position]

    def spans(self) -> list[Marked]:
        """The spans that are present: the beginning as one span, then the others in order."""
        known = [(start, end, crc) for end, (start, crc) in self._runs.items()]
        if self._position:
            known.append((0, self._position, self._crc))
        first = max((span for span in known if span[0] == 0), default=None)
        if first is None:
            return sorted(known)
        beyond = [span for span in known if span[0] and span[1] > first[1]]
        self._runs = {end: (start, crc) for start, end, crc in (first, *beyond)}
        return [first, *sorted(beyond)]
