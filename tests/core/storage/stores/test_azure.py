"""The same guarantees on Azure Blob storage, whose large files are copied within the store."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest
from obstore.store import AzureStore
from tests.azurite import ACCOUNT, CONTAINER, KEY, azurite
from tests.core.storage.stores.remote import Remote, remote
from tests.faulty_proxy import Asked, Fault, faulty_proxy

from backhaul.errors import LockedError
from backhaul.oserrors import StoreError
from backhaul.storage.location import Location
from backhaul.storage.store_options import StoreOptions

LARGE = os.urandom(1 << 20) * 21 + b"the end"
SIZES = pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running Azurite."""
    with azurite(tmp_path_factory.mktemp("azurite")) as running:
        yield running


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", KEY)


def _location(endpoint: str, workspace: Path) -> Location:
    store = StoreOptions.model_validate({"endpoint": endpoint, "account": ACCOUNT})
    return Location(f"az://{CONTAINER}/{secrets.token_hex(6)}", workspace, store)


def _put_from_outside(far: Remote, endpoint: str, name: str) -> None:
    store = AzureStore(
        CONTAINER, account_name=ACCOUNT, account_key=KEY, endpoint=endpoint,
        client_options={"allow_http": True},
    )  # fmt: skip
    obstore.put(store, f"{far.dest.prefix}/job/{name}", b"somebody's")


@SIZES
def test_a_file_is_created_adopted_replaced_or_refused(
    endpoint: str, tmp_path: Path, data: bytes
) -> None:
    with faulty_proxy(endpoint) as proxy:
        dest = _location(f"{proxy.url}/{ACCOUNT}", tmp_path)
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
            _put_from_outside(far, endpoint, "b.gz")
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
        remote(_location(f"{proxy.url}/{ACCOUNT}", tmp_path)) as far,
    ):
        far.put("a.gz", data)
        assert far.read("a.gz") == data
    assert lost


def test_the_remains_of_an_upload_are_removed(endpoint: str, tmp_path: Path) -> None:
    def fail(asked: Asked) -> Fault | None:
        copies = asked.method == "PUT" and "x-ms-copy-source" in asked.headers
        return Fault(status=403) if copies or asked.method in {"DELETE", "POST"} else None

    with faulty_proxy(endpoint, fail) as proxy:
        dest = _location(f"{proxy.url}/{ACCOUNT}", tmp_path)
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


def test_a_lease_is_exclusive_and_a_wrong_key_is_denied(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dest = _location(endpoint, tmp_path / "here")
    there = Location(dest.url, tmp_path / "there", dest.store)
    with remote(dest) as one, remote(there) as two:
        lease = one.store.lease()
        with pytest.raises(LockedError):
            two.store.lease()
        lease.release()
        two.store.lease().release()
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "d3JvbmcgYnV0IGJhc2U2NA==")
    with remote(dest) as far, pytest.raises(StoreError) as caught:
        far.store.size("a.gz")
    assert caught.value.kind == "denied"
