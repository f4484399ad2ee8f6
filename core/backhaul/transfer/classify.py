"""What an answer that is not the file means, told from status, S3 error code and body."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from backhaul.backoff import parse_retry_after
from backhaul.errors import FailureKind
from backhaul.foreign import line, summary
from backhaul.statuses import OF_LINKS, Meaning, meaning
from backhaul.transfer.unit import Failure
from backhaul.types import MISSING, SlotState

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
