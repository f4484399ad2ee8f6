"""Shared by the emulator's calls: parameters in any encoding, responses, errors, and pages."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from werkzeug import Request, Response

Given = Mapping[str, str]
Calls = Mapping[str, Callable[[Given], Response]]
_DIGITS = 18


class WrongParameterError(ValueError):
    """The API refuses a parameter's value; the text is sent to the client."""


def parameters(request: Request) -> dict[str, str]:
    """Parameters from the query, a form with dotted keys, or JSON with nested objects and lists."""
    given = {**request.args.to_dict(), **request.form.to_dict()}
    data = request.get_json(silent=True) if request.is_json else None
    for key, value in data.items() if isinstance(data, dict) else ():
        inner = value.items() if isinstance(value, dict) else [("", value)]
        given |= {f"{key}.{name}".rstrip("."): _text(each) for name, each in inner}
    return given


def whole(given: Given, name: str, default: int | None = None) -> int:
    """A numeric parameter: seconds, bytes or a count.

    Raises:
        WrongParameterError: it is not a number, or it is missing and has no default.
    """
    text = given.get(name)
    if text is None and default is not None:
        return default
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise WrongParameterError(f"The {name} parameter must be a number")
    return int(text)


def page(items: list[Any], given: Given, size: str) -> list[Any]:
    """The page of items selected by the parameters.

    Raises:
        WrongParameterError: ``page`` or the parameter ``size`` names is not a number, or is 0.
    """
    count, number = whole(given, size, 20), whole(given, "page", 1)
    if not count or not number:
        raise WrongParameterError(f"The {'page' if count else size} parameter must be 1 or more")
    return items[(number - 1) * count : number * count]


def answer(data: Any, status: int = 200) -> Response:
    """A JSON response."""
    return Response(json.dumps(data), status, content_type="application/json")


def done() -> Response:
    """The empty response to a change."""
    return Response(status=204)


def error(status: int, text: str) -> Response:
    """An error in the API's words."""
    return answer({"error": text}, status)


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
