"""What libcurl's errors mean for a transfer."""

import pycurl

from backhaul.errors import FailureKind
from backhaul.transfer.unit import Failure

_TEXTS = {
    pycurl.E_COULDNT_RESOLVE_HOST: "the host's name is not known",
    pycurl.E_COULDNT_RESOLVE_PROXY: "the proxy's name is not known",
    pycurl.E_COULDNT_CONNECT: "no connection",
    pycurl.E_SSL_CONNECT_ERROR: "no TLS connection",
    pycurl.E_GOT_NOTHING: "the server closed the connection without an answer",
    pycurl.E_RECV_ERROR: "the connection broke",
    pycurl.E_SEND_ERROR: "the connection broke",
}
_FINAL = {
    pycurl.E_PEER_FAILED_VERIFICATION: "the server's certificate is not trusted"
    " (SSL_CERT_FILE names a bundle of your own)",
    pycurl.E_URL_MALFORMAT: "the URL is malformed",
    pycurl.E_UNSUPPORTED_PROTOCOL: "the URL's scheme is not supported",
    pycurl.E_SSL_CACERT_BADFILE: "the file of trusted certificates cannot be read",
}


def explain(error: int, message: str, *, received: int, expected: int | None) -> Failure:
    """Turns libcurl's code into a failure; most are worth another try.

    Args:
        error: libcurl's code.
        message: libcurl's own words; they may hold host names, never a URL's query.
        received: bytes of the file that are here.
        expected: bytes that the answer promised.
    """
    if error in _FINAL:
        return Failure(kind=FailureKind.UNREACHABLE, message=_FINAL[error])
    if error == pycurl.E_PARTIAL_FILE or (expected and error == pycurl.E_RECV_ERROR):
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
    text = _TEXTS.get(error, message or f"libcurl error {error}")
    return Failure(kind=FailureKind.UNREACHABLE, message=text, retry=True)
