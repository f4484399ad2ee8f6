"""Classifies failed transfers by libcurl's error, the response or the file itself."""

import os
import re
import time
from collections.abc import Collection, Mapping
from typing import NamedTuple

import pycurl

from backhaul.backoff import parse_retry_after
from backhaul.errors import FailureKind
from backhaul.foreign import line, summary
from backhaul.http.proxies import Proxies, refused_by
from backhaul.http.tls import refusal
from backhaul.redact import own_values
from backhaul.secret import Secret
from backhaul.statuses import ERROR, NO_RANGE, OF_LINKS, Meaning, meaning
from backhaul.transfer.body import Body
from backhaul.transfer.content_failures import content_failure
from backhaul.transfer.head import Head
from backhaul.transfer.hosts import Host
from backhaul.transfer.signed import may_have_expired
from backhaul.transfer.unit import SKEW, Failure
from backhaul.types import MISSING, SlotState

_CLOCKED = frozenset({FailureKind.EXPIRED, FailureKind.DENIED, FailureKind.SKEWED})


def judge(host: Host, body: Body, head: Head, *, error: int, message: str) -> Failure:
    """Why an attempt failed; ``error`` is libcurl's, 0 if the exchange succeeded."""
    if body.refusal is not None and body.offset >= 0:
        return body.refusal
    if body.part is not None and body.part.error is not None:
        return content_failure(body.part.error)
    if head.of_proxy and head.status != _PROXY_REFUSES:
        return _not_connected(host, head)
    if error and head.status < ERROR:
        return explain(error, message, host=host.name, received=body.size, expected=body.expected)
    if head.status < ERROR:
        return Failure(kind=FailureKind.NOT_DATA, message=f"HTTP {head.status} instead of a file")
    return _with_clock(host, _classified(host, body, head, b"".join(body.error)))


def _not_connected(host: Host, head: Head) -> Failure:
    """The proxy refused to connect; its status says nothing about the file."""
    own = Proxies().of(host.name)
    return Failure(
        kind=FailureKind.UNREACHABLE,
        message=f"the {own} could not connect to {host.name}: HTTP {head.status}",
        retry=meaning(head.status).retry,
        retry_after=parse_retry_after(head.headers.get("retry-after"), time.time()),
    )


def part_failure(body: Body) -> Failure:
    """The failure for a complete response that does not complete the file."""
    if body.misfit:
        return Failure(kind=FailureKind.NOT_DATA, message=body.misfit, retry=True, fresh=True)
    end = body.until if body.cut else body.expected
    left = (end or body.size) - body.size + body.received
    return Failure(
        kind=FailureKind.TRUNCATED,
        message=f"the server sent only {body.received} of the {left} bytes requested",
        retry=True,
    )


def _classified(host: Host, body: Body, head: Head, text: bytes) -> Failure:
    if head.status == _PROXY_REFUSES:
        message = refused_by(Proxies().of(body.url))
        return Failure(kind=FailureKind.DENIED, message=message)
    now = time.time() + (host.offset or 0.0)
    expires = body.transfer.request.expires
    past = expires is not None and expires.timestamp() <= now
    link = may_have_expired(body)
    own = own_of(body)
    return classify(
        head.status,
        head.headers,
        text,
        past_expiry=past,
        now=now,
        link=link,
        own=own,
        missing=body.transfer.request.missing,
    )


def own_of(body: Body) -> tuple[str, ...]:
    """The request's secrets, which messages must not contain."""
    request = body.transfer.request
    user, password = ("", "") if request.auth is None else request.auth
    secret = password.reveal() if isinstance(password, Secret) else password
    headers = (each.reveal() for each in request.headers.values() if isinstance(each, Secret))
    return (
        *own_values(request.url, user=user, password=secret),
        *(own_values(body.url) if body.hops else ()),
        *headers,
    )


def _with_clock(host: Host, failure: Failure) -> Failure:
    """Mentions a wrong local clock if that may be the cause."""
    if host.offset is None or abs(host.offset) <= SKEW or failure.kind not in _CLOCKED:
        return failure
    way = "behind" if host.offset > 0 else "ahead of"
    minutes = f"{abs(host.offset) / 60:.0f} minutes"
    return failure._replace(
        message=f"{failure.message}; this machine's clock is {minutes} {way} the server's"
    )


_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9_.]{1,64})\s*</Code>")
_MESSAGE = re.compile(rb"<Message>\s*([^<]{1,1000})")
_THROTTLES = {
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TooManyRequests",
}
_EXPIRED = {"ExpiredToken", "ExpiredRequest"}  # S3 and Google Cloud Storage; R2
# Azure says so in the detail of AuthenticationFailed, the others in their messages.
_OVER = re.compile(rb"expired|not valid in the specified time frame", re.IGNORECASE)
_LOOKED_AT = 1 << 13  # bytes of a body searched for it
_QUOTE = 160
_BAD_REQUEST = 400
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_PROXY_REFUSES = 407
_GONE = 410
_UNAVAILABLE = 503


def classify(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    past_expiry: bool,
    now: float,
    link: bool = False,
    own: Collection[str] = (),
    missing: Collection[int] = MISSING,
) -> Failure:
    """Classifies an error response and whether a retry may help.

    Args:
        status: HTTP status, 400 or above.
        headers: with lower-case names.
        body: the beginning of the body.
        past_expiry: the link has expired according to the server's clock.
        now: Unix seconds, for Retry-After dates.
        link: the URL is a link that can expire; otherwise a refusal is final.
        own: the request's secrets, see ``redact.own_values``.
        missing: statuses that mean that the file does not exist.
    """
    code = _first(_CODE, body, own)
    text = _first(_MESSAGE, body, own) or summary(body, own=own, limit=_QUOTE)
    known = meaning(status)
    parts = [" ".join(part for part in (f"HTTP {status}", code) if part), known.words, text]
    answer = _Answer(
        status=status,
        code=code,
        text=text.lower(),
        over=_OVER.search(body[:_LOOKED_AT]) is not None,
        message=": ".join(part for part in parts if part),
        wait=parse_retry_after(headers.get("retry-after"), now),
        past_expiry=past_expiry,
        link=link,
    )
    return _time(answer) or _pressure(answer) or _other(answer, known, missing)


class _Answer(NamedTuple):
    status: int
    code: str
    text: str
    over: bool
    message: str
    wait: float | None
    past_expiry: bool
    link: bool


def _time(answer: _Answer) -> Failure | None:
    """Failures caused by an expired link or a wrong clock."""
    if answer.code == "RequestTimeTooSkewed" or "too skewed" in answer.text:
        return Failure(kind=FailureKind.SKEWED, message=answer.message)
    # A 401 to a request with credentials may concern an expired password.
    may_be = answer.status in {_BAD_REQUEST, _FORBIDDEN, _GONE} or (
        answer.link and answer.status == _UNAUTHORIZED
    )
    if may_be and (answer.code in _EXPIRED or answer.over):
        return Failure(kind=FailureKind.EXPIRED, message=answer.message)
    if answer.past_expiry and answer.status in {_FORBIDDEN, _GONE}:
        message = f"{answer.message} (its link had expired)"
        return Failure(kind=FailureKind.EXPIRED, message=message)
    return None


def _pressure(answer: _Answer) -> Failure | None:
    """Failures that mean that the host asks for fewer requests."""
    limited = answer.status == _FORBIDDEN and "rate limit" in answer.text
    if answer.status in {429, _UNAVAILABLE} or answer.code in _THROTTLES or limited:
        return Failure(
            kind=FailureKind.THROTTLED,
            message=answer.message,
            retry=True,
            retry_after=answer.wait,
            pushback=True,
        )
    return None


def _other(answer: _Answer, known: Meaning, missing: Collection[int]) -> Failure:
    """Failures by status, refined by the body."""
    if answer.status == NO_RANGE:
        return Failure(
            kind=FailureKind.CHANGED,
            message="changed during the transfer (HTTP 416)",
            retry=True,
            fresh=True,
        )
    kind, retry = known.kind, known.retry
    if answer.code == "RequestTimeout":
        kind, retry = FailureKind.TIMEOUT, True
    elif answer.status == _BAD_REQUEST and answer.code in {"InvalidArgument", "AccessDenied"}:
        kind = FailureKind.DENIED
    return Failure(
        kind=kind,
        message=answer.message,
        state=SlotState.MISSING if answer.status in missing else SlotState.FAILED,
        retry=retry,
        retry_after=answer.wait if retry else None,
        link=answer.link and not retry and answer.status in OF_LINKS,
    )


def _first(pattern: re.Pattern[bytes], body: bytes, own: Collection[str]) -> str:
    match = pattern.search(body)
    return line(match[1], own=own) if match else ""


_TOO_LARGE = 100  # CURLE_TOO_LARGE, which pycurl does not name
_TEXTS = {
    pycurl.E_COULDNT_RESOLVE_HOST: "could not resolve the host name",
    pycurl.E_COULDNT_RESOLVE_PROXY: "could not resolve the proxy's host name",
    pycurl.E_GOT_NOTHING: "the server closed the connection without a response",
    pycurl.E_RECV_ERROR: "the connection was lost",
    pycurl.E_SEND_ERROR: "the connection was lost",
    # Requests only have http and https URLs: it is the response's version.
    pycurl.E_UNSUPPORTED_PROTOCOL: "the response is not HTTP, or of an unsupported version",
    _TOO_LARGE: "the response's headers are too large",
}
# Earlier versions cannot distinguish a hung handshake from unresponsive addresses.
_TELLS_HANDSHAKES = 0x081700  # 8.23.0
_PREFIX = re.compile(r"SSL(?: certificate)?(?: problem| OpenSSL verify result)?: ")
_OF_TLS = frozenset({pycurl.E_SSL_CONNECT_ERROR, pycurl.E_RECV_ERROR, pycurl.E_SEND_ERROR})
_FINAL = {
    pycurl.E_URL_MALFORMAT: "the URL is malformed",
    pycurl.E_SSL_CACERT_BADFILE: "cannot read the trusted certificates",
}


def words(curl: pycurl.Curl, error: int, message: str, *, seconds: float) -> str:
    """Describes an error in libcurl's words, or ours if they say more.

    Args:
        curl: the transfer's handle.
        error: libcurl's error code.
        message: libcurl's message.
        seconds: the connection timeout.

    Returns:
        For a timeout, which step of connecting did not complete; empty if connected.
    """
    if error == pycurl.E_COULDNT_CONNECT:
        number = curl.getinfo(pycurl.OS_ERRNO)
        return (
            f"could not connect: {os.strerror(number).lower()}" if number else "could not connect"
        )
    if error != pycurl.E_OPERATION_TIMEDOUT:
        return message
    if message.startswith("Operation too slow"):
        return ""
    if not curl.getinfo(pycurl.NAMELOOKUP_TIME):
        missed = "could not resolve the host name"
    elif not curl.getinfo(pycurl.CONNECT_TIME):
        missed = "could not connect to the host"
        if pycurl.version_info()[2] < _TELLS_HANDSHAKES and curl.getinfo(
            pycurl.EFFECTIVE_URL
        ).startswith("https:"):
            missed += ", or complete the TLS handshake,"
    else:
        missed = "the TLS handshake did not complete"
    return f"{missed} within {seconds:g} s"


def explain(error: int, message: str, *, host: str, received: int, expected: int | None) -> Failure:
    """Converts libcurl's error code to a failure; most are worth a retry.

    Args:
        error: libcurl's error code.
        host: the origin of the request.
        message: see ``words``; may contain host names, but no URL query.
        received: bytes of the file present.
        expected: bytes that the response announced.
    """
    if error == pycurl.E_PEER_FAILED_VERIFICATION:
        return Failure(kind=FailureKind.UNREACHABLE, message=_distrust(message, host))
    if error in _FINAL:
        return Failure(kind=FailureKind.UNREACHABLE, message=_FINAL[error])
    if error == pycurl.E_PARTIAL_FILE:
        of = f" of {expected}" if expected else ""
        return Failure(
            kind=FailureKind.TRUNCATED,
            message=f"the connection closed after {received}{of} bytes",
            retry=True,
        )
    where = _way_to(host)
    if error == pycurl.E_OPERATION_TIMEDOUT:
        text = f"{message} ({where})" if message else "stalled: transfer rate too low for too long"
        return Failure(kind=FailureKind.TIMEOUT, message=text, retry=True)
    refused = refusal(message) if error in _OF_TLS else ""
    if refused:
        return Failure(kind=FailureKind.UNREACHABLE, message=f"{refused} ({where})")
    text = _TEXTS.get(error) or line(message) or f"libcurl error {error}"
    return Failure(kind=FailureKind.UNREACHABLE, message=f"{text} ({where})", retry=True)


def _way_to(host: str) -> str:
    """An origin and the proxy on the way to it, if any: either may be the cause."""
    proxy = Proxies().of(host)
    return host if proxy is None else f"{host}, through the {proxy}"


def _distrust(message: str, host: str) -> str:
    """Why a certificate was rejected, with a hint that depends on the reason."""
    reason = _PREFIX.sub("", line(message))
    unknown = "issuer" in reason or "self" in reason
    hint = "; SSL_CERT_FILE sets a custom CA bundle" if unknown else ""
    return f"the certificate of {host} was rejected: {reason or 'not trusted'}{hint}"
