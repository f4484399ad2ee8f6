"""What a store's errors mean: obstore's and botocore's, by status, code and text."""

import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, Final, NamedTuple

from backhaul.errors import FailureKind
from backhaul.foreign import line
from backhaul.oserrors import StoreError
from backhaul.redact import redact

_STATUS: Final = re.compile(r"status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>(\w{1,80})</Code>")
_REASON: Final = re.compile(r"\"?reason\"?: ?\\?\"(\w{1,80})\\?\"")
_DENIED_ADVICE: Final = "; check the store's credentials and the bucket's policy"
_METADATA: Final = ("169.254.169.254", "metadata.google.internal", "/metadata/identity/")
_TIMEOUTS: Final = ("TimedOut", "timed out", "timeout on")
_LONGEST: Final = 300  # characters of a URL in a message
_NO_KEY: Final = "the key that was used is not valid for this store"
_HINTS: Final[Mapping[str, str]] = {
    "SignatureDoesNotMatch": "the secret key is wrong",
    "InvalidAccessKeyId": _NO_KEY,
    "ExpiredToken": "the session token has expired: renew it",
    "AuthorizationHeaderMalformed": "the bucket is in another region: set store.region",
    "PermanentRedirect": "the bucket is in another region: set store.region",
    "InvalidStorageClass": "the store does not have this storage class: change store.storage_class",
    "NotImplemented": "the store does not support conditional writes, which backhaul requires",
    "KeyTooLongError": "the store does not accept keys of this length: use a shorter prefix",
}


class Meaning(Enum):
    """What to do about an error."""

    ABSENT = auto()  # there is no such object
    TAKEN = auto()  # a condition failed: the object exists, or is another one now
    THROTTLED = auto()  # retry, with fewer requests at once
    TRANSIENT = auto()  # retry
    KEY = auto()  # fails, for this key alone
    FINAL = auto()  # fails


class Judged(NamedTuple):
    """An error, and what it means.

    Attributes:
        meaning: what to do.
        kind: of the failure, if it is final or lasts.
        text: what the store said, without secrets and in one line.
    """

    meaning: Meaning
    kind: FailureKind
    text: str


_BAD_KEY: Final = Judged(Meaning.KEY, FailureKind.STORE, "")
_REFUSED: Final = Judged(Meaning.FINAL, FailureKind.STORE, "")
_AGAIN: Final = Judged(Meaning.TRANSIENT, FailureKind.STORE, "")
_TAKEN: Final = Judged(Meaning.TAKEN, FailureKind.STORE, "")
_ABSENT: Final = Judged(Meaning.ABSENT, FailureKind.STORE, "")
_DENIED: Final = Judged(Meaning.FINAL, FailureKind.DENIED, "")
_BUSY: Final = Judged(Meaning.THROTTLED, FailureKind.STORE, ": it is overloaded")
_FULL: Final = Judged(
    Meaning.FINAL, FailureKind.STORE, ": the store is full, or a quota is reached"
)
_NO_BUCKET: Final = Judged(Meaning.FINAL, FailureKind.STORE, ": there is no such bucket")
_CLOCK: Final = Judged(Meaning.FINAL, FailureKind.SKEWED, ": this machine's clock is wrong")
# By code, which counts for more than the status.
_CODES: Final[Mapping[str, Judged]] = {
    "NoSuchBucket": _NO_BUCKET,
    "ContainerNotFound": _NO_BUCKET,
    "ExpiredToken": _DENIED,
    "InvalidToken": _DENIED,
    "InvalidAccessKeyId": _DENIED,
    "QuotaExceeded": _FULL,
    "XMinioStorageFull": _FULL,
    "SlowDown": _BUSY,
    "ServerBusy": _BUSY,
    "Throttling": _BUSY,
    "ThrottlingException": _BUSY,
    "RequestLimitExceeded": _BUSY,
    "RequestTimeout": _AGAIN,
    "InternalError": _AGAIN,
    "KeyTooLongError": _BAD_KEY,
    "OperationAborted": _AGAIN,
    "ConditionalRequestConflict": _AGAIN,
    "RequestTimeTooSkewed": _CLOCK,
}
_STATUSES: Final[Mapping[int, Judged]] = {
    401: _DENIED,
    403: _DENIED,
    404: _ABSENT,
    408: _AGAIN,
    409: _TAKEN,
    412: _TAKEN,
    429: _BUSY,
    500: _AGAIN,
    502: _AGAIN,
    503: _BUSY,
    504: _AGAIN,
    507: _FULL,
}
_CONDITIONS: Final = frozenset({"AlreadyExistsError", "PreconditionError"})


class RefusedError(StoreError):
    """One object cannot be written; others can."""


class ConflictError(Exception):
    """A condition failed: the object exists, or is another one now."""


def judge(error: BaseException) -> Judged:
    """Classifies an exception of obstore, botocore or the operating system."""
    answer: Any = getattr(error, "response", None)  # botocore's ClientError
    if isinstance(answer, dict):
        status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        code = str(answer.get("Error", {}).get("Code", ""))
        return _answered(status, "" if code.isdigit() else code[:80])
    text = str(error)
    found = _STATUS.search(text)
    if found is not None and not any(each in text for each in _METADATA):
        named = _CODE.search(text) or _REASON.search(text)
        return _answered(int(found[1]), named[1] if named else "", type(error).__name__)
    return _unanswered(error, text)


def _answered(status: int, code: str, name: str = "") -> Judged:
    said = f"the store answers {status}" + (f" ({code})" if code else "")
    if code in _HINTS:
        said += f"; {_HINTS[code]}"
    known = _CODES.get(code) or _STATUSES.get(status)
    if known is None and name in _CONDITIONS:
        known = _TAKEN
    meaning, kind, hint = known or _REFUSED
    return Judged(meaning, kind, f"{said}{hint}")


def _unanswered(error: BaseException, text: str) -> Judged:
    kind = type(error).__name__
    if any(each in text for each in _METADATA) or kind in {
        "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError",
        "TokenRetrievalError", "UnauthorizedSSOTokenError", "SSOTokenLoadError",
        "UnauthenticatedError",
    }:  # fmt: skip
        return Judged(
            Meaning.FINAL, FailureKind.DENIED, "no valid credentials were found for the store"
        )
    if isinstance(error, ValueError):
        return Judged(
            Meaning.KEY, FailureKind.STORE, f"the store cannot have this key: {_short(text)}"
        )
    if kind in _CONDITIONS:
        return Judged(Meaning.TAKEN, FailureKind.STORE, "the object exists")
    if isinstance(error, FileNotFoundError):
        return Judged(Meaning.ABSENT, FailureKind.STORE, "the object does not exist")
    if isinstance(error, TimeoutError) or any(each in text for each in _TIMEOUTS):
        # Too many at once may be why, where the line is slow.
        return Judged(Meaning.THROTTLED, FailureKind.STORE, "the store does not answer: timed out")
    return Judged(
        Meaning.TRANSIENT, FailureKind.STORE, f"the store cannot be reached: {_reason(text)}"
    )


def _reason(text: str) -> str:
    """The innermost cause that an error of obstore names."""
    for words, told in (
        ("ConnectionRefused", "connection refused"),
        ("onnection refused", "connection refused"),
        ("dns error", "its host name cannot be resolved"),
        ("Could not connect", "connection refused"),
        ("ConnectionReset", "the connection was reset"),
        ("onnection reset", "the connection was reset"),
        ("IncompleteMessage", "the connection was closed before the answer"),
        ("onnection was closed", "the connection was closed before the answer"),
        ("ertificate", "its certificate is not trusted"),
    ):
        if words in text:
            return told
    return _short(text)


def _short(text: str) -> str:
    return redact(line(text.partition("\n")[0].rpartition(" - ")[2]))[:200]


def as_error(judged: Judged, where: str, *, after: str = "") -> StoreError:
    """The error to raise for a final failure."""
    error = RefusedError if judged.meaning is Meaning.KEY else StoreError
    shown = where if len(where) <= _LONGEST else f"{where[:_LONGEST]}..."
    advice = _DENIED_ADVICE if judged.kind is FailureKind.DENIED else ""
    return error(f"{shown}: {judged.text}{after}{advice}", kind=judged.kind)
