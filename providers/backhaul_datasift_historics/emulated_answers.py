"""What the emulator's calls share: parameters in any encoding, answers, refusals, and pages."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from werkzeug import Request, Response

Given = Mapping[str, str]
Calls = Mapping[str, Callable[[Given], Response]]
_DIGITS = 18


class WrongParameterError(ValueError):
    """A parameter has a value that the API refuses; the text is for the client."""


def parameters(request: Request) -> dict[str, str]:
    """Parameters as query, form with dotted keys, or JSON with nested objects and lists."""
    given = {**request.args.to_dict(), **request.form.to_dict()}
    data = request.get_json(silent=True) if request.is_json else None
    for key, value in data.items() if isinstance(data, dict) else ():
        inner = value.items() if isinstance(value, dict) else [("", value)]
        given |= {f"{key}.{name}".rstrip("."): _text(each) for name, each in inner}
    return given


def whole(given: Given, name: str, default: int | None = None) -> int:
    """A parameter that is a number, in seconds, bytes or pieces.

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
    """The page of the items that the parameters name.

    Raises:
        WrongParameterError: ``page`` or the parameter ``size`` names is not a number, or is 0.
    """
    count, number = whole(given, size, 20), whole(given, "page", 1)
    if not count or not number:
        raise WrongParameterError(f"The {'page' if count else size} parameter must be 1 or more")
    return items[(number - 1) * count : number * count]


def answer(data: Any, status: int = 200) -> Response:
    """An answer in JSON."""
    return Response(json.dumps(data), status, content_type="application/json")


def done() -> Response:
    """The empty answer to a change."""
    return Response(status=204)


def error(status: int, text: str) -> Response:
    """A refusal, as the API words it."""
    return answer({"error": text}, status)


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
