"""Overrides settings with values from the command line."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from backhaul.config.describe import keys_at
from backhaul.config.diagnostics import Place, quote, suggest
from backhaul.config.messages import describe_error, join
from backhaul.config.nodes import ScalarNode
from backhaul.errors import ConfigError

M = TypeVar("M", bound=BaseModel)


def override(settings: M, changes: Mapping[str, Any]) -> M:
    """Returns the settings with some values replaced, after validating them all again.

    Raises:
        ConfigError: with a line per invalid value, named by its option: ``--limit-rate``.
    """
    try:
        given = {key: getattr(settings, key) for key in settings.model_fields_set}
        return type(settings).model_validate({**given, **changes})
    except ValidationError as error:
        found: dict[str, dict[str, None]] = {}  # a union's alternatives each have an error
        for each in error.errors(include_url=False, include_input=False):
            key = str(each["loc"][0]) if each["loc"] else ""
            node = ScalarNode(Place("command line"), changes.get(key), str(changes.get(key)))
            if each["type"] == "extra_forbidden":
                unknown = str(each["loc"][-1])
                remedy = suggest(unknown, keys_at(type(settings), each["loc"][:-1]), kind="keys")
                what = f"unknown key {quote(unknown)}; {remedy}"
            else:
                what, _ = describe_error(each, node, from_variables=True)
            found.setdefault("--" + key.replace("_", "-"), {})[what] = None
        problems = [join(option, ", or ".join(whats)) for option, whats in found.items()]
        raise ConfigError("\n".join(problems), problems=problems) from None
