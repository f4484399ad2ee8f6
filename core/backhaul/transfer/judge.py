"""What went wrong with a transfer, told from all that is known of it."""

import time
from dataclasses import replace

from backhaul.descriptors import ScarceError, is_scarce
from backhaul.errors import FailureKind
from backhaul.oserrors import describe
from backhaul.redact import own_values
from backhaul.secret import Secret
from backhaul.storage.destination import BY_NAME
from backhaul.transfer.body import Body
from backhaul.transfer.classify import classify
from backhaul.transfer.curl_errors import explain
from backhaul.transfer.head import Head
from backhaul.transfer.hosts import Host
from backhaul.transfer.signed import may_have_expired
from backhaul.transfer.unit import Failure
from backhaul.types import Content, RemoteFile, SlotState
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
