"""What an HTTP status of 400 or above means, for the API session and the transfers alike."""

from dataclasses import dataclass
from typing import Final

from backhaul.errors import FailureKind

OF_LINKS: Final = frozenset({400, 401, 403, 404, 410})
"""What a server answers to a link that it does not take: the link's time may be over."""

_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a status says.

    Attributes:
        kind: the failure's kind.
        words: for people; empty where the number is well known.
        retry: whether the same request may succeed later.
        refused: the server did not carry the request out: safe to repeat whatever the method.
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
    400: Meaning(_FAILED, "the server calls the request malformed"),
    401: Meaning(_DENIED),
    402: Meaning(_DENIED, "the server asks for payment"),
    403: Meaning(_DENIED),
    404: Meaning(FailureKind.NOT_FOUND),
    405: Meaning(_FAILED, "the server does not allow this method"),
    406: Meaning(_FAILED, "the server has it in no form that was asked for"),
    407: Meaning(_DENIED, "the proxy asks for credentials"),
    408: Meaning(FailureKind.TIMEOUT, retry=True),
    409: Meaning(_BUSY, "the server is changing it at present", retry=True),
    410: Meaning(FailureKind.NOT_FOUND),
    411: Meaning(_FAILED, "the server asks for a Content-Length"),
    412: Meaning(_FAILED, "a condition of the request is not met"),
    413: Meaning(_FAILED, "the server calls the request too large"),
    414: Meaning(_FAILED, "the server calls the URL too long"),
    415: Meaning(_FAILED, "the server does not take this media type"),
    416: Meaning(FailureKind.CHANGED, "the server does not have the range", retry=True),
    417: Meaning(_FAILED, "the server does not meet the Expect header"),
    418: Meaning(_FAILED, "the server refuses to answer"),
    421: Meaning(_BUSY, "the request reached the wrong server", retry=True, refused=True),
    422: Meaning(_FAILED, "the server cannot process the request"),
    423: Meaning(_BUSY, "it is locked at the server", retry=True, refused=True),
    424: Meaning(_FAILED, "another request failed before it"),
    425: Meaning(_BUSY, "too early for the server", retry=True, refused=True),
    426: Meaning(_FAILED, "the server asks for another protocol"),
    428: Meaning(_FAILED, "the server asks for a condition"),
    429: Meaning(FailureKind.THROTTLED, retry=True, refused=True),
    431: Meaning(_FAILED, "the server calls the headers too large"),
    451: Meaning(_DENIED, "it is withheld for legal reasons"),
    501: Meaning(_FAILED, "the server does not implement this"),
    503: Meaning(_BUSY, retry=True, refused=True),
    504: Meaning(FailureKind.TIMEOUT, retry=True),
    505: Meaning(_FAILED, "the server does not speak this version of HTTP"),
    507: Meaning(_BUSY, "the server has no room left", retry=True),
    508: Meaning(_FAILED, "the server runs in a loop"),
    510: Meaning(_FAILED, "the server asks for an extension"),
    511: Meaning(FailureKind.NOT_DATA, "the network asks for a log-in"),
}
_CLIENT: Final = Meaning(_FAILED, "the server refuses the request")
_SERVER: Final = Meaning(_BUSY, retry=True)


def meaning(status: int) -> Meaning:
    """What the status says: an unknown 4xx is a refusal, an unknown 5xx is trouble that may pass."""
    usual = _SERVER if status >= _SERVER_ERROR else _CLIENT
    return _MEANINGS.get(status, usual)
