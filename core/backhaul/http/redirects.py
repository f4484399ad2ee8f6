"""The request that follows a redirect."""

import requests

from backhaul.errors import ProviderError
from backhaul.http import origins
from backhaul.http.cookies import ChainCookies

_KEEP_METHOD = frozenset({307, 308})
_BODY_HEADERS = ("Content-Length", "Content-Type", "Transfer-Encoding")


def redirected(
    prepared: requests.PreparedRequest, status: int, location: str
) -> requests.PreparedRequest:
    """The next request after a redirect, without credentials if it leaves the origin.

    Dropped credentials do not come back, even if a later hop returns to the first origin. Raises
    ProviderError for redirects that are not followed.
    """
    before = prepared.url or ""
    after = origins.redirect_target(before, location)
    request = prepared.copy()
    # Bypasses requests' quoting: a signed URL is kept byte for byte.
    request.url = after
    # All but 307 and 308 become GET, like in browsers; HEAD stays HEAD.
    if status not in _KEEP_METHOD and prepared.method != "HEAD":
        request.method = "GET"
        request.body = None
        for name in _BODY_HEADERS:
            request.headers.pop(name, None)
    if origins.origin(before) != origins.origin(after):
        if request.body is not None:
            raise ProviderError(
                f"{origins.bare(before)} redirects a request body to another origin,"
                " which is not followed"
            )
        for name in list(request.headers):
            if not origins.is_allowed_elsewhere(name):
                del request.headers[name]
    return request


def give_cookies(request: requests.PreparedRequest, own: str | None, cookies: ChainCookies) -> None:
    """Set the ``Cookie`` header: the caller's own and those that the chain received from this host."""
    values = [value for value in (own, cookies.header(request.url or "")) if value]
    request.headers.pop("Cookie", None)
    if values:
        request.headers["Cookie"] = "; ".join(values)
