"""Small objects that will be read one after the other are fetched many at once."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.core.storage.stores.remote import Remote, location, remote
from tests.faulty_proxy import Asked, Fault, FaultyProxy, faulty_proxy
from tests.seaweed import Store
from tests.soon import SOON, soon

from backhaul.storage.stores.read_ahead import SMALL

TOGETHER = 8  # as many as a store gets at first


class File(NamedTuple):
    name: str
    size: int | None


@pytest.fixture
def proxy(weed: Store) -> Iterator[FaultyProxy]:
    with faulty_proxy(weed.url) as running:
        yield running


def stored(far: Remote, count: int) -> list[File]:
    """Objects, each with another content."""
    names = [f"{number:03}.gz" for number in range(count)]
    assert far.store.publish([far.stage(name, name.encode() * 9) for name in names]) == []
    return [File(name, len(name) * 9) for name in names]


def read(far: Remote, files: list[File]) -> list[bytes]:
    return [far.read(file.name) for file in far.store.ahead(files)]


def test_as_many_as_allowed_are_fetched_at_once_and_read_in_order(
    proxy: FaultyProxy, tmp_path: Path
) -> None:
    together = threading.Barrier(TOGETHER)

    def wait(asked: Asked) -> None:
        if asked.method == "GET" and ".gz" in asked.path:
            together.wait(SOON)

    with remote(location(proxy.url, tmp_path)) as far:
        files = stored(far, TOGETHER)
        proxy.rule = wait
        assert read(far, files) == [file.name.encode() * 9 for file in files]


def test_a_file_that_is_opened_twice_is_fetched_once(proxy: FaultyProxy, tmp_path: Path) -> None:
    with remote(location(proxy.url, tmp_path)) as far:
        files = stored(far, 5)
        for file in far.store.ahead(files):
            assert far.read(file.name) == far.read(file.name) != b""
        assert proxy.count("GET", ".gz") == 5
        far.read(files[0].name)
        assert proxy.count("GET", ".gz") == 6, "it may have changed since"


def test_files_are_fetched_a_limited_number_ahead(proxy: FaultyProxy, tmp_path: Path) -> None:
    with remote(location(proxy.url, tmp_path)) as far:
        files = far.store.ahead(stored(far, 150))
        next(files)
        assert soon(lambda: proxy.count("GET", ".gz") == 64)
        far.read(next(files).name)
        assert soon(lambda: proxy.count("GET", ".gz") == 65)


def test_large_and_empty_files_are_not_fetched_ahead(proxy: FaultyProxy, tmp_path: Path) -> None:
    with remote(location(proxy.url, tmp_path)) as far:
        data = {"large.gz": bytes(SMALL + 1), "empty.gz": b"", "small.gz": b"small"}
        for name, content in data.items():
            far.put(name, content)
        for file in far.store.ahead([File(name, len(each)) for name, each in data.items()]):
            assert soon(lambda: proxy.count("GET", "small.gz") == 1)
            if file.name != "small.gz":
                assert proxy.count("GET", file.name) == 0
            assert far.read(file.name) == data[file.name]


def test_a_file_that_could_not_be_fetched_is_read_when_it_is_opened(
    proxy: FaultyProxy, tmp_path: Path
) -> None:
    refused: list[str] = []

    def refuse_once(asked: Asked) -> Fault | None:
        if asked.method == "GET" and ".gz" in asked.path and asked.path not in refused:
            refused.append(asked.path)
            return Fault(status=403, code="AccessDenied")
        return None

    with remote(location(proxy.url, tmp_path)) as far:
        files = stored(far, 2)
        proxy.rule = refuse_once
        assert read(far, files) == [file.name.encode() * 9 for file in files]
        assert len(refused) == 2


def test_errors_of_the_store_are_retried(proxy: FaultyProxy, tmp_path: Path) -> None:
    def busy(asked: Asked) -> Fault | None:
        with_data = asked.method == "GET" and ".gz" in asked.path
        return Fault(status=503, code="SlowDown") if with_data and asked.number % 3 else None

    with remote(location(proxy.url, tmp_path)) as far:
        files = stored(far, 3)
        proxy.rule = busy
        assert read(far, files) == [file.name.encode() * 9 for file in files]


def test_what_became_of_a_file_is_seen_by_whoever_opens_it(weed: Store, tmp_path: Path) -> None:
    with remote(location(weed.url, tmp_path)) as far:
        kept, gone, grown = stored(far, 3)
        far.put(grown.name, b"longer " * 99, known=True)
        far.store.remove(gone.name)
        files = far.store.ahead([kept, gone, grown])
        assert far.read(next(files).name) == kept.name.encode() * 9
        with pytest.raises(FileNotFoundError):
            far.store.open(next(files).name)
        assert len(far.read(next(files).name)) != grown.size


def test_nothing_is_kept_of_files_that_are_no_longer_wanted(
    proxy: FaultyProxy, tmp_path: Path
) -> None:
    with remote(location(proxy.url, tmp_path)) as far:
        names = [file.name for file in stored(far, 9)]
        files = far.store.ahead([File(name, len(name) * 9) for name in names])
        next(files)
        assert soon(lambda: proxy.count("GET", ".gz") == 9)
        del files
        far.read(names[5])
        assert proxy.count("GET", ".gz") == 10
