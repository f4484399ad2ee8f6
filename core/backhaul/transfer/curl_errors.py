"""What libcurl's errors mean for a transfer."""

import re

import pycurl

from backhaul.errors import FailureKind
from backhaul.foreign import line
from backhaul.transfer.unit import Failure

_TEXTS = {
    pycurl.E_COULDNT_RESOLVE_HOST: "the host name cannot be resolved",
    pycurl.E_COULDNT_RESOLVE_PROXY: "the proxy's host name cannot be resolved",
    pycurl.E_COULDNT_CONNECT: "could not connect",
    pycurl.E_GOT_NOTHING: "the server closed the connection without an answer",
    pycurl.E_RECV_ERROR: "the connection broke",
    pycurl.E_SEND_ERROR: "the connection broke",
}
_PREFIX = re.compile(r"SSL(?: certificate)?(?: problem| OpenSSL verify result)?: ")
_FINAL = {
    pycurl.E_URL_MALFORMAT: "the URL is malformed",
    pycurl.E_UNSUPPORTED_PROTOCOL: "the URL's scheme is not supported",
    pycurl.E_SSL_CACERT_BADFILE: "the file of trusted certificates cannot be read",
}


def explain(error: int, message: str, *, host: str, received: int, expected: int | None) -> Failure:
    """Turns libcurl's code into a failure; most are worth another try.

    Args:
        error: libcurl's code.
        host: whom was asked, as an origin.
        message: libcurl's own words; they may hold host names, never a URL's query.
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
        return Failure(
            kind=FailureKind.TIMEOUT, message="stalled: too few bytes for too long", retry=True
        )
    text = _TEXTS.get(error) or line(message) or f"libcurl error {error}"
    return Failure(kind=FailureKind.UNREACHABLE, message=f"{text} ({host})", retry=True)


def _distrust(message: str, host: str) -> str:
    """Why a certificate is refused; what to do depends on the reason."""
    reason = _PREFIX.sub("", line(message))
    unknown = "issuer" in reason or "self" in reason
    hint = "; SSL_CERT_FILE names a bundle of your own" if unknown else ""
    return f"the certificate of {host} is refused: {reason or 'not trusted'}{hint}"
