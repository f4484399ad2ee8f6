"""How much of a part is here, with checksums that a later run holds it to."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from backhaul.errors import FailureKind
from backhaul.transfer.binding import Marked
from backhaul.verify.fault import VerifyFault

if TYPE_CHECKING:
    from zlib import crc32
else:
    try:
        from isal.isal_zlib import crc32  # several times faster than zlib's
    except ImportError:  # no wheel for this machine
        from zlib import crc32


class Progress:
    """The checksums of what was written to a part, and of what an earlier run says it wrote.

    A part's length proves nothing: after a power cut its last blocks may be zeros. So a sidecar
    names the spans that were synced, each with its CRC-32, and a resume compares them with what it
    reads, since the verifier has to see all bytes anyway.

    Args:
        marked: the spans that an earlier run wrote down; they may overlap.
    """

    def __init__(self, marked: Sequence[Marked] = ()) -> None:
        # Each run of bytes that was written front to back, by its end: its start and checksum.
        self._runs = {end: (start, crc) for start, end, crc in marked}
        # What is still to be compared: start, end, checksum, and that of what was read so far.
        self._claims = [(*span, 0) for span in sorted(marked)]
        self._position = 0
        self._crc = 0  # of all before the position

    def wrote(self, offset: int, data: bytes) -> None:
        """Bytes were written, which may continue those of an earlier call."""
        start, crc = self._runs.pop(offset, (offset, 0))
        self._runs[offset + len(data)] = start, crc32(data, crc)

    def read(self, data: bytes) -> None:
        """The file's next bytes were seen as they are on disk.

        Raises:
            VerifyFault: they are not what an earlier run wrote down.
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
        """Looks at the claims that were read to their ends."""
        for _, end, crc, seen in self._claims:
            if end <= self._position and seen != crc:
                raise VerifyFault(
                    FailureKind.TRUNCATED,
                    "the partial file is not what was written to it: the system went down before"
                    " all of it was on disk",
                )
        self._claims = [claim for claim in self._claims if claim[1] > self._position]

    def spans(self) -> list[Marked]:
        """What is here: the beginning in one span, and what was written beyond it, in order."""
        known = [(start, end, crc) for end, (start, crc) in self._runs.items()]
        if self._position:
            known.append((0, self._position, self._crc))
        first = max((span for span in known if span[0] == 0), default=None)
        if first is None:
            return sorted(known)
        beyond = [span for span in known if span[0] and span[1] > first[1]]
        self._runs = {end: (start, crc) for start, end, crc in (first, *beyond)}
        return [first, *sorted(beyond)]
