"""What an answer that is not the file means, told from status, S3 error code and body."""

import re
from collections.abc import Mapping

from backhaul.backoff import parse_retry_after
from backhaul.errors import FailureKind
from backhaul.frozen import dataclass
from backhaul.transfer.unit import Failure
from backhaul.types import SlotState

_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9_.]{1,64})\s*</Code>")
_MESSAGE = re.compile(rb"<Message>\s*([^<]{1,300})")
_THROTTLES = {
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TooManyRequests",
}
_QUOTE = 160
_BAD_REQUEST = 400
_FORBIDDEN = 403
_TIMEOUT = 408
_RANGE = 416
_SERVER_ERROR = 500


def classify(
    status: int, headers: Mapping[str, str], body: bytes, *, past_expiry: bool, now: float
) -> Failure:
    """Tells what happened and whether trying again may help.

    Args:
        status: HTTP status, 400 or above.
        headers: lower-case names.
        body: the beginning of the body.
        past_expiry: by the server's clock, the link's own expiry has passed.
        now: unix seconds, for Retry-After in its date form.
    """
    code = _first(_CODE, body)
    text = _first(_MESSAGE, body) or _plain(body)
    answer = _Answer(
        status=status,
        code=code,
        text=text.lower(),
        message=f"HTTP {status}" + (f" {code}" if code else "") + (f": {text}" if text else ""),
        wait=parse_retry_after(headers.get("retry-after"), now),
        past_expiry=past_expiry,
    )
    return _link(answer) or _pressure(answer) or _refusal(answer) or _trouble(answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    code: str
    text: str
    message: str
    wait: float | None
    past_expiry: bool


def _link(answer: _Answer) -> Failure | None:
    """The link's time, and the clocks that it is told by."""
    if answer.code == "RequestTimeTooSkewed" or "too skewed" in answer.text:
        return Failure(kind=FailureKind.SKEWED, message=answer.message)
    may_be = answer.status in {400, 403, 410}  # a 401 may speak of an expired password
    if may_be and (answer.code == "ExpiredToken" or "expired" in answer.text):
        return Failure(kind=FailureKind.EXPIRED, message=answer.message)
    if answer.status == _FORBIDDEN and answer.past_expiry:
        message = f"{answer.message} (its link was past its time)"
        return Failure(kind=FailureKind.EXPIRED, message=message)
    return None


def _pressure(answer: _Answer) -> Failure | None:
    """The host asks for less."""
    limited = answer.status == _FORBIDDEN and "rate limit" in answer.text
    if answer.status in {429, 503} or answer.code in _THROTTLES or limited:
        return Failure(
            kind=FailureKind.THROTTLED,
            message=answer.message,
            retry=True,
            retry_after=answer.wait,
            pushback=True,
        )
    return None


def _refusal(answer: _Answer) -> Failure | None:
    """No, and asking again will not help."""
    misused = answer.status == _BAD_REQUEST and answer.code in {"InvalidArgument", "AccessDenied"}
    if answer.status in {401, 403, 407} or misused:
        return Failure(kind=FailureKind.DENIED, message=answer.message)
    if answer.status in {404, 410}:
        return Failure(kind=FailureKind.NOT_FOUND, message=answer.message, state=SlotState.MISSING)
    return None


def _trouble(answer: _Answer) -> Failure:
    """The server's trouble, or ours; most pass."""
    if answer.status == _RANGE:
        return Failure(
            kind=FailureKind.CHANGED,
            message="changed while it was fetched (HTTP 416)",
            retry=True,
            fresh=True,
        )
    if answer.status == _TIMEOUT or answer.code == "RequestTimeout":
        return Failure(
            kind=FailureKind.TIMEOUT, message=answer.message, retry=True, retry_after=answer.wait
        )
    if answer.status >= _SERVER_ERROR:
        return Failure(
            kind=FailureKind.UNREACHABLE,
            message=answer.message,
            retry=True,
            retry_after=answer.wait,
        )
    return Failure(kind=FailureKind.NOT_FOUND, message=answer.message)


def _first(pattern: re.Pattern[bytes], body: bytes) -> str:
    match = pattern.search(body)
    return " ".join(match[1].decode("utf-8", "replace").split()) if match else ""


def _plain(body: bytes) -> str:
    head = body[:2048].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head or b"\0" in head or head.startswith(b"\x1f\x8b"):
        return ""
    text = re.sub(r"<[^>]*>", " ", head.decode("utf-8", "replace"))
    text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return text[:_QUOTE]
