"""A job is locked for one workspace at a time, whatever machine it is on."""

import json
import os
import time
from contextlib import closing
from pathlib import Path

import pytest
from tests.core.storage.stores.remote import location, remote
from tests.faulty_proxy import Asked, Fault, faulty_proxy
from tests.seaweed import PRIVATE, Store

from backhaul.errors import LockedError
from backhaul.storage.destination import Staged
from backhaul.storage.job import open_job, take_lease
from backhaul.storage.stores import leases
from backhaul.storage.stores.leases import workspace_id


def test_another_workspace_is_refused_until_the_lease_is_released(
    weed: Store, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    dest = location(weed.url, here)
    with remote(dest) as one, remote(location(weed.url, there, prefix=dest.prefix)) as two:
        lease = one.store.lease()
        with pytest.raises(
            LockedError, match=rf"by process {os.getpid()} on .* since 20.*expires in"
        ):
            two.store.lease()
        lease.release()
        lease.release()
        other = two.store.lease()
        other.release()
        assert list(one.bucket.calls.run(_all(one.bucket, ".backhaul"))) == []


async def _all(bucket: object, prefix: str) -> list[str]:
    pages = bucket.pages(bucket.key(prefix))  # type: ignore[attr-defined] # a Bucket
    return [each.name async for page in pages for each in page]


def test_the_same_workspace_takes_its_lease_over_at_once(weed: Store, tmp_path: Path) -> None:
    dest = location(weed.url, tmp_path)
    with remote(dest) as killed:
        killed.store.lease()
    with remote(dest) as again, remote(dest, job="other") as beside:
        beside.store.lease().release()
        again.store.lease().release()
    assert workspace_id(tmp_path) == workspace_id(tmp_path)
    assert workspace_id(tmp_path) != workspace_id(tmp_path / "b")


def test_an_expired_lease_is_taken_over_and_its_holder_notices(
    weed: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    dest = location(weed.url, here)
    monkeypatch.setattr(leases, "_RENEWED", 0.5)
    with remote(dest) as one, remote(location(weed.url, there, prefix=dest.prefix)) as two:
        lease = one.store.lease()
        with monkeypatch.context() as expired:
            expired.setattr(leases, "LASTS", -5.0)
            other = two.store.lease()
        until = time.monotonic() + 20
        while lease.lost is None and time.monotonic() < until:
            time.sleep(0.05)
        with pytest.raises(LockedError, match="was taken over by another workspace"):
            one.put("a.gz", b"late")
        assert one.store.stat("a.gz") is None
        lease.release()  # must not delete the other's
        with pytest.raises(LockedError):
            one.store.lease()
        other.release()


def test_destinations_opened_separately_are_refused_too_once_the_lease_is_lost(
    weed: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dest = location(weed.url, tmp_path)
    monkeypatch.setattr(leases, "_RENEWED", 0.2)
    lease = take_lease(dest, "job")
    with closing(open_job(dest, "job", durable=False)) as job:
        store = job.destination
        assert store.size("a.gz") is None
        weed.put(PRIVATE, f"{dest.prefix}/.backhaul/leases/job.json", b"another workspace's")
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                store.check()
            except LockedError:
                break
            time.sleep(0.05)
        job.workspace.write_part("a.gz", b"late")
        with pytest.raises(LockedError, match="was taken over by another workspace"):
            store.publish([Staged("a.gz", 4)])
        with store.document("MANIFEST.jsonl") as document, pytest.raises(LockedError):
            document.commit()
        assert job.workspace.part_length("a.gz") == 4
        assert store.size("a.gz") is None
    lease.release()
    with remote(dest) as far:
        assert far.store.stat("a.gz") is None
        held = far.bucket.calls.run(far.bucket.read(far.bucket.key(".backhaul/leases/job.json")))
        assert held[0] == b"another workspace's"


def test_a_lease_that_was_not_renewed_in_time_is_checked_in_the_store(
    weed: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after the machine was suspended: the next renewal is minutes away."""
    with remote(location(weed.url, tmp_path)) as far:
        lease = far.store.lease()
        monkeypatch.setattr(leases, "LASTS", 0.0)
        far.put("a.gz", b"still ours")
        weed.put(PRIVATE, f"{far.dest.prefix}/.backhaul/leases/job.json", b"another workspace's")
        with pytest.raises(LockedError, match="was taken over by another workspace"):
            far.put("b.gz", b"late")
        assert far.store.stat("b.gz") is None
        lease.release()


def test_a_lease_is_renewed_while_the_job_runs(
    weed: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_RENEWED", 0.1)
    with faulty_proxy(weed.url) as proxy, remote(location(proxy.url, tmp_path)) as far:
        lease = far.store.lease()
        until = time.monotonic() + 20
        while proxy.count("PUT") < 4 and time.monotonic() < until:
            time.sleep(0.05)
        assert proxy.count("PUT") >= 4
        far.put("a.gz", b"in time")
        lease.release()


def test_a_lost_response_does_not_lock_the_job(weed: Store, tmp_path: Path) -> None:
    def lose(asked: Asked) -> Fault | None:
        return Fault(lost=True) if asked.method == "PUT" and asked.number == 1 else None

    with faulty_proxy(weed.url, lose) as proxy, remote(location(proxy.url, tmp_path)) as far:
        far.store.lease().release()


def test_an_unreadable_lease_counts_until_it_expires(weed: Store, tmp_path: Path) -> None:
    with remote(location(weed.url, tmp_path)) as far:
        for body in (b"not json", b"[1]", json.dumps({"host": "evil\x1b[31m\nhost"}).encode()):
            weed.put(PRIVATE, f"{far.dest.prefix}/.backhaul/leases/job.json", body)
            with pytest.raises(LockedError) as caught:
                far.store.lease()
            assert caught.value.message.isprintable()
