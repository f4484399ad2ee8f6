"""Parses the status and headers of a response."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_LISTS = {
    "content-encoding": ", ",
    "transfer-encoding": ", ",
    "repr-digest": ", ",
    "digest": ", ",
    "x-goog-hash": ", ",
    "set-cookie": "\n",
}
# One search, because it takes place for every file: more headers before these, a content coding, a digest.
_UNUSUAL = re.compile(
    rb"\n(?:http/|content-encoding:|(?:repr-)?digest:|x-goog-hash:|x-amz-checksum-|content-md5:)"
).search


class Head(NamedTuple):
    """Status and headers of a response, with lower-case names.

    Of repeated headers, the last one wins, but codings, digests and cookies accumulate; cookies
    are one per line. ``of_proxy``: the proxy refused to connect to the host, which has said nothing.
    """

    status: int
    headers: Mapping[str, str]
    of_proxy: bool = False

    @classmethod
    def parse(cls, lines: Sequence[bytes]) -> "Head":
        """Parses header lines; of several headers (100 Continue, a proxy's), the last."""
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
    """Whether a response is a 200 with nothing before it and without a content coding or a digest.

    Avoids parsing the headers. Behind a proxy, the first headers are the proxy's response to CONNECT
    (RFC 9110, section 9.3.6).
    """
    if not lines or lines[0][9:12] != b"200":
        return False
    return _UNUSUAL(b"".join(lines).lower()) is None


def is_chunked(lines: Sequence[bytes]) -> bool:
    """Whether a response is chunked, so that its end is marked."""
    codings = Head.parse(lines).headers.get("transfer-encoding", "")
    return codings.rpartition(",")[2].strip().lower() == "chunked"
