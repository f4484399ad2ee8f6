"""Registers a source's credentials with the redactor before a plugin sees them."""

from collections.abc import Iterator, Mapping
from typing import Any

from backhaul import redact
from backhaul.secret import Secret


def register_secrets(source: Any, *, read: bool) -> None:
    """Register every Secret of the options, alone and combined with each string as its user.

    Args:
        source: the options.
        read: whether to read secrets from files and commands; otherwise these are skipped.
            Raises ConfigError if one cannot be read.
    """
    values = list(option_values(source))
    users = [value for value in values if isinstance(value, str)]
    for secret in (value for value in values if isinstance(value, Secret)):
        if not (read or secret.is_read):
            continue
        redact.register(secret)
        for user in users:
            redact.register(secret, user=user)


def option_values(value: Any) -> Iterator[Any]:
    """Every string and Secret in the options, at any depth."""
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
        yield from option_values(each)
