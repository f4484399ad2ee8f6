"""The credentials of a source become known to the redactor before a plugin first sees them."""

from collections.abc import Iterator, Mapping
from typing import Any

from backhaul import redact
from backhaul.secret import Secret


def register_secrets(source: Any) -> None:
    """Register every Secret of the options, alone and with each plain text as its user."""
    values = list(leaves(source))
    users = [value for value in values if isinstance(value, str)]
    for secret in (value for value in values if isinstance(value, Secret)):
        redact.register(secret)
        for user in users:
            redact.register(secret, user=user)


def leaves(value: Any) -> Iterator[Any]:
    """Every text and Secret among the options, however deep."""
    if isinstance(value, Secret | str):
        yield value
        return
    fields = getattr(type(value), "model_fields", None)
    if isinstance(fields, Mapping):
        inner = [getattr(value, name) for name in fields]
    elif isinstance(value, Mapping):
        inner = list(value.values())
    else:
        inner = list(value) if isinstance(value, list | tuple | set | frozenset) else []
    for each in inner:
        yield from leaves(each)
