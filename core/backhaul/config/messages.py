"""Turns pydantic's errors into messages for users."""

import re
from datetime import date, timedelta
from typing import Any

from backhaul.config.describe import as_span
from backhaul.config.nodes import Node, ScalarNode, kind

_WANTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "decimal_type": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dataclass_type": "a mapping",
    "date_type": "a date such as 2016-12-01",
    "datetime_type": "a time such as 2016-12-01T06:30:00Z",
    "none_required": "empty",
}
_BOUNDS = {
    "greater_than": ("gt", "should be greater than {}"),
    "greater_than_equal": ("ge", "should be at least {}"),
    "less_than": ("lt", "should be less than {}"),
    "less_than_equal": ("le", "should be at most {}"),
    "multiple_of": ("multiple_of", "should be a multiple of {}"),
    "string_too_short": ("min_length", "should have at least {} characters"),
    "string_too_long": ("max_length", "should have at most {} characters"),
    "string_pattern_mismatch": ("pattern", "should match the pattern {}"),
    "too_short": ("min_length", "should have at least {} entries"),
    "too_long": ("max_length", "should have at most {} entries"),
    "literal_error": ("expected", "should be {}"),
    "enum": ("expected", "should be {}"),
}
_AMOUNT = r"(\d+) (day|hour|minute|second|microsecond)s?"  # 1 hour, 30 minutes
TEXT_ERRORS = frozenset({"string_type", "secret_type"})
"""Errors of string fields."""


def describe_error(error: Any, node: Node, *, from_variables: bool) -> tuple[str, str]:
    """Describe what is wrong with a node's value, and how to fix it.

    Args:
        error: one entry of pydantic's ``errors()``; its input is never quoted.
        node: the node.
        from_variables: whether the value comes from variables and so must not be described from the file's text.
    """
    name, context = error["type"], error.get("ctx") or {}
    found = "a string" if from_variables else kind(node)
    if name in TEXT_ERRORS:
        if isinstance(node, ScalarNode) and isinstance(node.value, bool | int | float | date):
            # a secret is never quoted, not even one that looks like a number
            shown = f': "{node.text}"' if name == "string_type" else ""
            return f"is read by YAML as {found}", f"quote it{shown}"
        return f"should be a string, but is {found}", ""
    if name in _WANTED:
        return f"should be {_WANTED[name]}, but is {found}", ""
    if name in _BOUNDS:
        key, words = _BOUNDS[name]
        text = words.format(_bound(context.get(key))).replace("'", '"')
        return text.replace(" 1 entries", " 1 entry").replace(" 1 characters", " 1 character"), ""
    message = str(error["msg"])
    for prefix in ("Value error, ", "Assertion failed, "):
        message = message.removeprefix(prefix)
    return message.replace("Input should", "should"), ""


def _bound(bound: Any) -> Any:
    """A bound as a user would write it. Pydantic renders durations as a repr or in words."""
    if not isinstance(bound, str):
        return bound
    if bound.startswith("datetime.timedelta("):
        parts = {name: int(number) for name, number in re.findall(r"(\w+)=(-?\d+)", bound)}
    elif re.fullmatch(rf"{_AMOUNT}(?: and {_AMOUNT})*", bound):
        parts = {f"{unit}s": int(number) for number, unit in re.findall(_AMOUNT, bound)}
    else:
        return bound
    return as_span(timedelta(**parts))


def join(path: str, what: str) -> str:
    """Join a key's path and its error into one sentence."""
    verb = what.split(" ", 1)[0] in {"should", "must", "is", "has", "needs", "cannot", "may", "was"}
    return f"{path} {what}" if verb else f"{path}: {what}"
