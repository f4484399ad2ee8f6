"""Lists of very many links are streamed."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.usual import usual

from backhaul_gnip_hpt.files import files
from backhaul_gnip_hpt.links import quick_name, read_path
from backhaul_gnip_hpt.results import Repeated, Results, read_csv, read_json

LINKS = 12_000
START = datetime(2014, 1, 1, tzinfo=UTC)


def urls() -> Iterator[str]:
    for number in range(LINKS):
        path = f"{START + timedelta(minutes=10 * number):%Y/%m/%d/%H/%M}_activities.json.gz"
        yield f"https://s3.example.org/snapshots/acme/20140101-20150301_kj4r26m0qx/{path}?Signature={number}"


def as_json() -> Results:
    return read_json(io.BytesIO(json.dumps({"urlCount": LINKS, "urlList": list(urls())}).encode()))


def as_csv() -> Results:
    return read_csv(
        io.BytesIO("".join(f"'{n}'\t'{url}'\n" for n, url in enumerate(urls())).encode())
    )


@pytest.mark.parametrize("read", usual([as_json, as_csv], as_json))
@pytest.mark.matrix
def test_the_links_are_never_held_all_at_once(read: object) -> None:
    results = read()  # type: ignore[operator]  # one of the two above
    assert (results.listed, results.twice) == (LINKS, 0)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    assert sum(1 for _ in files("kj4r26m0qx", results)) == LINKS
    grown = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert grown < LINKS * 300  # one object per link would take more


def test_the_fast_path_returns_the_same_name() -> None:
    for url in list(urls())[::1000]:
        path = url.partition("?")[0].partition("example.org")[2]
        found = read_path(path)
        assert found is not None
        assert quick_name(path) == found.name


def test_repeated_values_are_always_found() -> None:
    repeated = Repeated()
    assert not repeated
    for value in [*range(1000), 7, "a", "a"]:
        repeated.add(value)
    assert 7 in repeated
    assert "a" in repeated
    assert sum(value in repeated for value in range(1000)) < 10
