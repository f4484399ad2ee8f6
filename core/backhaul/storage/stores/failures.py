"""Classifies the errors of stores, from obstore and botocore, by status, code and text."""

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
_REGION: Final = "the bucket is in another region: set store.region"
_REDIRECTED: Final = "incorrectly configured region"  # obstore's words for PermanentRedirect
_INCOMPLETE: Final = (
    "Unable to extract metadata from headers"  # obstore's words: there is no ETag, say
)
_NO_LIST: Final = "invalid list response"
_NO_STORE: Final = "the endpoint does not respond like an object store: check store.endpoint"
_HINTS: Final[Mapping[str, str]] = {
    "SignatureDoesNotMatch": "the secret key is wrong",
    "InvalidAccessKeyId": _NO_KEY,
    "ExpiredToken": "the session token has expired: renew it",
    "AuthorizationHeaderMalformed": _REGION,
    "PermanentRedirect": _REGION,
    "InvalidStorageClass": "the store does not have this storage class: change store.storage_class",
    "NotImplemented": "the store does not support conditional writes, which backhaul requires",
    "KeyTooLongError": "the store does not accept keys of this length: use a shorter prefix",
    "InvalidObjectState": "the object is in cold storage: restore it first",
}


class Meaning(Enum):
    """What to do about an error."""

    ABSENT = auto()  # the object does not exist
    TAKEN = auto()  # a condition failed: the object exists, or has been replaced
    THROTTLED = auto()  # retry, with fewer requests at once
    TRANSIENT = auto()  # retry
    KEY = auto()  # fails, but only for this key
    FINAL = auto()  # fails


class Classified(NamedTuple):
    """An error and its meaning.

    Attributes:
        meaning: what to do.
        kind: the failure's kind, if it is final or persists.
        text: the store's message, without secrets, on one line.
    """

    meaning: Meaning
    kind: FailureKind
    text: str


_BAD_KEY: Final = Classified(Meaning.KEY, FailureKind.STORE, "")
_REFUSED: Final = Classified(Meaning.FINAL, FailureKind.STORE, "")
_AGAIN: Final = Classified(Meaning.TRANSIENT, FailureKind.STORE, "")
_TAKEN: Final = Classified(Meaning.TAKEN, FailureKind.STORE, "")
_ABSENT: Final = Classified(Meaning.ABSENT, FailureKind.STORE, "")
_DENIED: Final = Classified(Meaning.FINAL, FailureKind.DENIED, "")
_BUSY: Final = Classified(Meaning.THROTTLED, FailureKind.STORE, ": it is overloaded")
_FULL: Final = Classified(
    Meaning.FINAL, FailureKind.STORE, ": the store is full, or a quota was reached"
)
_NO_BUCKET: Final = Classified(Meaning.FINAL, FailureKind.STORE, ": the bucket does not exist")
_CLOCK: Final = Classified(Meaning.FINAL, FailureKind.SKEWED, ": this machine's clock is wrong")
# By code, which takes precedence over the status.
_CODES: Final[Mapping[str, Classified]] = {
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
    "EntityTooLarge": _BAD_KEY,
    "InvalidObjectState": _BAD_KEY,
    "BadDigest": _AGAIN,  # for bytes damaged in transit, like the next three
    "XAmzContentSHA256Mismatch": _AGAIN,
    "XAmzContentChecksumMismatch": _AGAIN,
    "IncompleteBody": _AGAIN,
    "OperationAborted": _AGAIN,
    "ConditionalRequestConflict": _AGAIN,
    "RequestTimeTooSkewed": _CLOCK,
}
_STATUSES: Final[Mapping[int, Classified]] = {
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
    """A condition failed: the object exists, or has been replaced."""


def judge(error: BaseException) -> Classified:
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


def _answered(status: int, code: str, name: str = "") -> Classified:
    message = f"the store returned {status}" + (f" ({code})" if code else "")
    if code in _HINTS:
        message += f"; {_HINTS[code]}"
    known = _CODES.get(code) or _STATUSES.get(status)
    if known is None and name in _CONDITIONS:
        known = _TAKEN
    meaning, kind, hint = known or _REFUSED
    return Classified(meaning, kind, f"{message}{hint}")


def _unanswered(error: BaseException, text: str) -> Classified:
    kind = type(error).__name__
    if any(each in text for each in _METADATA) or kind in {
        "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError",
        "TokenRetrievalError", "UnauthorizedSSOTokenError", "SSOTokenLoadError",
        "UnauthenticatedError",
    }:  # fmt: skip
        return Classified(
            Meaning.FINAL, FailureKind.DENIED, "no valid credentials were found for the store"
        )
    if isinstance(error, ValueError):
        return Classified(
            Meaning.KEY, FailureKind.STORE, f"the store does not allow this key: {_short(text)}"
        )
    if kind in _CONDITIONS:
        return Classified(Meaning.TAKEN, FailureKind.STORE, "the object exists")
    if isinstance(error, FileNotFoundError):
        return Classified(Meaning.ABSENT, FailureKind.STORE, "the object does not exist")
    if isinstance(error, TimeoutError) or any(each in text for each in _TIMEOUTS):
        # On a slow line, the reason may be too many requests at once.
        return Classified(
            Meaning.THROTTLED, FailureKind.STORE, "the store does not respond: timed out"
        )
    if _REDIRECTED in text:
        meaning, what = Meaning.FINAL, _REGION
    elif _INCOMPLETE in text or _NO_LIST in text:
        # A list may have been replaced by a proxy's error page.
        meaning = Meaning.FINAL if _INCOMPLETE in text else Meaning.TRANSIENT
        what = f"{_NO_STORE} ({_short(text).rpartition(': ')[2]})"
    else:
        meaning, what = Meaning.TRANSIENT, f"the store cannot be reached: {_reason(text)}"
    return Classified(meaning, FailureKind.STORE, what)


def _reason(text: str) -> str:
    """The innermost cause that an error of obstore names."""
    for words, hint in (
        ("ConnectionRefused", "connection refused"),
        ("onnection refused", "connection refused"),
        ("dns error", "its host name cannot be resolved"),
        ("Could not connect", "connection refused"),
        ("ConnectionReset", "the connection was reset"),
        ("onnection reset", "the connection was reset"),
        ("IncompleteMessage", "the connection was closed before the response"),
        ("onnection was closed", "the connection was closed before the response"),
        ("ertificate", "its certificate is not trusted"),
        ("InvalidContentType", "it does not use TLS: start the endpoint with http://"),
        ("WRONG_VERSION_NUMBER", "it does not use TLS: start the endpoint with http://"),
    ):
        if words in text:
            return hint
    return _short(text)


def _short(text: str) -> str:
    return redact(line(text.partition("\n")[0].rpartition(" - ")[2]))[:200]


def as_error(judged: Classified, where: str, *, after: str = "") -> StoreError:
    """The error to raise for a final failure."""
    error = RefusedError if judged.meaning is Meaning.KEY else StoreError
    shown = where if len(where) <= _LONGEST else f"{where[:_LONGEST]}..."
    advice = _DENIED_ADVICE if judged.kind is FailureKind.DENIED else ""
    return error(f"{shown}: {judged.text}{after}{advice}", kind=judged.kind)
