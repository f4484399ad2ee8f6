"""Overrides settings with values from the command line."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from backhaul.config.diagnostics import Place
from backhaul.config.messages import join, say
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
        problems = []
        for each in error.errors(include_url=False, include_input=False):
            key = str(each["loc"][0]) if each["loc"] else ""
            node = ScalarNode(Place("command line"), changes.get(key), str(changes.get(key)))
            what, _ = say(each, node, from_variables=True)
            problems.append(join("--" + key.replace("_", "-"), what))
        problems = list(dict.fromkeys(problems))
        raise ConfigError("\n".join(problems), problems=problems) from None
