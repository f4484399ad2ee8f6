"""What went wrong with a transfer, by libcurl's error, the answer's status, headers and body, or the file itself."""

import os
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import pycurl

from backhaul.backoff import parse_retry_after
from backhaul.descriptors import ScarceError, is_scarce
from backhaul.errors import FailureKind
from backhaul.foreign import line, summary
from backhaul.oserrors import describe
from backhaul.redact import own_values
from backhaul.secret import Secret
from backhaul.statuses import OF_LINKS, Meaning, meaning
from backhaul.storage.destination import BY_NAME
from backhaul.transfer.body import Body
from backhaul.transfer.head import Head
from backhaul.transfer.hosts import Host
from backhaul.transfer.signed import may_have_expired
from backhaul.transfer.unit import Failure
from backhaul.types import MISSING, Content, RemoteFile, SlotState
from backhaul.verify.fault import VerifyFault

SKEW = 300.0  # seconds between our clock and the server's that are worth a word
_CLOCKED = frozenset({FailureKind.EXPIRED, FailureKind.DENIED, FailureKind.SKEWED})
_CLIENT_ERROR = 400


def judge(host: Host, body: Body, head: Head, *, error: int, message: str) -> Failure:
    """Why an attempt failed.

    Args:
        host: whom was asked.
        body: what has arrived.
        head: the answer's status and headers.
        error: libcurl's code, 0 when the exchange itself went well.
        message: libcurl's words.
    """
    if body.refusal is not None and body.offset >= 0:
        return body.refusal
    if body.part is not None and body.part.error is not None:
        return content_failure(body.part.error)
    if error and head.status < _CLIENT_ERROR:
        return explain(error, message, host=host.name, received=body.size, expected=body.expected)
    if head.status < _CLIENT_ERROR:
        return Failure(
            kind=FailureKind.NOT_DATA, message=f"HTTP {head.status} where a file should be"
        )
    return _with_clock(host, _classified(host, body, head, b"".join(body.error)))


def part_failure(body: Body) -> Failure:
    """Why an answer that came to its end does not bring the file to its end."""
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
    """What of the request must not be repeated in a message."""
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
    """Names a wrong local clock where it may be to blame."""
    if host.offset is None or abs(host.offset) <= SKEW or failure.kind not in _CLOCKED:
        return failure
    way = "behind" if host.offset > 0 else "ahead of"
    minutes = f"{abs(host.offset) / 60:.0f} minutes"
    return replace(
        failure, message=f"{failure.message}; this machine's clock is {minutes} {way} the server's"
    )


def content_failure(error: VerifyFault | OSError | None) -> Failure:
    """Why a file that came cannot be kept."""
    if isinstance(error, OSError):
        if is_scarce(error.errno):
            return scarce()
        # A file where a folder should be, or the other way round: the name's fault, not the disk's.
        kind = FailureKind.UNSAFE_NAME if error.errno in BY_NAME else FailureKind.DISK
        return Failure(kind=kind, message=f"cannot be written: {describe(error)}")
    if error is None:
        return Failure(kind=FailureKind.CORRUPT, message="could not be verified")
    state = SlotState.FAILED if error.kind is FailureKind.NOT_DATA else SlotState.CORRUPT
    return Failure(kind=error.kind, message=error.message, state=state)


def scarce() -> Failure:
    """There were no descriptors left; that passes."""
    error = ScarceError()
    return Failure(kind=error.kind, message=error.message, retry=True, fresh=True, local=True)


def size_failure(file: RemoteFile, content: Content) -> Failure | None:
    """Whether a whole file has the size that the provider listed."""
    if file.size is None or file.size == content.size:
        return None
    kind = FailureKind.TRUNCATED if content.size < file.size else FailureKind.CHANGED
    message = f"has {content.size} bytes, the provider lists {file.size}"
    return Failure(kind=kind, message=message, state=SlotState.CORRUPT)


_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9_.]{1,64})\s*</Code>")
_MESSAGE = re.compile(rb"<Message>\s*([^<]{1,1000})")
_THROTTLES = {
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TooManyRequests",
}
_EXPIRED = {"ExpiredToken", "ExpiredRequest"}  # of S3 and Google Cloud Storage; of R2
# Azure says so in the detail of an AuthenticationFailed; the others in their messages.
_OVER = re.compile(rb"expired|not valid in the specified time frame", re.IGNORECASE)
_LOOKED_AT = 1 << 13  # bytes of a body that are searched for that
_QUOTE = 160
_BAD_REQUEST = 400
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_GONE = 410
_RANGE = 416
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
    """Tells what happened and whether trying again may help.

    Args:
        status: HTTP status, 400 or above.
        headers: lower-case names.
        body: the beginning of the body.
        past_expiry: by the server's clock, the link's own expiry has passed.
        now: unix seconds, for Retry-After in its date form.
        link: what was asked is a link that can expire; else a refusal means what it says.
        own: what of the request must not be repeated, see ``redact.own_values``.
        missing: statuses that say that the file is not there.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    code: str
    text: str
    over: bool
    message: str
    wait: float | None
    past_expiry: bool
    link: bool


def _time(answer: _Answer) -> Failure | None:
    """The link's time, and the clocks that it is told by."""
    if answer.code == "RequestTimeTooSkewed" or "too skewed" in answer.text:
        return Failure(kind=FailureKind.SKEWED, message=answer.message)
    # A 401 to a request with credentials may speak of an expired password.
    may_be = answer.status in {_BAD_REQUEST, _FORBIDDEN, _GONE} or (
        answer.link and answer.status == _UNAUTHORIZED
    )
    if may_be and (answer.code in _EXPIRED or answer.over):
        return Failure(kind=FailureKind.EXPIRED, message=answer.message)
    if answer.past_expiry and answer.status in {_FORBIDDEN, _GONE}:
        message = f"{answer.message} (its link was past its time)"
        return Failure(kind=FailureKind.EXPIRED, message=message)
    return None


def _pressure(answer: _Answer) -> Failure | None:
    """The host asks for less."""
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
    """What the status says, unless the body knows better."""
    if answer.status == _RANGE:
        return Failure(
            kind=FailureKind.CHANGED,
            message="changed while it was fetched (HTTP 416)",
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


_TEXTS = {
    pycurl.E_COULDNT_RESOLVE_HOST: "the host name cannot be resolved",
    pycurl.E_COULDNT_RESOLVE_PROXY: "the proxy's host name cannot be resolved",
    pycurl.E_GOT_NOTHING: "the server closed the connection without an answer",
    pycurl.E_RECV_ERROR: "the connection broke",
    pycurl.E_SEND_ERROR: "the connection broke",
}
# Before this version libcurl does not tell a hung handshake from addresses that do not answer.
_TELLS_HANDSHAKES = 0x081700  # 8.23.0
_PREFIX = re.compile(r"SSL(?: certificate)?(?: problem| OpenSSL verify result)?: ")
_FINAL = {
    pycurl.E_URL_MALFORMAT: "the URL is malformed",
    pycurl.E_UNSUPPORTED_PROTOCOL: "the URL's scheme is not supported",
    pycurl.E_SSL_CACERT_BADFILE: "the file of trusted certificates cannot be read",
}


def words(curl: pycurl.Curl, error: int, message: str, *, seconds: float) -> str:
    """What to say of an error: libcurl's own words, or ours where they tell more.

    Args:
        curl: whose transfer it was.
        error: libcurl's code.
        message: libcurl's words.
        seconds: that there were for the connection.

    Returns:
        Of a timeout, what was not done in time before the connection was there; empty: it was.
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
    """Turns libcurl's code into a failure; most are worth another try.

    Args:
        error: libcurl's code.
        host: whom was asked, as an origin.
        message: see ``words``; it may hold host names, never a URL's query.
        received: bytes of the file that are here.
        expected: bytes that the answer promised.
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
    if error == pycurl.E_OPERATION_TIMEDOUT:
        text = f"{message} ({host})" if message else "stalled: too few bytes for too long"
        return Failure(kind=FailureKind.TIMEOUT, message=text, retry=True)
    text = _TEXTS.get(error) or line(message) or f"libcurl error {error}"
    return Failure(kind=FailureKind.UNREACHABLE, message=f"{text} ({host})", retry=True)


def _distrust(message: str, host: str) -> str:
    """Why a certificate is refused; what to do depends on the reason."""
    reason = _PREFIX.sub("", line(message))
    unknown = "issuer" in reason or "self" in reason
    hint = "; SSL_CERT_FILE names a bundle of your own" if unknown else ""
    return f"the certificate of {host} is refused: {reason or 'not trusted'}{hint}"
