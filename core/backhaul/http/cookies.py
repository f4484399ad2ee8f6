"""Cookies of one chain of redirects: a host that sets one gets it back, another host never does.

Some servers set a cookie, redirect to themselves, and redirect again until it comes back. A chain
ends with its call or its attempt at a file, and its cookies end with it.
"""

import urllib.request
from collections.abc import Iterable
from email.message import Message
from http.cookiejar import CookieJar
from urllib.parse import urlsplit

_LONGEST = 8000  # characters; servers refuse longer headers


class ChainCookies:
    """The cookies that one chain has met, by host."""

    __slots__ = ("_jars",)

    def __init__(self) -> None:
        self._jars: dict[str, CookieJar] = {}

    def take(self, url: str, values: Iterable[str]) -> None:
        """Keep what the answer from this URL sets; what no browser would accept is left out.

        Args:
            url: http or https; whom was asked.
            values: of its ``Set-Cookie`` headers.
        """
        message = Message()
        for value in values:
            message["Set-Cookie"] = value
        request = urllib.request.Request(url)  # noqa: S310 - describes the call; nothing is opened
        self._jars.setdefault(_host(url), CookieJar()).extract_cookies(_Answer(message), request)  # type: ignore[arg-type]  # typeshed wants a whole HTTPResponse; only info() is used

    def header(self, url: str) -> str:
        """The value of ``Cookie`` for a request to this URL; empty: there is none."""
        jar = self._jars.get(_host(url))
        if jar is None:
            return ""
        request = urllib.request.Request(url)  # noqa: S310 - as above
        jar.add_cookie_header(request)
        value = request.get_header("Cookie", "")
        fits = len(value) <= _LONGEST and value.isascii() and value.isprintable()
        return value if fits else ""


class _Answer:
    """As much of an answer as a CookieJar reads."""

    def __init__(self, message: Message) -> None:
        self._message = message

    def info(self) -> Message:
        return self._message


def _host(url: str) -> str:
    """Whose cookies these are: another port is another host, except from http to https."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or ''}"
