"""How storage services and CDNs refuse a link, each in its own way."""

from collections.abc import Callable
from typing import Final
from xml.sax.saxutils import escape

from backhaul.testing.message import Reply

_HTML: Final = [("Content-Type", "text/html")]


def _page(status: int, text: str) -> Callable[[], Reply]:
    body = f"<html><head><title>{text}</title></head><body><h1>{text}</h1></body></html>\n"
    return lambda: Reply(status=status, headers=list(_HTML), body=body.encode())


def _json(status: int, body: str) -> Callable[[], Reply]:
    headers = [("Content-Type", "application/json")]
    return lambda: Reply(status=status, headers=list(headers), body=body.encode())


DIALECTS: Final[dict[str, Callable[[], Reply]]] = {
    "expired": lambda: error(403, "AccessDenied", "Request has expired"),
    "token_expired": lambda: error(400, "ExpiredToken", "The provided token has expired."),
    "gcs_expired": lambda: error(
        400, "ExpiredToken", "Invalid argument.", Details="Request signature expired at: 2016-02-03"
    ),
    "r2_expired": lambda: error(403, "ExpiredRequest", "Presigned URL is over"),
    "azure_expired": lambda: error(
        403,
        "AuthenticationFailed",
        "Server failed to authenticate the request.",
        AuthenticationErrorDetail="Signature not valid in the specified time frame:"
        " Start [Wed, 03 Feb 2016 10:00:00 GMT] - Expiry [Wed, 03 Feb 2016 11:00:00 GMT]",
    ),
    "b2_expired": _json(
        401, '{"code": "expired_auth_token", "message": "Authorization token", "status": 401}'
    ),
    "b2_bad_token": _json(
        401, '{"code": "bad_auth_token", "message": "Invalid authorization token", "status": 401}'
    ),
    "gone": _page(410, "410 Gone"),
    "page_403": _page(403, "403 Forbidden"),
}
"""By name: S3 twice, Google Cloud Storage, R2, Azure, B2 twice, nginx's secure_link, and a CDN."""


def error(status: int, code: str, message: str, **more: str) -> Reply:
    """An XML error; ``more`` are additional elements."""
    elements = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in more.items())
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{escape(message)}</Message>{elements}"
        "<RequestId>0A1B2C3D4E5F6071</RequestId></Error>"
    )
    return Reply(status=status, headers=[("Content-Type", "application/xml")], body=body.encode())
