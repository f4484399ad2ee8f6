"""Validates redirects and decides what may be sent to their target."""

import base64
from collections.abc import Sequence
from urllib.parse import urljoin, urlsplit

from backhaul.http.origins import MAX_REDIRECTS, location_url
from backhaul.secret import Secret
from backhaul.transfer.unit import check_url, origin
from backhaul.types import Request


class RedirectRefused(Exception):  # noqa: N818 - describes the redirect, not an error in backhaul
    """A redirect that is not followed, with the reason."""


def follow(url: str, location: str, hops: int) -> str:
    """The next URL. Raises RedirectRefused."""
    if hops >= MAX_REDIRECTS:
        raise RedirectRefused(f"redirects more than {MAX_REDIRECTS} times")
    if not location:
        raise RedirectRefused("redirect without a Location")
    try:
        target = urljoin(url, location_url(location))
        scheme = urlsplit(target).scheme
        check_url(target)
    except ValueError as error:
        raise RedirectRefused(f"redirects to an invalid URL: {error}") from None
    if scheme not in {"http", "https"}:
        raise RedirectRefused(f"redirects to a {scheme or 'nameless'}: URL, which is not followed")
    if url.startswith("https:") and scheme == "http":
        raise RedirectRefused("redirects from https to http, which is not followed")
    try:
        origin(target)
    except ValueError as error:
        raise RedirectRefused(f"redirects to an invalid URL: it {error}") from None
    return target


def own_headers(request: Request) -> Sequence[str]:
    """The headers, including credentials, for the request's own origin only."""
    lines = [f"{name}: {_reveal(value)}" for name, value in request.headers.items()]
    if request.auth is not None:
        user, password = request.auth
        token = base64.b64encode(f"{user}:{password.reveal()}".encode()).decode()
        lines.append(f"Authorization: Basic {token}")
    for line in lines:
        if not line.isascii() or not line.isprintable():
            raise ValueError("has a header with a line break or an invalid character")
    return lines


def with_cookies(lines: Sequence[str], value: str) -> Sequence[str]:
    """Adds a chain's cookies to header lines, merged into a single ``Cookie``."""
    if not value:
        return lines
    own = [line.partition(":")[2].strip() for line in lines if _is_cookie(line)]
    rest = [line for line in lines if not _is_cookie(line)]
    return [*rest, f"Cookie: {'; '.join([*own, value])}"]


def _is_cookie(line: str) -> bool:
    return line.partition(":")[0].strip().lower() == "cookie"


def _reveal(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value
