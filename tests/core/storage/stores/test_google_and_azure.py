"""The same guarantees on Google Cloud Storage and on Azure Blob storage.

Google's conditions are bound to generations; Azure copies large files within the store.
"""

import hashlib
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import obstore
import pytest
from tests import azurite, gcs
from tests.core.storage.stores.remote import Remote, remote
from tests.faulty_proxy import Asked, Fault, FaultyProxy, Rule, faulty_proxy
from tests.soon import SOON

from backhaul.errors import LockedError
from backhaul.oserrors import StoreError
from backhaul.storage.location import Location
from backhaul.storage.store_options import StoreOptions
from backhaul.storage.stores import leases
from backhaul.storage.stores.failures import ConflictError

LARGE = os.urandom(1 << 20) * 21 + b"the end"
SIZES = pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])


class Service(NamedTuple):
    """A running service.

    Attributes:
        endpoint: its URL.
        bucket: the URL of a bucket.
        options: other options of the store.
        copies: the header of a request that copies an object.
        deletes: the methods of requests that delete objects.
    """

    endpoint: str
    bucket: str
    options: dict[str, str]
    copies: str
    deletes: frozenset[str]

    def location(self, workspace: Path, endpoint: str | None = None) -> Location:
        """An unused prefix."""
        given = {"endpoint": endpoint or self.endpoint, **self.options}
        store = StoreOptions.model_validate(given)
        return Location(f"{self.bucket}/{secrets.token_hex(6)}", workspace, store)

    @contextmanager
    def proxied(
        self, workspace: Path, rule: Rule | None = None
    ) -> Iterator[tuple[FaultyProxy, Location]]:
        """A proxy before the service, and an unused prefix behind it."""
        with faulty_proxy(self.endpoint, rule) as proxy:
            yield proxy, self.location(workspace, proxy.url + urlsplit(self.endpoint).path)


class File(NamedTuple):
    name: str
    size: int


@pytest.fixture(scope="module", params=["google", "azure"])
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Each service in turn."""
    if request.param == "google":
        with gcs.google_cloud_storage() as url:
            copies, deletes = "x-goog-copy-source", frozenset({"DELETE"})
            yield Service(url, f"gs://{gcs.BUCKET}", {}, copies, deletes)
    else:
        with azurite.azurite(tmp_path_factory.mktemp("azurite")) as url:
            copies, deletes = "x-ms-copy-source", frozenset({"DELETE", "POST"})
            account = {"account": azurite.ACCOUNT}
            yield Service(url, f"az://{azurite.CONTAINER}", account, copies, deletes)


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", gcs.ACCOUNT_KEY)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", azurite.KEY)


def _put_from_outside(far: Remote, name: str) -> None:
    obstore.put(far.bucket.store, f"{far.dest.prefix}/job/{name}", b"somebody's")


def _remains(far: Remote) -> list[str]:
    """The names of unfinished uploads."""

    async def names() -> list[str]:
        pages = far.bucket.pages(far.bucket.key(".backhaul"))
        return [each.name async for page in pages for each in page]

    return far.bucket.calls.run(names())


@SIZES
def test_a_file_is_created_adopted_replaced_or_refused(
    service: Service, tmp_path: Path, data: bytes
) -> None:
    with service.proxied(tmp_path) as (proxy, dest), remote(dest) as far:
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
        _put_from_outside(far, "b.gz")
        ((_, error),) = far.store.publish([far.stage("b.gz", data)])
        assert "it is kept" in str(error)
        assert far.read("b.gz") == b"somebody's"
        assert _remains(far) == []


def test_files_are_fetched_ahead_with_a_request_each(service: Service, tmp_path: Path) -> None:
    with service.proxied(tmp_path) as (proxy, dest), remote(dest) as far:
        data = {"a.gz": b"first", "b.gz": b"second"}
        for name, content in data.items():
            far.put(name, content)
        before = proxy.count("GET")
        files = [File(name, len(content)) for name, content in data.items()]
        assert [far.read(file.name) for file in far.store.ahead(files)] == list(data.values())
        assert proxy.count("GET") - before == len(data)


@SIZES
def test_a_lost_response_is_not_a_conflict(service: Service, tmp_path: Path, data: bytes) -> None:
    lost: list[str] = []

    def lose(asked: Asked) -> Fault | None:
        step = f"{asked.method} {asked.path}"
        if asked.method != "PUT" or step in lost or "uploads" in step:
            return None
        lost.append(step)
        return Fault(lost=True)

    with service.proxied(tmp_path, lose) as (_, dest), remote(dest) as far:
        far.put("a.gz", data)
        assert far.read("a.gz") == data
    assert lost


def test_the_remains_of_an_upload_are_removed(service: Service, tmp_path: Path) -> None:
    def fail(asked: Asked) -> Fault | None:
        copies = asked.method == "PUT" and service.copies in asked.headers
        return Fault(status=403) if copies or asked.method in service.deletes else None

    with service.proxied(tmp_path, fail) as (proxy, dest):
        with remote(dest) as far, pytest.raises(StoreError, match="returned 403"):
            far.put("a.gz", LARGE)
        proxy.rule = lambda _: None
        with remote(dest) as far:
            assert far.store.stat("a.gz") is None
            assert len(_remains(far)) == 1
            far.store.clean()
            assert _remains(far) == []


def test_a_lease_is_exclusive(service: Service, tmp_path: Path) -> None:
    dest = service.location(tmp_path / "here")
    there = Location(dest.url, tmp_path / "there", dest.store)
    with remote(dest) as one, remote(there) as two:
        lease = one.store.lease()
        with pytest.raises(LockedError):
            two.store.lease()
        lease.release()
        two.store.lease().release()


def test_a_lease_is_renewed_while_the_job_runs(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_RENEWED", 0.1)
    renewed = threading.Semaphore(0)

    def see(asked: Asked) -> Fault | None:
        return Fault(then=renewed.release) if asked.method == "PUT" else None

    with service.proxied(tmp_path, see) as (proxy, dest), remote(dest) as far:
        lease = far.store.lease()
        assert all(renewed.acquire(timeout=SOON) for _ in range(4))
        lease.release()
    assert {status for method, _, status in proxy.answered if method == "PUT"} <= {200, 201}


def test_a_document_is_replaced_only_while_it_has_the_etag_that_was_seen(
    service: Service, tmp_path: Path
) -> None:
    with remote(service.location(tmp_path)) as far:
        run, key = far.bucket.calls.run, far.bucket.key("job", "MANIFEST.jsonl")
        first = run(far.bucket.put(key, b"1", {}))
        second = run(far.bucket.put(key, b"2", {}, if_match=first))
        with pytest.raises(ConflictError):
            run(far.bucket.put(key, b"3", {}, if_match=first))
        assert run(far.bucket.read(key))[0] == b"2"
        run(far.bucket.delete(key))
        with pytest.raises(ConflictError):
            run(far.bucket.put(key, b"4", {}, if_match=second))


def test_an_object_replaced_between_two_requests_is_kept(service: Service, tmp_path: Path) -> None:
    with service.proxied(tmp_path) as (proxy, dest), remote(dest) as far:
        far.put("a.gz", b"first")

        def meddle(asked: Asked) -> Fault | None:
            if asked.method == "PUT":
                proxy.rule = lambda _: None
                _put_from_outside(far, "a.gz")
            return None

        proxy.rule = meddle
        ((_, error),) = far.store.publish([far.stage("a.gz", b"second", known=True)])
        assert "it is kept" in str(error)
        assert far.read("a.gz") == b"somebody's"


@pytest.mark.parametrize("service", ["azure"], indirect=True)
def test_a_wrong_key_is_denied(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "d3JvbmcgYnV0IGJhc2U2NA==")
    with remote(service.location(tmp_path)) as far, pytest.raises(StoreError) as caught:
        far.store.size("a.gz")
    assert caught.value.kind == "denied"
