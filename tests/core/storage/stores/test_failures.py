"""A store that fails: a clear error in bounded time, and nothing lost."""

import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.core.storage.stores.remote import PATIENCE, location, remote
from tests.core.transfer.scripted import reply, scripted
from tests.faulty_proxy import Asked, Fault, Rule, faulty_proxy
from tests.seaweed import KEY, PRIVATE, SECRET, Store
from tests.soon import SOON
from tests.usual import usual

from backhaul.errors import ConfigError, FailureKind
from backhaul.oserrors import StoreError
from backhaul.storage import held_parts, object_store
from backhaul.storage.stores import calls, multipart, publishing
from backhaul.storage.stores.failures import judge

LARGE = os.urandom(7 << 20)  # sent in two requests, since less than usual counts as large
SIZES = pytest.mark.parametrize("data", usual([b"small", LARGE], b"small"), ids=["small", "large"])


@pytest.fixture(autouse=True)
def _large(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (object_store, publishing):
        monkeypatch.setattr(module, "LARGE", 6 << 20)
    monkeypatch.setattr(held_parts, "_MOST", 6 << 20)
    monkeypatch.setattr(multipart, "_PART", 5 << 20)  # the smallest that a store takes


FURTHER = 2  # failures after a message


def puts(fault: Fault) -> Rule:
    """Injects the fault into every write except clean-up."""
    return lambda asked: fault if asked.method in {"PUT", "POST"} else None


LASTING = {
    "denied": (Fault(status=403, code="AccessDenied"), "denied", r"returned 403 \(AccessDenied\)"),
    "wrong secret": (
        Fault(status=403, code="SignatureDoesNotMatch"), "denied", "the secret key is wrong",
    ),
    "expired token": (Fault(status=400, code="ExpiredToken"), "denied", "has expired: renew it"),
    "unauthorized": (Fault(status=401), "denied", "returned 401"),
    "clock": (Fault(status=403, code="RequestTimeTooSkewed"), "skewed", "clock is wrong"),
    "no bucket": (Fault(status=404, code="NoSuchBucket"), "store", "the bucket does not exist"),
    "full": (Fault(status=507), "store", "the store is full, or a quota was reached"),
    "quota": (Fault(status=403, code="QuotaExceeded"), "store", "or a quota was reached"),
    "region": (
        Fault(status=400, code="AuthorizationHeaderMalformed"), "store", r"set store\.region",
    ),
    "redirect": (
        Fault(status=301, code="PermanentRedirect"), "store", r"another region: set store\.region",
    ),
    "conditions": (
        Fault(status=501, code="NotImplemented"), "store", "does not support conditional writes",
    ),
    "throttled": (Fault(status=503, code="SlowDown"), "store", "overloaded; gave up after"),
    "429": (Fault(status=429), "store", "overloaded; gave up after"),
    "500": (Fault(status=500), "store", r"returned 500; gave up after \d"),
    "reset": (Fault(reset_after=3), "store", "connection was (reset|closed).*gave up after"),
    "hangs": (Fault(wait=30), "store", "timed out"),
}  # fmt: skip


@SIZES
@pytest.mark.parametrize("case", usual(LASTING, "denied", "full", "region", "500", "hangs"))
def test_a_persistent_failure_is_an_error_in_bounded_time_and_the_part_is_kept(
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


def test_a_server_that_is_no_store_is_named_at_once(tmp_path: Path) -> None:
    empty = reply(b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
    with (
        scripted(lambda asked: empty if "list-type" in asked.path else reply(b"")) as server,
        remote(location(server.url, tmp_path)) as far,  # with the usual minute of patience
        pytest.raises(StoreError, match="does not respond like an object store") as caught,
    ):
        far.store.publish([far.stage("a.gz", b"a")])
    assert "store.endpoint (ETag Header missing" in caught.value.message
    assert sum(each.path.endswith("/a.gz") for each in server.asked) <= 2


def test_a_server_without_lists_is_named(tmp_path: Path) -> None:
    with (
        scripted(lambda _: reply(b"")) as server,
        remote(location(server.url, tmp_path), patience=PATIENCE) as far,
        pytest.raises(StoreError, match="does not respond like an object store"),
    ):
        far.store.publish([far.stage("a.gz", b"a")])


def test_a_store_that_hangs_for_one_file_is_not_awaited_for_each_of_the_others(
    weed: Store, tmp_path: Path
) -> None:
    names = [f"{number:02}.gz" for number in range(40)]

    def rule(asked: Asked) -> Fault | None:
        return Fault(wait=30) if asked.method == "PUT" and ".gz" in asked.path else None

    with (
        faulty_proxy(weed.url, rule) as proxy,
        remote(location(proxy.url, tmp_path), patience=PATIENCE) as far,
    ):
        published = threading.Event()

        def ask() -> None:  # as the job's lease does: these requests succeed
            while not published.wait(0.05):
                with suppress(StoreError):
                    far.store.stat("other")

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            with pytest.raises(StoreError, match="timed out"):
                far.store.publish([far.stage(name, name.encode()) for name in names])
        finally:
            published.set()
            asking.join(SOON)
        tried = {each.path for each in proxy.requests if each.method == "PUT"}
        assert len(tried) < len(names) / 2
        assert all(far.parts.part_length(name) == len(name) for name in names)
        proxy.rule = lambda _: None
        assert far.store.publish([far.stage(name, name.encode()) for name in names]) == []


def test_a_store_that_keeps_failing_is_reported_once_while_it_is_retried(
    weed: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(calls, "_QUIET", 0.0)
    fails = puts(Fault(status=500, code="InternalError"))
    later: list[Asked] = []  # after the message

    def messages() -> list[str]:
        return [each for each in caplog.messages if "retrying for up to" in each]

    def rule(asked: Asked) -> Fault | None:
        if messages() and fails(asked):
            later.append(asked)
        return None if len(later) > FURTHER else fails(asked)

    with (
        faulty_proxy(weed.url, rule) as proxy,
        remote(location(proxy.url, tmp_path), patience=4 * SOON) as far,
    ):
        assert far.store.publish([far.stage("a.gz", b"a"), far.stage("b.gz", b"b")]) == []
        assert len(later) > FURTHER
        assert len(messages()) == 1
        assert "the store returned 500 (InternalError); retrying for up to" in messages()[0]
        caplog.clear()
        far.put("c.gz", b"c")
        assert caplog.messages == []


PASSING = {
    "slow down": Fault(status=503, code="SlowDown"),
    "500": Fault(status=500, code="InternalError"),
    "damaged on the way": Fault(status=400, code="BadDigest"),
    "reset at once": Fault(reset_after=0),
    "reset in the body": Fault(reset_after=5000),
    "slow": Fault(wait=1),
}


@pytest.mark.parametrize("case", usual(PASSING, "slow down", "reset in the body"))
def test_transient_errors_are_retried(weed: Store, tmp_path: Path, case: str) -> None:
    def rule(asked: Asked) -> Fault | None:
        writes = asked.method in {"PUT", "POST"}
        return PASSING[case] if writes and asked.number % 3 == 1 else None

    with faulty_proxy(weed.url, rule) as proxy, remote(location(proxy.url, tmp_path)) as far:
        small = {f"{number}.gz": os.urandom(6000) for number in range(12)}
        data = {**small, "large.gz": LARGE}
        assert far.store.publish([far.stage(name, body) for name, body in data.items()]) == []
        assert {name: far.read(name) for name in data} == data


@SIZES
def test_an_object_that_the_store_refuses_does_not_stop_the_others(
    weed: Store, tmp_path: Path, data: bytes
) -> None:
    def rule(asked: Asked) -> Fault | None:
        refused = asked.method in {"PUT", "POST"} and "/a.gz" in asked.path
        return Fault(status=400, code="EntityTooLarge") if refused else None

    with faulty_proxy(weed.url, rule) as proxy, remote(location(proxy.url, tmp_path)) as far:
        refused = far.store.publish([far.stage("a.gz", data), far.stage("b.gz", b"b")])
        assert [name for name, _ in refused] == ["a.gz"]
        assert "EntityTooLarge" in str(refused[0][1])
        assert far.read("b.gz") == b"b"


def test_a_store_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # no server listens there
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        with remote(location(url, tmp_path), patience=PATIENCE) as far:
            since = time.monotonic()
            with pytest.raises(StoreError, match="cannot be reached: connection refused; gave up"):
                far.store.size("a.gz")
            first = time.monotonic() - since
            with pytest.raises(StoreError, match="connection refused"):
                far.store.size("a.gz")
            assert time.monotonic() - since - first < PATIENCE / 2, "it is known to be down"


@SIZES
def test_an_endpoint_without_tls_is_named(weed: Store, tmp_path: Path, data: bytes) -> None:
    url = weed.url.replace("http://", "https://")
    with (
        remote(location(url, tmp_path), patience=PATIENCE) as far,
        pytest.raises(StoreError, match="does not use TLS: start the endpoint with http://"),
    ):
        far.put("a.gz", data)


def test_a_missing_bucket_is_named_by_its_listing(weed: Store, tmp_path: Path) -> None:
    def missing(_: Asked) -> Fault:
        return Fault(status=404, code="NoSuchBucket")

    with (
        faulty_proxy(weed.url, missing) as proxy,
        remote(location(proxy.url, tmp_path)) as far,
        pytest.raises(StoreError, match="the bucket does not exist"),
    ):
        list(far.store.listing())


def test_missing_credentials_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_configuration_error_is_not_retried(
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
        assert time.monotonic() - since < SOON


@SIZES
def test_a_stop_ends_running_commands_within_two_seconds(
    weed: Store, tmp_path: Path, data: bytes
) -> None:
    hang = puts(Fault(wait=60))
    with faulty_proxy(weed.url, hang) as proxy, remote(location(proxy.url, tmp_path)) as far:
        staged = [far.stage("a.gz", data), far.stage("b.gz", b"b")]
        threading.Timer(0.5, far.bucket.calls.stop).start()
        since = time.monotonic()
        with pytest.raises(InterruptedError):
            far.store.publish(staged)
        assert time.monotonic() - since < SOON
        assert far.parts.part_length("a.gz") == len(data)
        since = time.monotonic()
        with pytest.raises(InterruptedError):
            far.store.lease()
        assert time.monotonic() - since < SOON


def test_an_answer_that_is_not_xml_is_an_error_in_one_line() -> None:
    judged = judge(ConnectionError("one\ntwo \x1b[31m"))
    assert judged.text.isprintable()
