"""``stop`` from another thread ends any call that waits for an object store within two seconds."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.days import config, served
from tests.faulty_proxy import Fault, FaultyProxy, faulty_proxy
from tests.seaweed import KEY, SECRET, Store
from tests.soon import SOON
from tests.usual import usual

import backhaul
from backhaul.errors import ExitCode, InterruptedRunError
from backhaul.ledger.database import ledger_path


@contextmanager
def stored(
    weed: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[backhaul.Archive, FaultyProxy]]:
    """An archive in a store, behind a proxy."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    files = {f"{day}.json.gz": gzip.compress(b'{"day": %d}\n' % day) for day in range(1, 4)}
    with served(folder / "www", files) as web, faulty_proxy(weed.url) as proxy:
        path = folder / "days.yaml"
        path.write_text(config(web, proxy.url, days=3))
        archive = backhaul.load(path)
        assert archive.run().exit_code is ExitCode.OK
        yield archive, proxy


def seconds_after_stop(
    archive: backhaul.Archive, proxy: FaultyProxy, call: Callable[[], object]
) -> float:
    """How long a call takes to end, once it waits for the store and is stopped."""
    proxy.rule = lambda _: Fault(wait=60)
    before = len(proxy.requests)
    stopped = [0.0]

    def stop() -> None:
        until = time.monotonic() + 30
        while len(proxy.requests) == before and time.monotonic() < until:
            time.sleep(0.02)
        stopped[0] = time.monotonic()
        archive.stop()

    stopper = threading.Thread(target=stop)
    stopper.start()
    call()
    ended = time.monotonic()
    stopper.join()
    assert len(proxy.requests) > before
    return ended - stopped[0]


CALLS: dict[str, Callable[[backhaul.Archive, Path], object]] = {
    "copy": lambda archive, folder: archive.copy(str(folder / "copy")),
    "status": lambda archive, _: archive.status(offline=True),
    "rebuild": lambda archive, _: archive.rebuild(),
    "files": lambda archive, _: list(archive.files()),
    "gaps": lambda archive, _: list(archive.gaps()),
}


@pytest.mark.parametrize("name", usual(CALLS, "copy", "status", "rebuild"))
def test_a_call_that_waits_for_a_store_is_stopped(
    weed: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def call() -> None:
        with pytest.raises(InterruptedRunError, match="stopped"):
            CALLS[name](archive, tmp_path)

    with stored(weed, tmp_path, monkeypatch) as (archive, proxy):
        if name == "rebuild":
            ledger_path(archive.configs[0].dest.workspace).unlink()
        assert seconds_after_stop(archive, proxy, call) < SOON
        proxy.rule = lambda _: None
        CALLS[name](archive, tmp_path)


@pytest.mark.parametrize(("deep", "from_request"), [(False, 1), (True, 1), (False, 2), (True, 3)])
def test_a_verification_that_waits_for_a_store_ends_with_130(
    weed: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    deep: bool,
    from_request: int,
) -> None:
    results: list[backhaul.Verification] = []
    stopped = [0.0]
    with stored(weed, tmp_path, monkeypatch) as (archive, proxy):
        first = len(proxy.requests)
        hang = Fault(wait=60)

        def stop() -> None:
            until = time.monotonic() + 30
            while len(proxy.requests) < first + from_request and time.monotonic() < until:
                time.sleep(0.02)
            stopped[0] = time.monotonic()
            archive.stop()

        proxy.rule = lambda _: hang if len(proxy.requests) >= first + from_request else None
        stopper = threading.Thread(target=stop)
        stopper.start()
        results.append(archive.verify(deep=deep))
        ended = time.monotonic()
        stopper.join()
        assert ended - stopped[0] < SOON
        assert results[0].exit_code is ExitCode.INTERRUPTED
        assert not any(job.problems for job in results[0].jobs)
        proxy.rule = lambda _: None
        assert archive.verify(deep=deep).exit_code is ExitCode.OK


def test_a_stop_leaves_other_archives_alone(
    weed: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    with (
        stored(weed, tmp_path, monkeypatch) as (archive, proxy),
        stored(weed, tmp_path / "other", monkeypatch) as (other, behind),
    ):
        asked = threading.Event()
        done: list[backhaul.Verification] = []

        def slow(_: object) -> Fault:
            asked.set()
            return Fault(wait=1)

        behind.rule = slow
        waiting = threading.Thread(target=lambda: done.append(other.verify()))
        waiting.start()
        assert asked.wait(30)

        def call() -> None:
            with pytest.raises(InterruptedRunError):
                archive.status(offline=True)

        assert seconds_after_stop(archive, proxy, call) < SOON
        behind.rule = lambda _: None
        waiting.join()
        assert done[0].exit_code is ExitCode.OK
