"""Status and headers of an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_LISTS = {"content-encoding": ", ", "transfer-encoding": ", ", "set-cookie": "\n"}


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers of an answer; names in lower case.

    Of several headers with one name the last counts, but codings and cookies add up; there is one
    cookie a line.
    """

    status: int
    headers: Mapping[str, str]

    @classmethod
    def parse(cls, lines: Sequence[bytes]) -> "Head":
        """Reads header lines; of several heads (100 Continue, a proxy's) the last."""
        first = 0
        for number, line in enumerate(lines):
            if line.startswith(b"HTTP/"):
                first = number
        try:
            status = int(lines[first].split(None, 2)[1])
        except (IndexError, ValueError):
            status = 0
        headers: dict[str, str] = {}
        for line in lines[first + 1 :]:
            before, colon, after = line.partition(b":")
            if colon:
                name = before.decode("latin-1").strip().lower()
                value = after.decode("latin-1").strip()
                if name in _LISTS and name in headers:
                    value = f"{headers[name]}{_LISTS[name]}{value}"
                headers[name] = value
        return cls(status, headers)


def is_plain_200(lines: Sequence[bytes]) -> bool:
    """Whether an answer is a 200 and nothing came before it.

    Told without reading the whole head. Behind a proxy the first head is the proxy's answer to
    CONNECT (RFC 9110, section 9.3.6), which says nothing of the file. An answer with a content
    coding is not plain.
    """
    if not lines or lines[0][9:12] != b"200":
        return False
    head = b"".join(lines).lower()
    return b"\nhttp/" not in head and b"\ncontent-encoding:" not in head


def is_chunked(lines: Sequence[bytes]) -> bool:
    """Whether an answer comes in chunks, of which the last is marked."""
    codings = Head.parse(lines).headers.get("transfer-encoding", "")
    return codings.rpartition(",")[2].strip().lower() == "chunked"
