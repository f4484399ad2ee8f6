"""An HTML page in place of a file whose format is not known."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from tests.core.transfer.collecting import fetch
from tests.core.transfer.scripted import reply, scripted

from backhaul.errors import FailureKind

PAGE = b"\xef\xbb\xbf\n<!-- x -->\n<!DOCTYPE HTML>\n<html><body>Please log in.</body></html>"
HTML = "Content-Type: text/html; charset=utf-8"

REJECTED: dict[str, tuple[str, bytes, str, list[str]]] = {
    "bytes": ("a.bin", PAGE, "bytes", [HTML]),
    "text": ("2026/a.txt", PAGE, "bytes", [HTML]),
    "an archive of an unknown format": ("a.7z", PAGE, "bytes", ["content-type:TEXT/HTML"]),
    "a page without a document type": ("a.dat", b"<html>\n<p>x", "bytes", [HTML]),
    "gzip of bytes": ("a.json.gz", gzip.compress(PAGE), "gz", [HTML]),
    "gzip that is labelled": (
        "a.json.gz",
        gzip.compress(PAGE),
        "gz",
        [HTML, "Content-Encoding: gzip"],
    ),
}


@pytest.mark.parametrize("which", REJECTED)
def test_a_page_in_place_of_a_file_is_not_data(which: str, tmp_path: Path) -> None:
    name, data, content, headers = REJECTED[which]
    with scripted(lambda _: reply(data, *headers)) as server:
        found = fetch(tmp_path / "job", {name: f"{server.url}/a"}, content=content)
    assert found.failures[name].kind is FailureKind.NOT_DATA
    assert found.failures[name].rejected, "it is kept for inspection"


KEPT: dict[str, tuple[str, bytes, str, list[str], dict[str, Any]]] = {
    "a page": ("a.html", PAGE, "bytes", [HTML], {}),
    "a packed page": ("a.html.gz", gzip.compress(PAGE), "gz", [HTML], {}),
    "a name without a suffix": ("2026-01-01", PAGE, "bytes", [HTML], {}),
    "a name with a number": ("page-1.10", PAGE, "bytes", [HTML], {}),
    "a page that is not labelled as one": ("a.txt", PAGE, "bytes", ["Content-Type: text/plain"], {}),
    "data that is labelled as a page": ("a.bin", b"<data>1", "bytes", [HTML], {}),
    "gzip that is labelled as a page": ("a.gz", gzip.compress(b"1"), "gz", [HTML], {}),
    "a listed size": ("a.txt", PAGE, "bytes", [HTML], {"size": len(PAGE)}),
}  # fmt: skip


@pytest.mark.parametrize("which", KEPT)
def test_a_page_that_may_be_the_file_is_kept(which: str, tmp_path: Path) -> None:
    name, data, content, headers, listed = KEPT[which]
    with scripted(lambda _: reply(data, *headers)) as server:
        found = fetch(tmp_path / "job", {name: f"{server.url}/a"}, content=content, listed=listed)
    assert found.failures == {}
    assert found.data == {name: data}


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/9.9 200 OK\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 huh\r\n\r\n",
    ],
)
def test_a_response_that_is_not_http_is_reported_as_such(answer: bytes, tmp_path: Path) -> None:
    with scripted(lambda _: answer) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, retries=1)
        asked = len(server.asked)
    assert found.failures["a"].kind is FailureKind.UNREACHABLE
    assert "not HTTP" in found.failures["a"].message
    assert asked == 2, "the next response may be better"


def test_headers_that_are_too_large_are_reported_as_such(tmp_path: Path) -> None:
    huge = reply(b"x", f"X: {'a' * 400_000}")
    with scripted(lambda _: huge) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"})
    assert "headers are too large" in found.failures["a"].message
