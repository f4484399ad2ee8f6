"""Interprets responses: converts status codes and library exceptions to backhaul's errors."""

import io
import json
import time
from collections.abc import Container
from typing import Any, BinaryIO

import requests
import urllib3

from backhaul.backoff import parse_date, parse_retry_after
from backhaul.errors import (
    AuthError,
    BackhaulError,
    ConfigError,
    FailureKind,
    NotDataError,
    NotFoundError,
    ProviderError,
    ThrottledError,
    UnreachableError,
)
from backhaul.foreign import line, quote
from backhaul.http.origins import bare
from backhaul.http.proxies import Proxy, refused_by
from backhaul.http.tls import refusal
from backhaul.redact import own_values
from backhaul.statuses import ERROR, NO_RANGE, OF_LINKS, PARTIAL, meaning

MAX_VALUES = 4_000_000
"""Maximum number of values in a JSON response, estimated from commas and brackets; each takes about 90 bytes of memory."""
_PROXY_REFUSES = 407
_ERRORS: dict[FailureKind, type[BackhaulError]] = {
    FailureKind.DENIED: AuthError,
    FailureKind.NOT_FOUND: NotFoundError,
    FailureKind.NOT_DATA: NotDataError,
    FailureKind.THROTTLED: ThrottledError,
    FailureKind.TIMEOUT: UnreachableError,
    FailureKind.UNREACHABLE: UnreachableError,
}
_PIECE = 1 << 16


class UntrustedError(UnreachableError):
    """A secure TLS connection is impossible, for example because of an untrusted certificate; do not retry."""


def shows_end(response: requests.Response, body: BinaryIO) -> bool:
    """Whether a download's end is shown: by the protocol, or as that of a JSON or gzip document.

    The body of an HTTP/1.0 response without Content-Length ends when the connection does, for whatever reason.
    """
    if "Content-Length" in response.headers or "Transfer-Encoding" in response.headers:
        return True
    start = body.read(64).lstrip()
    body.seek(0)
    return start[:1] in {b"{", b"["} or start.startswith(b"\x1f\x8b")


def read_body(response: requests.Response, cap: int, into: BinaryIO | None = None) -> None:
    """Read the whole body into the response, or into a file instead.

    Raises NotDataError if it exceeds `cap` bytes.
    """
    body = io.BytesIO() if into is None else into
    body.seek(0)
    body.truncate()
    size = 0
    whole = False
    try:
        for piece in response.raw.stream(_PIECE, decode_content=True):
            size += body.write(piece)
            if size > cap:
                raise NotDataError(f"the response is larger than {cap} bytes")
        whole = True
        body.seek(0)
    finally:
        if not whole:
            # The unread rest of the body would be taken for the next response.
            response.close()
    # requests stores the body in these two attributes.
    response._content = b"" if into is not None else body.getvalue()  # type: ignore[attr-defined]  # noqa: SLF001 - no public setter
    response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001 - as above


def error_of(
    response: requests.Response, allow: Container[int], proxy: Proxy | None = None
) -> BackhaulError | None:
    """The error for a response; None if it succeeded or its status is allowed."""
    status = response.status_code
    if status == PARTIAL and "Range" not in response.request.headers:
        where = f"{response.request.method} {bare(response.url)}"
        return UnreachableError(
            f"{where}: HTTP 206 (partial content) in response to a request for the whole"
        )
    if status < ERROR or status in allow:
        return None
    if status == _PROXY_REFUSES:
        return AuthError(refused_by(proxy))
    now = parse_date(response.headers.get("Date")) or time.time()
    retry_after = parse_retry_after(response.headers.get("Retry-After"), now)
    known = meaning(status)
    kind: type[BackhaulError] = _ERRORS.get(known.kind, ProviderError)
    error = kind(_message(response), retry_after=retry_after)
    if known.kind is FailureKind.TIMEOUT:
        error.kind = FailureKind.TIMEOUT
    error.response = response
    return error


def is_worth_retrying(error: BackhaulError, *, idempotent: bool, first: bool = False) -> bool:
    """Whether the same call may be repeated and could succeed.

    If the target of a redirect refuses the ``first`` attempt, its link may be stale; repeating the call
    returns a new one.
    """
    response = error.response
    if response is None:
        hopeless = isinstance(error, UntrustedError) or not isinstance(error, UnreachableError)
        return idempotent and not hopeless
    if first and idempotent and response.history and response.status_code in OF_LINKS:
        return True
    known = meaning(response.status_code)
    return known.retry and (idempotent or known.refused) and response.status_code != NO_RANGE


def error_from(cause: Exception, method: str, url: str) -> BackhaulError:
    """Converts an exception of requests or urllib3."""
    where = f"{method} {bare(url)}"
    if isinstance(cause, BackhaulError):
        return _with_place(cause, where)
    if isinstance(cause, requests.exceptions.InvalidHeader):
        return ConfigError(f"{where}: invalid character in a header")
    invalid = (
        requests.exceptions.InvalidURL,
        requests.exceptions.InvalidSchema,
        requests.exceptions.MissingSchema,
        urllib3.exceptions.LocationValueError,
    )
    plainly = isinstance(cause, ValueError) and not isinstance(cause, requests.RequestException)
    if isinstance(cause, invalid) or plainly:
        return ProviderError(f"{where}: invalid URL")
    if isinstance(cause, requests.exceptions.ContentDecodingError | urllib3.exceptions.DecodeError):
        return NotDataError(f"{where}: the response body does not match its Content-Encoding")
    reason = _reason(cause)
    refused = refusal(reason) if "[SSL" in reason else ""
    if refused or "CERTIFICATE_VERIFY_FAILED" in str(cause):
        return UntrustedError(f"{where}: {refused or reason}")
    error = UnreachableError(f"{where}: {reason}")
    if isinstance(cause, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
        error.kind = FailureKind.TIMEOUT
    return error


def parse_json(body: bytes, where: str = "the response") -> Any:
    """Parses a JSON body. Raises NotDataError if it is invalid, too deep or has too many values.

    A body of many small values takes far more memory than its size, so their number is limited.
    """
    values = sum(map(body.count, (b",", b"[", b"{")))
    if values > MAX_VALUES:
        raise NotDataError(f"{where}: JSON with more than {MAX_VALUES:,} values")
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except RecursionError:
        raise NotDataError(f"{where}: JSON is nested too deeply") from None
    except ValueError as error:
        detail = error.msg if isinstance(error, json.JSONDecodeError) else "invalid"
        raise NotDataError(f"{where}: not JSON ({detail}): {quote(body)}") from None


def proxy_error(cause: Exception, proxy: Proxy | None) -> BackhaulError | None:
    """The error for an exception caused by the proxy; None if the proxy is not the cause."""
    socks = proxy is not None and proxy.url.startswith("socks")
    blamed = requests.ConnectionError if socks else requests.exceptions.ProxyError
    if proxy is None or not isinstance(cause, blamed):
        return None
    if f" {_PROXY_REFUSES} " in str(cause):  # urllib3 gives CONNECT's status only in the message
        return AuthError(refused_by(proxy))
    return UnreachableError(f"cannot connect through the {proxy}: {_reason(cause)}")


def _message(response: requests.Response) -> str:
    method = response.request.method or "GET"
    own = own_values(response.request.url or "")
    reason = line(response.reason or "", own=own, limit=60)
    status = f"{response.status_code} {reason}".strip()
    return f"{method} {bare(response.url)}: {status}: {quote(response.content, own=own)}"


def _with_place(error: BackhaulError, where: str) -> BackhaulError:
    if where not in error.message:
        error.message = f"{where}: {error.message}"
        error.args = (error.message,)
    return error


def _reason(cause: BaseException) -> str:
    """The innermost cause's message: outer ones repeat the URL and contain object ids."""
    seen = 0
    while seen < 10:  # noqa: PLR2004 - guards against cycles
        inner = getattr(cause, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((arg for arg in cause.args if isinstance(arg, BaseException)), None)
        if inner is None:
            inner = cause.__cause__
        if inner is None or inner is cause:
            break
        cause, seen = inner, seen + 1
    if isinstance(cause, OSError) and cause.strerror:
        text = cause.strerror
    elif cause.args and isinstance(cause.args[-1], str):
        text = cause.args[-1].rpartition("object at 0x")[2].rpartition(">: ")[2]
    else:
        text = ""
    return line(text) or type(cause).__name__


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not valid JSON")
