"""What an answer that is not the file means, told from status, S3 error code and body."""

import re
from collections.abc import Mapping

from backhaul.backoff import parse_retry_after
from backhaul.errors import FailureKind
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
    message = f"HTTP {status}" + (f" {code}" if code else "") + (f": {text}" if text else "")
    wait = parse_retry_after(headers.get("retry-after"), now)
    lowered = text.lower()
    if code == "RequestTimeTooSkewed" or "too skewed" in lowered:
        return Failure(kind=FailureKind.SKEWED, message=message)
    if code == "ExpiredToken" or (status in {400, 401, 403, 410} and "expired" in lowered):
        return Failure(kind=FailureKind.EXPIRED, message=message)
    if status == 403 and past_expiry:  # noqa: PLR2004
        return Failure(kind=FailureKind.EXPIRED, message=f"{message} (its link was past its time)")
    if status == 429 or code in _THROTTLES or (status == 403 and "rate limit" in lowered):  # noqa: PLR2004
        return Failure(
            kind=FailureKind.THROTTLED, message=message, retry=True, retry_after=wait, pushback=True
        )
    if status == 503:  # noqa: PLR2004
        return Failure(
            kind=FailureKind.THROTTLED, message=message, retry=True, retry_after=wait, pushback=True
        )
    if status in {401, 403, 407} or (status == 400 and code in {"InvalidArgument", "AccessDenied"}):  # noqa: PLR2004
        return Failure(kind=FailureKind.DENIED, message=message)
    if status in {404, 410}:
        return Failure(kind=FailureKind.NOT_FOUND, message=message, state=SlotState.MISSING)
    if status == 408 or code == "RequestTimeout":  # noqa: PLR2004
        return Failure(kind=FailureKind.TIMEOUT, message=message, retry=True, retry_after=wait)
    if status == 416:  # noqa: PLR2004
        return Failure(
            kind=FailureKind.CHANGED,
            message="changed while it was fetched (HTTP 416)",
            retry=True,
            fresh=True,
        )
    if status >= 500:  # noqa: PLR2004
        return Failure(kind=FailureKind.UNREACHABLE, message=message, retry=True, retry_after=wait)
    return Failure(kind=FailureKind.NOT_FOUND, message=message)


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
