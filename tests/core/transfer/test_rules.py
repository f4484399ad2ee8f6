"""Redirects, hosts, the rate limit and classification of responses."""

from heapq import heappop, heappush

import pycurl
import pytest

from backhaul.errors import FailureKind
from backhaul.http.origins import MAX_REDIRECTS
from backhaul.secret import Secret
from backhaul.testing.dialects import DIALECTS
from backhaul.transfer.body import Body
from backhaul.transfer.failures import classify, judge
from backhaul.transfer.head import Head
from backhaul.transfer.hosts import Host
from backhaul.transfer.rate import RateLimit
from backhaul.transfer.redirect import RedirectRefused, follow, own_headers
from backhaul.transfer.segmented_download import _failure
from backhaul.transfer.segments import LARGE, SegmentMap
from backhaul.transfer.signed import is_signed
from backhaul.transfer.unit import Failure, Transfer, check_url, origin
from backhaul.types import RemoteFile, Request

K = FailureKind
XML = "<Error><Code>{}</Code><Message>{}</Message></Error>"


@pytest.mark.parametrize(
    ("status", "body", "past", "kind", "retry"),
    [
        (403, XML.format("AccessDenied", "Request has expired"), False, K.EXPIRED, False),
        (403, XML.format("AccessDenied", "Access Denied"), False, K.DENIED, False),
        (403, XML.format("AccessDenied", "Access Denied"), True, K.EXPIRED, False),
        (
            400,
            XML.format("ExpiredToken", "The provided token has expired."),
            False,
            K.EXPIRED,
            False,
        ),
        (403, XML.format("RequestTimeTooSkewed", "x"), False, K.SKEWED, False),
        (403, XML.format("SignatureDoesNotMatch", "x"), False, K.DENIED, False),
        (400, XML.format("InvalidArgument", "Only one auth mechanism"), False, K.DENIED, False),
        (401, "", False, K.DENIED, False),
        (403, "rate limit exceeded", False, K.THROTTLED, True),
        (429, "", False, K.THROTTLED, True),
        (503, XML.format("SlowDown", "x"), False, K.THROTTLED, True),
        (500, XML.format("InternalError", "x"), False, K.UNREACHABLE, True),
        (502, "<html>Bad gateway</html>", False, K.UNREACHABLE, True),
        (404, XML.format("NoSuchKey", "x"), False, K.NOT_FOUND, False),
        (410, "", False, K.NOT_FOUND, False),
        (408, "", False, K.TIMEOUT, True),
        (504, "", False, K.TIMEOUT, True),
        (402, "", False, K.DENIED, False),
        (451, "", False, K.DENIED, False),
        (400, "", False, K.FAILED, False),
        (405, "", False, K.FAILED, False),
        (418, "", False, K.FAILED, False),
        (431, "", False, K.FAILED, False),
        (499, "", False, K.FAILED, False),
        (409, "", False, K.UNREACHABLE, True),
        (421, "", False, K.UNREACHABLE, True),
        (423, "", False, K.UNREACHABLE, True),
        (425, "", False, K.UNREACHABLE, True),
        (507, "", False, K.UNREACHABLE, True),
        (520, "", False, K.UNREACHABLE, True),
        (501, "", False, K.FAILED, False),
        (511, "<html>Log in</html>", False, K.NOT_DATA, False),
        (416, "", False, K.CHANGED, True),
    ],
)
def test_an_answer_is_classified_by_status_code_and_body(
    status: int, body: str, *, past: bool, kind: FailureKind, retry: bool
) -> None:
    found = classify(status, {}, body.encode(), past_expiry=past, now=0)
    assert (found.kind, found.retry) == (kind, retry)
    assert str(status) in found.message


EXPIRED = {
    "expired", "token_expired", "gcs_expired", "r2_expired", "azure_expired", "b2_expired",
}  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_refusal_in_any_dialect_is_worth_a_fresh_link(dialect: str) -> None:
    reply = DIALECTS[dialect]()
    assert isinstance(reply.body, bytes)
    found = classify(reply.status, {}, reply.body, past_expiry=False, now=0, link=True)
    assert (found.kind is K.EXPIRED) == (dialect in EXPIRED)
    assert found.kind is K.EXPIRED or found.link


def test_a_refusal_of_something_other_than_a_link_is_taken_literally() -> None:
    for status, kind in ((401, K.DENIED), (403, K.DENIED), (404, K.NOT_FOUND), (410, K.NOT_FOUND)):
        found = classify(status, {}, b"", past_expiry=False, now=0)
        assert (found.kind, found.link, found.retry) == (kind, False, False)


@pytest.mark.parametrize(
    "query",
    [
        "AWSAccessKeyId=A&Expires=1&Signature=b%2B",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0",
        "X-Goog-Signature=0",
        "sv=2020-04-08&se=2016-02-03&sr=b&sp=r&sig=x%3D",
        "Authorization=3_2016",
        "Policy=e&Key-Pair-Id=K",
        "hdnts=exp=1~hmac=0",
        "verify=1-x",
        "md5=x&expires=1",
        "id=4&token=abc",
        "access_token=abc",
    ],
)
def test_a_signed_url_is_recognized(query: str) -> None:
    assert is_signed(f"https://a.example/x?{query}")


@pytest.mark.parametrize("query", ["", "finish=1348790400&num_minutes=60", "page=2", "design=1"])
def test_a_url_without_a_signature_is_not_taken_for_a_signed_one(query: str) -> None:
    assert not is_signed(f"https://a.example/sig/token?{query}")


def test_redirects_stay_with_http_and_end() -> None:
    assert follow("http://a/x/y", "../z?s=%2B", 0) == "http://a/z?s=%2B"
    assert follow("http://a/", "https://b/", 0) == "https://b/"
    for url, location in (
        ("https://a/", "http://a/"),
        ("http://a/", "file:///etc/passwd"),
        ("http://a/", "ftp://a/"),
        ("http://a/", ""),
        ("http://a/", "http://["),
        ("http://a/", "http://user:pw@b/"),
        ("http://a/", "http://b:99999/"),
    ):
        with pytest.raises(RedirectRefused):
            follow(url, location, 0)
    with pytest.raises(RedirectRefused, match="it has an invalid port"):
        follow("http://a/", "http://b:99999/", 0)
    with pytest.raises(RedirectRefused, match=str(MAX_REDIRECTS)):
        follow("http://a/", "http://a/", MAX_REDIRECTS)


def test_an_origin_consists_of_scheme_host_and_port() -> None:
    assert origin("https://A.example/x") == "https://a.example:443"
    assert origin("http://a.example:8080?x") == "http://a.example:8080"
    for url in ("file:///x", "http://", "//a/", "http://u:p@a/", "http://a:b/"):
        with pytest.raises(ValueError):  # noqa: PT011 - messages differ
            origin(url)


@pytest.mark.parametrize(
    "url", ["http://a/\0", "http://a/ b", "http://a/\ud800", "http://a/\r\nX: y"]
)
def test_a_url_with_invalid_characters_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        check_url(url)


def test_headers_cannot_be_smuggled_in() -> None:
    with pytest.raises(ValueError, match="header"):
        own_headers(Request("http://a/", headers={"X": Secret("a\r\nY: b")}))


def host() -> Host:
    return Host("http://a:80", ceiling=64, start=16, pace=None)


def test_a_host_that_pushes_back_gets_half_the_requests_after_a_pause() -> None:
    some = host()
    some.pushed_back(100.0, 5.0)
    assert some.limit == 8
    assert 5.0 <= some.wait(100.0) < 7.0


def test_a_host_that_requests_a_very_long_pause_is_given_up() -> None:
    some = host()
    some.pushed_back(100.0, 86400.0)
    assert some.wait(100.0) < 1000
    some.file_failed(Failure(kind=K.THROTTLED, message="x", retry_after=86400.0))
    assert some.down is not None


def test_a_good_response_after_such_a_request_ends_the_pause_too() -> None:
    some = host()
    some.started()
    some.pushed_back(100.0, 86400.0)
    some.file_failed(Failure(kind=K.THROTTLED, message="x", retry_after=86400.0))
    some.finished(100.5, 10, good=True)
    assert some.down is None
    assert some.wait(100.5) == 0.0


def test_a_host_with_only_failures_is_given_up_until_a_success() -> None:
    some = host()
    for _ in range(8):
        assert some.down is None
        some.file_failed(Failure(kind=K.UNREACHABLE, message="x"))
    assert some.down is not None
    some.started()
    some.finished(1.0, 10, good=True)
    assert some.down is None


def served(
    some: Host, *, seconds: float, latency: float, at_once: int, handshake: float = 0.0
) -> list[int]:
    """The number of connections after each response of a server that answers so many requests at once."""
    body = Body(Transfer("job", RemoteFile("x", "http://a/x"), Request("http://a/x")))
    body.number = 0
    some.push(body)
    now = 100.0
    free = [now] * at_once  # when the server can turn to another request
    due: list[float] = []
    limits = []
    connected = 0
    while now < 100.0 + seconds:
        while some.active < some.limit:
            some.started()
            ready = now if some.active <= connected else now + handshake
            connected = max(connected, some.active)
            answered = max(ready, heappop(free)) + latency
            heappush(free, answered)
            heappush(due, answered)
        now = heappop(due)
        some.finished(now, 4000, good=True)
        limits.append(some.limit)
    return limits


def test_more_connections_are_used_while_that_helps() -> None:
    limits = served(host(), seconds=1.0, latency=0.005, at_once=48)
    assert set(limits) == {16, 32, 64}


def test_more_connections_are_not_kept_if_they_do_not_help() -> None:
    limits = served(host(), seconds=10.0, latency=0.005, at_once=16)
    assert set(limits) == {16, 32}
    assert limits.count(32) < limits.count(16) / 5


@pytest.mark.parametrize("latency", [0.08, 0.4])
def test_a_slow_host_gets_all_connections_within_a_few_responses_of_each(latency: float) -> None:
    limits = served(host(), seconds=4.5 * latency, latency=latency, at_once=500)
    assert limits[-1] == 64


@pytest.mark.parametrize("round_trips", [1, 3])
@pytest.mark.parametrize("latency", [0.005, 0.02, 0.08, 0.4])
def test_the_handshakes_of_new_connections_are_not_taken_for_a_slow_host(
    latency: float, round_trips: int
) -> None:
    handshake = round_trips * latency
    seconds = 14 * latency + 1.0  # two measurements of 0.25 s for a fast host
    limits = served(host(), seconds=seconds, latency=latency, at_once=500, handshake=handshake)
    assert limits == sorted(limits)
    assert limits[-1] == 64


def test_a_host_that_was_left_with_one_connection_gets_more_again() -> None:
    remembered = Host("http://a:80", ceiling=64, start=1, pace=None)
    limits = served(remembered, seconds=2.0, latency=0.01, at_once=500)
    assert limits[-1] > 16


def test_a_slow_host_that_is_at_its_limit_gets_no_more() -> None:
    limits = served(host(), seconds=10.0, latency=0.08, at_once=16)
    assert set(limits) == {16, 32}
    assert limits.count(32) < limits.count(16) / 5


def test_a_slow_host_that_pushed_back_gets_more_connections_slowly() -> None:
    some = host()
    some.pushed_back(99.0, 0.1)
    limits = served(some, seconds=0.5, latency=0.08, at_once=500)
    assert set(limits) == {8, 10}


def test_the_rate_limit_holds_over_time() -> None:
    rate = RateLimit(1000)
    rate.spend(3000, 10.0)
    assert rate.wait(10.0) == pytest.approx(3.0)
    assert rate.wait(13.1) == 0
    assert RateLimit(None).wait(0.0) == 0


@pytest.mark.parametrize("body", ["Your password has expired", XML.format("ExpiredToken", "x")])
def test_a_401_is_never_an_expired_link(body: str) -> None:
    assert classify(401, {}, body.encode(), past_expiry=True, now=0).kind is K.DENIED


@pytest.mark.parametrize(("status", "kind"), [(503, K.THROTTLED), (403, K.DENIED)])
def test_an_error_page_that_is_cut_is_still_an_error(status: int, kind: FailureKind) -> None:
    some = Body(Transfer("job", RemoteFile("x", "http://a/x"), Request("http://a/x")))
    some.error = [b"<html>Not "]
    failure = judge(host(), some, Head(status, {}), error=pycurl.E_PARTIAL_FILE, message="cut")
    assert failure.kind is kind
    some.segment_map = SegmentMap(LARGE)
    segment = some.segment_map.take(some.url)
    segment.error = [b"<html>Not "]
    failure = _failure(
        host(), some, segment, Head(status, {}), error=pycurl.E_PARTIAL_FILE, message="cut"
    )
    assert failure.kind is kind
    cut = judge(host(), some, Head(200, {}), error=pycurl.E_PARTIAL_FILE, message="cut")
    assert cut.kind is K.TRUNCATED
