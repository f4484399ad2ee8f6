"""Data left by an earlier run, and what a resume requires."""

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.safety.command import published, run, unfinished, write_config
from tests.usual import usual

from backhaul.transfer.binding import Marked, dump, load
from backhaul.transfer.body import Body
from backhaul.transfer.head import Head
from backhaul.transfer.segmented_download import _fits
from backhaul.transfer.segments import SegmentMap
from backhaul.transfer.unit import Transfer
from backhaul.types import RemoteFile, Request
from backhaul_gnip_hpt.emulator import GnipHptEmulator

HEAD = {"etag": '"one"', "content-length": "100"}


def body(**request: bool) -> Body:
    url = "http://127.0.0.1/x"
    return Body(Transfer("job", RemoteFile("x", url), Request(url, **request)))


DATE = "Thu, 12 Jun 2014 10:00:00 GMT"
BEFORE = "Thu, 12 Jun 2014 09:59:00 GMT"


def test_the_rest_is_requested_only_with_a_strong_validator() -> None:
    for headers, wanted in (
        ({"etag": '"one"'}, '"one"'),
        ({"etag": 'W/"one"', "last-modified": BEFORE, "date": DATE}, BEFORE),
        ({"last-modified": BEFORE, "date": DATE}, BEFORE),
        ({"last-modified": "Thu, 12 Jun 2014 09:59:01 GMT", "date": DATE}, None),
        ({"last-modified": DATE, "date": DATE}, None),
        ({"last-modified": BEFORE}, None),
        ({"last-modified": "then", "date": DATE}, None),
        ({"etag": 'W/"one"'}, None),
        ({"etag": 'w/"one"'}, None),
        ({"etag": "one"}, None),
        ({"etag": ""}, None),
        ({}, None),
    ):
        some = body()
        some.accept(200, headers)
        some.size = 10
        expected = ["Range: bytes=10-", f"If-Range: {wanted}"] if wanted else []
        assert some.range_headers() == expected, headers


def test_nothing_is_resumed_if_the_server_does_not_support_ranges() -> None:
    some = body(ranges=False)
    some.accept(200, HEAD)
    some.size = 10
    assert some.range_headers() == []


ONE = {"etag": '"one"'}


@pytest.mark.parametrize(
    ("headers", "fits"),
    [
        ({"content-range": "bytes 10-99/100", **ONE}, True),
        ({"content-range": "Bytes 10-99/*", **ONE}, True),
        ({"content-range": "bytes 10-49/100", **ONE}, True),
        ({"content-range": "bytes 10-99/100"}, False),  # which file?
        ({"content-range": "bytes 10-99/100", "etag": 'W/"one"'}, False),
        ({"content-range": "bytes 10-99/100", "etag": '"two"'}, False),
        ({"content-range": "bytes 9-99/100", **ONE}, False),
        ({"content-range": "bytes 11-99/100", **ONE}, False),
        ({"content-range": "bytes 10-199/200", **ONE}, False),
        ({"content-range": "bytes 10-100/*", **ONE}, False),
        ({"content-range": "bytes 10-9/100", **ONE}, False),
        ({"content-range": "bytes 10-99/100, bytes 0-9/100", **ONE}, False),
        ({"content-range": "bytes */100", **ONE}, False),
        ({"content-range": "items 10-99/100", **ONE}, False),
        (
            {
                "content-range": "bytes 10-99/100",
                "content-type": "multipart/byteranges; boundary=x",
                **ONE,
            },
            False,
        ),
        (ONE, False),
    ],
)
def test_a_range_must_be_the_requested_one_of_the_same_content(
    headers: dict[str, str], *, fits: bool
) -> None:
    some = body()
    some.accept(200, HEAD)
    some.size = 10
    some.accept(206, headers)
    assert (not some.misfit, some.offset == 10) == (fits, fits)


@pytest.mark.parametrize(("modified", "fits"), [(BEFORE, True), (None, False), (DATE, False)])
def test_a_range_must_repeat_the_modification_time(modified: str | None, *, fits: bool) -> None:
    some = body()
    some.accept(200, {"last-modified": BEFORE, "date": DATE, "content-length": "100"})
    some.size = 10
    headers = {"content-range": "bytes 10-99/100"} | (
        {"last-modified": modified} if modified else {}
    )
    some.accept(206, headers)
    assert (not some.misfit) is fits
    some.segment_map = SegmentMap(100, [(0, 10)])
    segment = some.segment_map.take(some.url)
    assert _fits(some, segment, Head(206, headers)) is fits


@pytest.mark.parametrize(
    ("content_range", "fits"),
    [
        ("bytes 0-99/100", True),
        ("bytes 0-98/100", False),
        ("bytes 1-99/100", False),
        ("bytes 0-99/*", False),
        ("", False),
    ],
)
def test_partial_content_is_the_whole_file_if_its_range_says_so(
    content_range: str, *, fits: bool
) -> None:
    some = body()
    some.accept(206, {"content-range": content_range, **ONE})
    assert (not some.misfit, some.offset == 0, some.expected == 100) == (fits, fits, fits)


def test_a_response_with_the_whole_file_starts_over() -> None:
    some = body()
    some.accept(200, HEAD)
    some.chunks, some.size = [b"x" * 10], 10
    some.accept(200, {"etag": '"two"', "content-length": "50"})
    assert (some.size, some.chunks, some.offset) == (0, [], 0)


def test_a_part_that_is_shorter_than_requested_is_not_the_end() -> None:
    some = body()
    some.accept(200, HEAD)
    some.size = 10
    some.accept(206, {"content-range": "bytes 10-49/100", "etag": '"one"'})
    some.size = 50
    assert some.short
    some.size = 100
    assert not some.short


@given(
    st.sampled_from(["etag", "modified", "length", "pieces", "spans", "odd"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3),
    ),
)
def test_a_sidecar_with_anything_in_it_is_read_or_ignored(key: str, value: object) -> None:
    spans: list[Marked] = [(0, 4, 77)]
    written = {"etag": '"x"', "modified": None, "length": 9, "spans": spans, key: value}
    found = load(json.dumps(written).encode())
    if found is not None:
        assert load(dump(*found)) == found
        assert found[0].length is None or found[0].length >= 0


@pytest.mark.parametrize(
    "data",
    [
        *(None, b"", b"{", b"[]", b"3", b"[" * 100_000, b"\xff"),
        b'{"etag": "a", "length": 9, "done": null}',  # without checksums
        b'{"etag": "a", "length": 9, "spans": [[3, 6, 1]]}',  # not segmented, and without a beginning
        b'{"etag": "a", "length": 9, "pieces": true, "spans": [[3, 10, 1]]}',
        b'{"etag": "a", "pieces": true, "spans": [[3, 6, 1]]}',
    ],
)
def test_a_damaged_or_old_sidecar_is_ignored(data: bytes | None) -> None:
    assert load(data) is None


@pytest.fixture
def emulator() -> Iterator[GnipHptEmulator]:
    with GnipHptEmulator(slots=2, silent=0.0, activities=700) as running:
        yield running


@pytest.fixture
def interrupted(emulator: GnipHptEmulator, tmp_path: Path) -> Path:
    """A configuration with one large file that is half fetched."""
    emulator.faults.replace("drop=90000:1 503:all")
    config = write_config(tmp_path, emulator)
    assert run(config).code == 6
    assert [name for name in unfinished(tmp_path / "archive") if name.endswith(".part")]
    emulator.faults.replace("")
    emulator.requests.clear()
    return config


def parts(config: Path) -> list[Path]:
    return sorted((config.parent / "archive" / "worldcup").glob("*.part"))


def whole(config: Path) -> bool:
    files = published(config.parent / "archive")
    return len(files) == 2 and all(
        gzip.decompress((config.parent / "archive" / name).read_bytes()) for name in files
    )


def test_the_next_run_continues_where_the_last_one_ended(
    interrupted: Path, emulator: GnipHptEmulator
) -> None:
    here = sum(part.stat().st_size for part in parts(interrupted))
    ran = run(interrupted)
    assert (ran.code, unfinished(interrupted.parent)) == (0, [])
    assert whole(interrupted)
    sent = sum(each.body_bytes for each in emulator.requests.at("storage"))
    assert (
        sent
        == sum(
            (interrupted.parent / "archive" / name).stat().st_size
            for name in published(interrupted.parent / "archive")
        )
        - here
    )


@pytest.mark.parametrize(
    "spoil",
    usual(
        ["damaged", "zeros", "longer", "empty", "no sidecar", "odd sidecar", "other content"],
        "damaged",
        "odd sidecar",
        "other content",
    ),
)
def test_a_corrupted_part_starts_over_and_never_gets_into_the_file(
    interrupted: Path, spoil: str
) -> None:
    for part in parts(interrupted):
        sidecar = part.with_name(part.name + ".json")
        if spoil == "damaged":
            part.write_bytes(random.Random(1).randbytes(part.stat().st_size))
        elif spoil == "zeros":  # as left by a power failure
            part.write_bytes(part.read_bytes()[:-9000] + bytes(9000))
        elif spoil == "longer":
            part.write_bytes(part.read_bytes() + b"x" * 10_000_000)
        elif spoil == "empty":
            part.write_bytes(b"")
        elif spoil == "no sidecar":
            part.write_bytes(part.read_bytes() + b"x" * 10_000_000)
            sidecar.unlink()
        elif spoil == "odd sidecar":
            sidecar.write_text('{"etag": 3, "modified": [], "length": "many"}')
        else:
            found = json.loads(sidecar.read_bytes())
            sidecar.write_text(json.dumps({**found, "etag": '"another"'}))
    ran = run(interrupted)
    assert (ran.code, ran.kinds, unfinished(interrupted.parent)) == (0, set(), [])
    assert whole(interrupted)
