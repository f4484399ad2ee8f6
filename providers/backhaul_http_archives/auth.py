"""Credentials for an archive: HTTP Basic, a bearer token, or a header with a key."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field, field_validator, model_validator

from backhaul import Http, Secret, SourceOptions

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_RESERVED = frozenset({"host", "content-length", "transfer-encoding", "connection", "range"})


def _pair(value: Any) -> Any:
    """A list of two as a tuple. Raises ValueError, which says what to write."""
    if not isinstance(value, list | tuple) or len(value) != 2:  # noqa: PLR2004 - user and password
        raise ValueError('must be a user and a password, such as [me, "${PASSWORD}"]')
    return tuple(value)


def _is_empty(secret: Secret) -> bool:
    """Whether a secret is known to be empty; files and commands are not read for this."""
    return secret.is_read and not secret.reveal()


class Auth(SourceOptions):
    """Credentials of one of three kinds. They are sent only to the archive's own origin."""

    basic: Annotated[tuple[Secret, Secret], BeforeValidator(_pair)] | None = Field(
        default=None,
        description="User and password; neither is ever shown, since some archives use a key as the user.",
        examples=[["me", "${PASSWORD}"]],
    )
    bearer: Secret | None = Field(
        default=None, description="A token, sent as Authorization: Bearer.", examples=["${TOKEN}"]
    )
    header: dict[str, Secret] | None = Field(
        default=None, description="Headers by name.", examples=[{"x-apikey": "${KEY}"}]
    )

    @model_validator(mode="before")
    @classmethod
    def _is_set(cls, keys: Any) -> Any:
        for name, value in keys.items() if isinstance(keys, dict) else ():
            if value is None or value == "":
                raise ValueError(f"has an empty {name}; set it, or omit auth")
        return keys

    @field_validator("basic")
    @classmethod
    def _is_a_pair(cls, value: tuple[Secret, Secret] | None) -> tuple[Secret, Secret] | None:
        if value is not None and all(map(_is_empty, value)):
            raise ValueError("has an empty user and an empty password; set one, or omit auth")
        return value

    @field_validator("bearer")
    @classmethod
    def _is_a_token(cls, value: Secret | None) -> Secret | None:
        if value is not None and value.is_read and not value.reveal().isprintable():
            raise ValueError("has line breaks or control characters")
        return value

    @field_validator("header")
    @classmethod
    def _names(cls, value: dict[str, Secret] | None) -> dict[str, Secret] | None:
        for name, secret in (value or {}).items():
            if _HEADER.fullmatch(name) is None or name.lower() in _RESERVED:
                raise ValueError(
                    f"has {name!r}, which is not a valid header name; write one such as x-apikey"
                )
            if _is_empty(secret):
                raise ValueError(f"has an empty value of {name}; set the key, or omit auth")
            if secret.is_read and not secret.reveal().isprintable():
                raise ValueError(f"has line breaks or control characters in the value of {name}")
        return value

    @model_validator(mode="after")
    def _one_kind(self) -> "Auth":
        kinds = [name for name in ("basic", "bearer", "header") if getattr(self, name)]
        if len(kinds) != 1:
            found = " and ".join(kinds) or "nothing"
            raise ValueError(
                f"has {found}; write exactly one of basic: [USER, PASSWORD], bearer: TOKEN and"
                " header: {NAME: KEY}, or omit auth"
            )
        return self


class Credentials(NamedTuple):
    """The credentials and headers of a request.

    Attributes:
        auth: user and password, for HTTP Basic.
        headers: other headers, including the user agent with the contact.
    """

    auth: tuple[str, Secret] | None
    headers: Mapping[str, str | Secret]


def credentials(http: Http, auth: Auth | None, contact: str | None) -> Credentials:
    """Returns the credentials and headers of each request."""
    headers: dict[str, str | Secret] = {}
    if contact is not None:
        agent = http.headers.get("User-Agent") or "backhaul"
        text = agent.decode() if isinstance(agent, bytes) else agent
        headers["User-Agent"] = f"{text} ({contact})"
    if auth is None:
        return Credentials(None, headers)
    if auth.bearer is not None:
        headers["Authorization"] = Secret(f"Bearer {auth.bearer.reveal()}")
    headers.update(auth.header or {})
    basic = None if auth.basic is None else (auth.basic[0].reveal(), auth.basic[1])
    return Credentials(basic, headers)
