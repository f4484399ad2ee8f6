"""Credentials on their way into a request: revealed here, and known to the redactor from here on."""

import base64
from collections.abc import Mapping
from typing import Any

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


def revealed(value: Any) -> Any:
    """The value with every Secret in it as its text: a header, a query, a form, a JSON body."""
    if isinstance(value, Secret):
        redact.register(value)
        return value.reveal()
    if isinstance(value, Mapping):
        return {name: revealed(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [revealed(inner) for inner in value]
    return value
