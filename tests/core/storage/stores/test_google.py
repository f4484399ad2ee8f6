"""The same guarantees on Google Cloud Storage, whose conditions are bound to generations."""

import hashlib
import os
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest
from tests.core.storage.stores.remote import Remote, remote
from tests.faulty_proxy import Asked, Fault, faulty_proxy
from tests.gcs import ACCOUNT_KEY, BUCKET, google_cloud_storage
from tests.soon import SOON

from backhaul.errors import LockedError
from backhaul.oserrors import StoreError
from backhaul.storage.location import Location
from backhaul.storage.store_options import StoreOptions
from backhaul.storage.stores import leases
from backhaul.storage.stores.failures import ConflictError

LARGE = os.urandom(1 << 20) * 21 + b"the end"
SIZES = pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A running service."""
    with google_cloud_storage() as url:
        yield url


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", ACCOUNT_KEY)


def _location(endpoint: str, workspace: Path) -> Location:
    store = StoreOptions.model_validate({"endpoint": endpoint})
    return Location(f"gs://{BUCKET}/{secrets.token_hex(6)}", workspace, store)


def _somebody_puts(far: Remote, name: str) -> None:
    obstore.put(far.bucket.store, f"{far.dest.prefix}/job/{name}", b"somebody's")


@SIZES
def test_a_file_is_created_adopted_replaced_or_refused(
    endpoint: str, tmp_path: Path, data: bytes
) -> None:
    with faulty_proxy(endpoint) as proxy:
        dest = _location(proxy.url, tmp_path)
        with remote(dest) as far:
            far.put("d/a b+é.gz", data)
            assert far.read("d/a b+é.gz") == data
            found = far.store.stat("d/a b+é.gz")
            assert found is not None
            assert found.sha256 == hashlib.sha256(data).hexdigest()
            sent = proxy.count("PUT")
            far.put("d/a b+é.gz", data)
            assert proxy.count("PUT") == sent, "adopted"
            far.put("d/a b+é.gz", data[:-1] + b"?", known=True)
            assert far.read("d/a b+é.gz") == data[:-1] + b"?"
            _somebody_puts(far, "b.gz")
            ((_, error),) = far.store.publish([far.stage("b.gz", data)])
            assert "it is kept" in str(error)
            assert far.read("b.gz") == b"somebody's"
            left = far.bucket.pages(far.bucket.key(".backhaul"))
            assert far.bucket.calls.run(_names(left)) == []


async def _names(pages: object) -> list[str]:
    return [each.name async for page in pages for each in page]  # type: ignore[attr-defined] # of a Bucket


@SIZES
def test_a_lost_response_is_not_a_conflict(endpoint: str, tmp_path: Path, data: bytes) -> None:
    lost: list[str] = []

    def lose(asked: Asked) -> Fault | None:
        step = f"{asked.method} {asked.path}"
        if asked.method != "PUT" or step in lost or "uploads" in step:
            return None
        lost.append(step)
        return Fault(lost=True)

    with (
        faulty_proxy(endpoint, lose) as proxy,
        remote(_location(proxy.url, tmp_path)) as far,
    ):
        far.put("a.gz", data)
        assert far.read("a.gz") == data
    assert lost


def test_the_remains_of_an_upload_are_removed(endpoint: str, tmp_path: Path) -> None:
    def fail(asked: Asked) -> Fault | None:
        copies = asked.method == "PUT" and "x-goog-copy-source" in asked.headers
        return Fault(status=403) if copies or asked.method == "DELETE" else None

    with faulty_proxy(endpoint, fail) as proxy:
        dest = _location(proxy.url, tmp_path)
        with remote(dest) as far, pytest.raises(StoreError, match="returned 403"):
            far.put("a.gz", LARGE)
        proxy.rule = lambda _: None
        with remote(dest) as far:
            assert far.store.stat("a.gz") is None
            pages = far.bucket.pages(far.bucket.key(".backhaul"))
            assert len(far.bucket.calls.run(_names(pages))) == 1
            far.store.clean()
            pages = far.bucket.pages(far.bucket.key(".backhaul"))
            assert far.bucket.calls.run(_names(pages)) == []


def test_a_lease_is_exclusive(endpoint: str, tmp_path: Path) -> None:
    dest = _location(endpoint, tmp_path / "here")
    there = Location(dest.url, tmp_path / "there", dest.store)
    with remote(dest) as one, remote(there) as two:
        lease = one.store.lease()
        with pytest.raises(LockedError):
            two.store.lease()
        lease.release()
        two.store.lease().release()


def test_a_lease_is_renewed_while_the_job_runs(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_RENEWED", 0.1)
    renewed = threading.Semaphore(0)

    def see(asked: Asked) -> Fault | None:
        return Fault(then=renewed.release) if asked.method == "PUT" else None

    with faulty_proxy(endpoint, see) as proxy, remote(_location(proxy.url, tmp_path)) as far:
        lease = far.store.lease()
        assert all(renewed.acquire(timeout=SOON) for _ in range(4))
        lease.release()
    assert {status for method, _, status in proxy.answered if method == "PUT"} == {200}


def test_a_document_is_replaced_only_while_it_has_the_etag_that_was_seen(
    endpoint: str, tmp_path: Path
) -> None:
    with remote(_location(endpoint, tmp_path)) as far:
        run, key = far.bucket.calls.run, far.bucket.key("job", "MANIFEST.jsonl")
        first = run(far.bucket.put(key, b"1", {}))
        second = run(far.bucket.put(key, b"2", {}, if_match=first))
        with pytest.raises(ConflictError):
            run(far.bucket.put(key, b"3", {}, if_match=first))
        assert run(far.bucket.read(key))[0] == b"2"
        run(far.bucket.delete(key))
        with pytest.raises(ConflictError):
            run(far.bucket.put(key, b"4", {}, if_match=second))


def test_an_object_replaced_between_two_requests_is_kept(endpoint: str, tmp_path: Path) -> None:
    with faulty_proxy(endpoint) as proxy, remote(_location(proxy.url, tmp_path)) as far:
        far.put("a.gz", b"first")

        def meddle(asked: Asked) -> Fault | None:
            if "x-goog-if-generation-match" in asked.headers and asked.method == "PUT":
                proxy.rule = lambda _: None
                _somebody_puts(far, "a.gz")
            return None

        proxy.rule = meddle
        ((_, error),) = far.store.publish([far.stage("a.gz", b"second", known=True)])
        assert "it is kept" in str(error)
        assert far.read("a.gz") == b"somebody's"
