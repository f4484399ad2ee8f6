"""The digests of a folder's checksum file; a million take a few tens of megabytes."""

from array import array
from bisect import bisect_left

from backhaul import NotDataError
from backhaul_http_archives.entries import Entries


class Sums:
    """Digests by name.

    Names are stored as sorted hashes, digests as bytes: a dictionary takes ten times as much.
    """

    def __init__(self, entries: Entries) -> None:
        """Read the entries. Raises NotDataError if they are of different kinds."""
        hashes = array("q")
        digests = bytearray()
        self._kind = ""
        for number, entry in enumerate(entries, 1):
            kind, _, digest = (entry.checksum or "").partition(":")
            if self._kind not in {"", kind}:
                raise NotDataError(
                    f"entry {number} has a different kind of digest than the entries before it"
                )
            self._kind = kind
            hashes.append(hash(entry.name))
            digests += bytes.fromhex(digest)
        self._length = len(digests) // len(hashes) if hashes else 0
        order = sorted(range(len(hashes)), key=hashes.__getitem__)
        self._hashes = array("q", (hashes[place] for place in order))
        self._places = array("L", order)
        self._digests = digests

    def of(self, name: str) -> str | None:
        """The digest of a name as ``kind:hex``; None if there is none."""
        wanted = hash(name)
        at = bisect_left(self._hashes, wanted)
        if at == len(self._hashes) or self._hashes[at] != wanted:
            return None
        start = self._places[at] * self._length
        return f"{self._kind}:{self._digests[start : start + self._length].hex()}"
