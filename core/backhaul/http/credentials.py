"""Credentials on their way into a request: revealed here, and known to the redactor from here on."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from requests import PreparedRequest
from requests.auth import AuthBase

from backhaul import redact
from backhaul.secret import Secret


class NoAuth(AuthBase):
    """Keeps requests from reading ~/.netrc behind the user's back, which no auth at all would."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Leave the request as it is."""
        return request


def basic(user: str, password: Secret | str) -> str:
    """The Authorization value for HTTP Basic, in UTF-8 (RFC 7617)."""
    redact.register(password, user=user)
    text = password.reveal() if isinstance(password, Secret) else password
    return "Basic " + base64.b64encode(f"{user}:{text}".encode()).decode()


def reveal(value: Any) -> Any:
    """The text of a Secret; anything else as it is."""
    if isinstance(value, Secret):
        redact.register(value)
        return value.reveal()
    return value


def revealed(values: Any) -> Any:
    """A mapping or a list of pairs with its secrets revealed; anything else as it is."""
    if isinstance(values, Mapping):
        return {name: reveal(value) for name, value in values.items()}
    if isinstance(values, Iterable) and not isinstance(values, str | bytes):
        return [(name, reveal(value)) for name, value in values]
    return values


def register_userinfo(url: str) -> None:
    """Make the password in a proxy's URL known to the redactor."""
    userinfo = url.partition("://")[2].rpartition("@")[0]
    user, colon, password = userinfo.partition(":")
    if colon:
        redact.register(unquote(password), user=unquote(user))
