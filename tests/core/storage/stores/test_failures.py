"""A store that fails: a clear error in bounded time, and nothing lost."""

import os
import socket
import threading
import time
from pathlib import Path

import pytest
from tests.core.storage.stores.remote import PATIENCE, location, remote
from tests.faulty_proxy import Asked, Fault, Rule, faulty_proxy
from tests.seaweed import KEY, PRIVATE, SECRET, Store

from backhaul.errors import ConfigError, FailureKind
from backhaul.oserrors import StoreError
from backhaul.storage.stores.failures import judge

LARGE = os.urandom(1 << 20) * 20
SIZES = pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])


def puts(fault: Fault) -> Rule:
    """The fault for everything that writes, except cleaning up."""
    return lambda asked: fault if asked.method in {"PUT", "POST"} else None


LASTING = {
    "denied": (Fault(status=403, code="AccessDenied"), "denied", r"answers 403 \(AccessDenied\)"),
    "wrong secret": (
        Fault(status=403, code="SignatureDoesNotMatch"), "denied", "the secret key is wrong",
    ),
    "expired token": (Fault(status=400, code="ExpiredToken"), "denied", "has expired: renew it"),
    "unauthorized": (Fault(status=401), "denied", "answers 401"),
    "clock": (Fault(status=403, code="RequestTimeTooSkewed"), "skewed", "clock is wrong"),
    "no bucket": (Fault(status=404, code="NoSuchBucket"), "store", "there is no such bucket"),
    "full": (Fault(status=507), "store", "the store is full, or a quota is reached"),
    "quota": (Fault(status=403, code="QuotaExceeded"), "store", "or a quota is reached"),
    "region": (
        Fault(status=400, code="AuthorizationHeaderMalformed"), "store", r"set store\.region",
    ),
    "conditions": (
        Fault(status=501, code="NotImplemented"), "store", "does not support conditional writes",
    ),
    "throttled": (Fault(status=503, code="SlowDown"), "store", "overloaded; gave up after"),
    "429": (Fault(status=429), "store", "overloaded; gave up after"),
    "500": (Fault(status=500), "store", r"answers 500; gave up after \d"),
    "reset": (Fault(reset_after=3), "store", "connection was (reset|closed).*gave up after"),
    "hangs": (Fault(wait=30), "store", "timed out"),
}  # fmt: skip


@SIZES
@pytest.mark.parametrize("case", LASTING)
def test_what_lasts_is_an_error_in_bounded_time_and_the_part_stays(
    weed: Store, tmp_path: Path, case: str, data: bytes
) -> None:
    fault, kind, words = LASTING[case]
    with (
        faulty_proxy(weed.url, puts(fault)) as proxy,
        remote(location(proxy.url, tmp_path), patience=PATIENCE) as far,
    ):
        since = time.monotonic()
        with pytest.raises(StoreError, match=words) as caught:
            far.store.publish([far.stage("a.gz", data), far.stage("b.gz", b"b")])
        assert time.monotonic() - since < 8 * PATIENCE
        assert caught.value.kind == kind
        assert caught.value.strerror is not None
        assert f"s3://{PRIVATE}/{far.dest.prefix}/job/" in caught.value.strerror
        assert SECRET not in str(caught.value)
        assert KEY not in str(caught.value)
        assert far.parts.part_length("a.gz") == len(data)
        proxy.rule = lambda _: None
        with remote(far.dest) as again:
            assert again.store.stat("a.gz") is None
            again.put("a.gz", data)
            assert again.read("a.gz") == data


PASSING = {
    "slow down": Fault(status=503, code="SlowDown"),
    "500": Fault(status=500, code="InternalError"),
    "reset at once": Fault(reset_after=0),
    "reset in the body": Fault(reset_after=5000),
    "slow": Fault(wait=1),
}


@pytest.mark.parametrize("case", PASSING)
def test_what_passes_is_retried(weed: Store, tmp_path: Path, case: str) -> None:
    def rule(asked: Asked) -> Fault | None:
        writes = asked.method in {"PUT", "POST"}
        return PASSING[case] if writes and asked.number % 3 == 1 else None

    with faulty_proxy(weed.url, rule) as proxy, remote(location(proxy.url, tmp_path)) as far:
        small = {f"{number}.gz": os.urandom(6000) for number in range(12)}
        data = {**small, "large.gz": LARGE}
        assert far.store.publish([far.stage(name, body) for name, body in data.items()]) == []
        assert {name: far.read(name) for name in data} == data


def test_a_store_that_is_not_there(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # nothing listens
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        with remote(location(url, tmp_path), patience=PATIENCE) as far:
            since = time.monotonic()
            with pytest.raises(StoreError, match="cannot be reached: connection refused; gave up"):
                far.store.size("a.gz")
            first = time.monotonic() - since
            with pytest.raises(StoreError, match="connection refused"):
                far.store.size("a.gz")
            assert time.monotonic() - since - first < PATIENCE / 2, "it is known to be down"


def test_a_bucket_that_does_not_exist_is_named_by_its_listing(weed: Store, tmp_path: Path) -> None:
    def missing(_: Asked) -> Fault:
        return Fault(status=404, code="NoSuchBucket")

    with (
        faulty_proxy(weed.url, missing) as proxy,
        remote(location(proxy.url, tmp_path)) as far,
        pytest.raises(StoreError, match="no such bucket"),
    ):
        list(far.store.listing())


def test_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with remote(location("http://127.0.0.1:9", tmp_path, region="eu-west-1")) as far:
        with pytest.raises(StoreError, match="no valid credentials") as caught:
            far.store.size("a.gz")
        assert caught.value.kind is FailureKind.DENIED


@SIZES
def test_a_profile_is_used(
    weed: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "wrong")
    (tmp_path / "credentials").write_text(
        f"[lab]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with remote(location(weed.url, tmp_path / "w", profile="lab")) as far:
        far.put("a.gz", data)
        assert far.read("a.gz") == data


def test_a_mistake_in_the_configuration_is_not_retried(
    weed: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[profile lab]\nregion = us-east-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with remote(location(weed.url, tmp_path / "w", profile="lab")) as far:
        far.stage("a.gz", LARGE)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "gone"))
        since = time.monotonic()
        with pytest.raises(ConfigError, match=r"profile must be a section of ~/\.aws/config"):
            far.store.clean()
        assert time.monotonic() - since < 5


@SIZES
def test_a_stop_ends_what_runs_within_two_seconds(weed: Store, tmp_path: Path, data: bytes) -> None:
    hang = puts(Fault(wait=60))
    with faulty_proxy(weed.url, hang) as proxy, remote(location(proxy.url, tmp_path)) as far:
        staged = [far.stage("a.gz", data), far.stage("b.gz", b"b")]
        threading.Timer(0.5, far.bucket.calls.stop).start()
        since = time.monotonic()
        with pytest.raises(InterruptedError):
            far.store.publish(staged)
        assert time.monotonic() - since < 2.5
        assert far.parts.part_length("a.gz") == len(data)
        since = time.monotonic()
        with pytest.raises(InterruptedError):
            far.store.lease()
        assert time.monotonic() - since < 2


def test_an_answer_that_is_no_xml_is_an_error_in_one_line() -> None:
    judged = judge(ConnectionError("one\ntwo \x1b[31m"))
    assert judged.text.isprintable()
