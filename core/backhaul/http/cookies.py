"""Cookies within one redirect chain: they are returned only to the host that set them.

Some servers set a cookie and redirect to themselves until it comes back. Cookies last for one API call
or one attempt at a file.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from email.message import Message
    from http.cookiejar import CookieJar

_LONGEST = 8000  # characters; servers reject longer headers


class ChainCookies:
    """The cookies of one redirect chain, by host."""

    __slots__ = ("_jars",)

    def __init__(self) -> None:
        self._jars: dict[str, CookieJar] = {}

    def take(self, url: str, values: Iterable[str]) -> None:
        """Store the cookies that a response sets; ignores what a browser would reject.

        Args:
            url: the http or https URL that was requested.
            values: its ``Set-Cookie`` headers.
        """
        import urllib.request  # noqa: PLC0415 - imports ssl, and few files come with cookies
        from email.message import Message  # noqa: PLC0415
        from http.cookiejar import CookieJar  # noqa: PLC0415

        message = Message()
        for value in values:
            message["Set-Cookie"] = value
        request = urllib.request.Request(url)  # noqa: S310 - only describes the request; nothing is opened
        self._jars.setdefault(_host(url), CookieJar()).extract_cookies(_Answer(message), request)  # type: ignore[arg-type]  # typeshed requires an HTTPResponse; only info() is used

    def header(self, url: str) -> str:
        """The ``Cookie`` header for a request to this URL; empty if there are none."""
        jar = self._jars.get(_host(url))
        if jar is None:
            return ""
        import urllib.request  # noqa: PLC0415 - see take

        request = urllib.request.Request(url)  # noqa: S310 - as above
        jar.add_cookie_header(request)
        value = request.get_header("Cookie", "")
        fits = len(value) <= _LONGEST and value.isascii() and value.isprintable()
        return value if fits else ""


class _Answer:
    """The part of a response that CookieJar reads."""

    def __init__(self, message: "Message") -> None:
        self._message = message

    def info(self) -> "Message":
        return self._message


def _host(url: str) -> str:
    """The key for a URL's cookies: another port is another host, except from http to https."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or ''}"
