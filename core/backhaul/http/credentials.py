"""Reveals credentials for a request and registers them with the redactor."""

import base64
from collections.abc import Mapping
from typing import Any

from requests import PreparedRequest
from requests.auth import AuthBase

from backhaul import redact
from backhaul.secret import Secret


class NoAuth(AuthBase):
    """Prevents requests from reading ~/.netrc, which it does without auth."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Leave the request unchanged."""
        return request


def basic(user: str, password: Secret | str) -> str:
    """The Authorization header for HTTP Basic, in UTF-8 (RFC 7617)."""
    redact.register(password, user=user)
    text = password.reveal() if isinstance(password, Secret) else password
    return "Basic " + base64.b64encode(f"{user}:{text}".encode()).decode()


def revealed(value: Any) -> Any:
    """Replaces every Secret in a header, query, form or JSON value with its text."""
    if isinstance(value, Secret):
        redact.register(value)
        return value.reveal()
    if isinstance(value, Mapping):
        return {name: revealed(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [revealed(inner) for inner in value]
    return value
