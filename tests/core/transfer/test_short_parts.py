"""Servers that send less than the requested range (RFC 9110, section 15.3.7)."""

import http.server
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from tests.core.transfer.collecting import fetch
from tests.serving import Handler, Server, serving

from backhaul.transfer.body import Body
from backhaul.transfer.head import Head
from backhaul.transfer.segmented_download import _fits
from backhaul.transfer.segments import LARGE, SegmentMap
from backhaul.transfer.unit import Transfer
from backhaul.types import RemoteFile, Request

MODERATE = Random(1).randbytes(600_000)
HUGE = Random(2).randbytes(LARGE + 100_000)


class Stingy(Handler):
    """Drops the connection in the first response; then sends a fifth of the file at a time."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        data = HUGE if self.path == "/huge" else MODERATE
        most = len(data) // 5
        asked = self.headers.get("Range")
        start, _, last = (asked or "bytes=0-").removeprefix("bytes=").partition("-")
        first = int(start)
        end = min(first + most, int(last or len(data) - 1) + 1)
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{end - 1}/{len(data)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", str(end - first if asked else len(data)))
        self.end_headers()
        self.server.sent += end - first  # type: ignore[attr-defined]  # the fixture's
        self.close_connection = not asked
        try:
            self.wfile.write(data[first:end])
        except OSError:
            self.close_connection = True


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    with serving(Server(("127.0.0.1", 0), Stingy)) as found:
        found.sent = 0  # type: ignore[attr-defined]  # ours
        yield found


@pytest.mark.parametrize(
    ("name", "data"), [("moderate", MODERATE), ("huge", HUGE)], ids=["moderate", "huge"]
)
def test_the_rest_after_a_short_range_is_requested_next(
    server: http.server.ThreadingHTTPServer, tmp_path: Path, name: str, data: bytes
) -> None:
    url = f"http://127.0.0.1:{server.server_port}/{name}"
    found = fetch(tmp_path / "job", {name: url}, retries=1)
    assert found.failures == {}
    assert (tmp_path / "job" / f"{name}.part").read_bytes() == data
    assert server.sent == len(data)  # type: ignore[attr-defined]  # nothing came twice


@pytest.mark.parametrize(
    ("content_range", "fits"),
    [
        ("bytes 0-99/1000", True),
        ("bytes 0-49/1000", True),
        ("bytes 0-49/*", True),
        ("bytes 0-100/1000", False),
        ("bytes 1-99/1000", False),
        ("bytes 0-99/1001", False),
        ("bytes */1000", False),
    ],
)
def test_a_piece_begins_where_it_was_requested(content_range: str, *, fits: bool) -> None:
    body = Body(Transfer("job", RemoteFile("x", "http://a/"), Request("http://a/")))
    body.accept(200, {"etag": '"one"', "content-length": "1000"})
    body.segment_map = SegmentMap(1000)
    segment = body.segment_map.take(body.url)
    segment.end = 100
    head = Head(206, {"content-range": content_range, "etag": '"one"'})
    assert _fits(body, segment, head) is fits
