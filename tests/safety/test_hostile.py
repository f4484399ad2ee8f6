"""Malicious responses: each ends in a named problem."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.safety.command import published, run, write_config
from tests.usual import usual
from werkzeug import Request, Response

from backhaul.testing.message import Incoming, Reply
from backhaul_gnip_hpt.emulator import GnipHptEmulator


class Hostile(GnipHptEmulator):
    """HPT whose list of links, or storage, returns whatever a test wants."""

    results: bytes | None = None
    location: str | None = None

    def api(self, request: Request) -> Response:
        if self.results is not None and request.path.endswith("results.json"):
            return Response(self.results, mimetype="application/json")
        return super().api(request)

    def _answer_storage(self, incoming: Incoming) -> Reply:
        if self.location is not None:
            return Reply(status=302, headers=[("Location", self.location)])
        return super()._answer_storage(incoming)


@pytest.fixture
def emulator() -> Iterator[Hostile]:
    with Hostile(slots=3, silent=0.0) as running:
        yield running


WRONG: list[Any] = [
    None, 3, "x", [], {}, {"urlList": None}, {"urlList": 3}, {"urlList": {}}, {"urlList": [3]}, {"urlList": [None]}, {"urlList": [[]]},
    {"urlList": [""]}, {"urlList": ["x"], "urlCount": "many"}, {"urlList": ["file:///etc/passwd"]}, {"urlList": ["http://[::1"]},
    {"urlList": ["http://127.0.0.1:99999/x"]}, {"urlList": ["http://a b/\x00"]}, {"urlList": ["http://127.0.0.1:1/\ud800"]},
    {"urlList": ["http://user:pw@127.0.0.1:1/x"]}, {"urlList": ["//"]}, {"urlList": ["http://"]}, {"urlList": ["javascript:1"]},
    {"urlList": [], "suspectMinutesUrl": 5}, {"urlList": ["http://127.0.0.1:1/../../etc/passwd"]}, {"urlList": ["http://127.0.0.1:1/\r\nX: y"]},
]  # fmt: skip


@pytest.mark.parametrize(
    "document",
    usual(
        WRONG,
        None,
        {},
        {"urlList": 3},
        {"urlList": [None]},
        {"urlList": [""]},
        {"urlList": ["//"]},
        {"urlList": ["file:///etc/passwd"]},
        {"urlList": ["http://[::1"]},
        {"urlList": ["http://127.0.0.1:1/../../etc/passwd"]},
    ),
    ids=[str(number) for number in range(len(WRONG))],
)
def test_a_list_of_links_with_wrong_types_is_a_named_problem(
    emulator: Hostile, tmp_path: Path, document: Any
) -> None:
    emulator.results = json.dumps(document).encode()
    ran = run(write_config(tmp_path, emulator, settings={"retries": 0}))
    assert ran.code in {3, 6, 7, 8, 12}, ran.err
    assert ran.job["failures"]
    assert "Traceback" not in ran.err
    assert "unexpected" not in ran.err
    assert published(tmp_path / "archive") == {}


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"urlList":' * 10_000 + b"1" + b"}" * 10_000, b"", b"\xff\xfe", b"[1" * 9, None],
    ids=["deep list", "deep object", "empty", "no UTF-8", "cut", "101 MB"],
)  # fmt: skip
def test_an_answer_that_is_not_reasonable_json_is_not_data(
    emulator: Hostile, tmp_path: Path, body: bytes | None
) -> None:
    emulator.results = b" " * (101 << 20) if body is None else body
    ran = run(write_config(tmp_path, emulator, settings={"retries": 0}))
    assert (ran.code, ran.kinds, "Traceback" in ran.err) == (8, {"not_data"}, False)


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://[", "http://u:p@127.0.0.1/x", "", "gopher:"]
)  # fmt: skip
def test_a_redirect_to_anything_but_http_is_refused(
    emulator: Hostile, tmp_path: Path, location: str
) -> None:
    emulator.location = location
    ran = run(write_config(tmp_path, emulator, settings={"retries": 0}))
    assert (ran.code, ran.kinds) == (8, {"not_data"}), ran.err
    assert published(tmp_path / "archive") == {}


def test_a_gzip_bomb_is_refused_and_the_other_files_arrive(
    emulator: Hostile, tmp_path: Path
) -> None:
    config = write_config(tmp_path, emulator)
    with Hostile(slots=3, silent=0.0) as other:
        run(write_config(tmp_path, other, settings={"dest": "elsewhere"}))
        path = next(each.path for each in other.requests.at("storage") if "/00/10_" in each.path)
    write_config(tmp_path, emulator)
    emulator.storage.put(
        path.removeprefix(f"/{emulator.storage.bucket}/"), gzip.compress(b"\0" * (80 << 20), 9)
    )
    ran = run(config)
    assert (ran.code, ran.kinds) == (8, {"corrupt"})
    assert "max_inflate_ratio" in ran.job["failures"][0]["message"]
    assert ran.job["files"]["verified"] == 2
