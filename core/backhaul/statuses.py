"""Interprets HTTP statuses of 400 and above, for the API session and transfers."""

from typing import Final, NamedTuple

from backhaul.errors import FailureKind

OF_LINKS: Final = frozenset({400, 401, 403, 404, 410})
"""Statuses that a server returns for a link it rejects, possibly because it expired."""

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
"""Statuses of a redirect to another URL."""

PARTIAL: Final = 206
ERROR: Final = 400  # and above
NO_RANGE: Final = 416  # for range requests, which API calls never make
_SERVER_ERROR: Final = 500


class Meaning(NamedTuple):
    """How to treat a status.

    Attributes:
        kind: the failure kind.
        words: an explanation; empty for well-known statuses.
        retry: whether the same request may succeed later.
        refused: the server did not process the request: safe to repeat for any method.
    """

    kind: FailureKind
    words: str = ""
    retry: bool = False
    refused: bool = False


_DENIED: Final = FailureKind.DENIED
_FAILED: Final = FailureKind.FAILED
_BUSY: Final = FailureKind.UNREACHABLE

# RFC 9110, section 15.5 and 15.6; 421: RFC 9110, 423 and 507: RFC 4918, 425: RFC 8470,
# 428, 429, 431 and 511: RFC 6585, 451: RFC 7725, 508: RFC 5842.
_MEANINGS: Final = {
    400: Meaning(_FAILED, "the server considers the request malformed"),
    401: Meaning(_DENIED),
    402: Meaning(_DENIED, "the server requires payment"),
    403: Meaning(_DENIED),
    404: Meaning(FailureKind.NOT_FOUND),
    405: Meaning(_FAILED, "the server does not allow this method"),
    406: Meaning(_FAILED, "the server has no acceptable representation"),
    407: Meaning(_DENIED, "the proxy requires credentials"),
    408: Meaning(FailureKind.TIMEOUT, retry=True),
    409: Meaning(_BUSY, "conflict with another change on the server", retry=True),
    410: Meaning(FailureKind.NOT_FOUND),
    411: Meaning(_FAILED, "the server requires a Content-Length"),
    412: Meaning(_FAILED, "a precondition of the request failed"),
    413: Meaning(_FAILED, "the request is too large for the server"),
    414: Meaning(_FAILED, "the URL is too long for the server"),
    415: Meaning(_FAILED, "the server does not support this media type"),
    416: Meaning(FailureKind.CHANGED, "the server does not have the requested range", retry=True),
    417: Meaning(_FAILED, "the server cannot meet the Expect header"),
    418: Meaning(_FAILED, "the server refuses to answer"),
    421: Meaning(_BUSY, "the request reached the wrong server", retry=True, refused=True),
    422: Meaning(_FAILED, "the server cannot process the request"),
    423: Meaning(_BUSY, "the resource is locked", retry=True, refused=True),
    424: Meaning(_FAILED, "a request that this one depends on failed"),
    425: Meaning(_BUSY, "the server considers the request too early", retry=True, refused=True),
    426: Meaning(_FAILED, "the server requires another protocol"),
    428: Meaning(_FAILED, "the server requires a conditional request"),
    429: Meaning(FailureKind.THROTTLED, retry=True, refused=True),
    431: Meaning(_FAILED, "the request headers are too large for the server"),
    451: Meaning(_DENIED, "unavailable for legal reasons"),
    501: Meaning(_FAILED, "the server does not implement this"),
    503: Meaning(_BUSY, retry=True, refused=True),
    504: Meaning(FailureKind.TIMEOUT, retry=True),
    505: Meaning(_FAILED, "the server does not support this HTTP version"),
    507: Meaning(_BUSY, "the server has no space left", retry=True),
    508: Meaning(_FAILED, "the server detected a loop"),
    510: Meaning(_FAILED, "the server requires an extension"),
    511: Meaning(FailureKind.NOT_DATA, "the network requires a login"),
}
_CLIENT: Final = Meaning(_FAILED, "the server rejected the request")
_SERVER: Final = Meaning(_BUSY, retry=True)


def meaning(status: int) -> Meaning:
    """How to treat a status: an unknown 4xx is permanent, an unknown 5xx may be temporary."""
    usual = _SERVER if status >= _SERVER_ERROR else _CLIENT
    return _MEANINGS.get(status, usual)
