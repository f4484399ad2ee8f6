"""Byte ranges (RFC 9110, section 14): a single range; several get the whole."""

import re

from backhaul.testing.message import Reply
from backhaul.testing.recorded import Headers
from backhaul.testing.s3xml import error

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def part(headers: Headers, whole: Reply, etag: str) -> Reply:
    """A 206 with the range, the whole if If-Range does not match, or a 416."""
    found = _RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    if found is None or found[0] == "bytes=-" or not isinstance(whole.body, bytes):
        return whole
    condition = headers.get("if-range")
    if condition is not None and condition not in {etag, dict(whole.headers)["Last-Modified"]}:
        return whole
    size = len(whole.body)
    if found[1]:
        start, stop = int(found[1]), min(int(found[2] or size) + 1, size)
    else:
        start, stop = max(0, size - int(found[2])), size
    if start >= stop:
        refusal = error(416, "InvalidRange", "The requested range is not satisfiable")
        refusal.headers.append(("Content-Range", f"bytes */{size}"))
        return refusal
    whole.status = 206
    whole.headers.append(("Content-Range", f"bytes {start}-{stop - 1}/{size}"))
    whole.body = whole.body[start:stop]
    return whole
