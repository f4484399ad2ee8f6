"""What libcurl's errors mean for a transfer."""

import os
import re

import pycurl

from backhaul.errors import FailureKind
from backhaul.foreign import line
from backhaul.transfer.unit import Failure

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
        missed = "the host's name was not resolved"
    elif not curl.getinfo(pycurl.CONNECT_TIME):
        missed = "no address of the host answered"
        if pycurl.version_info()[2] < _TELLS_HANDSHAKES and curl.getinfo(
            pycurl.EFFECTIVE_URL
        ).startswith("https:"):
            missed += ", or the TLS handshake was not complete"
    else:
        missed = "the TLS handshake was not complete"
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
