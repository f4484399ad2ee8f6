"""Describes a model's keys: names, types, defaults and meanings."""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, WithJsonSchema
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python

from backhaul.moments import Moment
from backhaul.options import BaseUrl, ByteSize, Duration
from backhaul.secret import Secret

# tells these types from a plain int, str or timedelta
_MARKED = (
    (get_args(ByteSize)[1], "size"),
    (get_args(BaseUrl)[1], "URL"),
    (get_args(Duration)[1], "duration"),
)
_UNKNOWN = "value"
_NAMES: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "true or false",
    datetime: "date or time, UTC",
    date: "date",
    timedelta: "duration",
    Path: "path",
    Secret: "secret string",
    Moment: "date or time, UTC, `now`, `today` or `-7d`",
}


class Option(NamedTuple):
    """One key of a model.

    Attributes:
        key: as written in YAML.
        type: the type, as shown to users.
        required: whether the key has no default.
        default: as written in YAML; empty if there is none.
        meaning: the field's description.
        examples: example values, as written in YAML.
        secret: whether the value must stay out of files.
    """

    key: str
    type: str
    required: bool
    default: str
    meaning: str
    examples: tuple[str, ...]
    secret: bool


def options(model: type[BaseModel]) -> list[Option]:
    """The model's keys, in order of declaration."""
    return [_option(name, field) for name, field in model.model_fields.items()]


def key_of(name: str, field: FieldInfo) -> str:
    """A field's name in YAML."""
    if isinstance(field.validation_alias, str):
        return field.validation_alias
    return field.alias or name


def keys_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """The valid keys of the mapping at a pydantic location in the model."""
    models = [model]
    for step in loc:
        below: list[type[BaseModel]] = []
        for each in models:
            for name, field in each.model_fields.items():
                if step in {name, key_of(name, field)}:
                    below.extend(_models(field.annotation))
        # indexes into a list, keys of a mapping of models, and union branches keep the models
        models = below or models
    return [key_of(name, field) for each in models for name, field in each.model_fields.items()]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _option(name: str, field: FieldInfo) -> Option:
    words = type_words(field.annotation, tuple(field.metadata))
    return Option(
        key=key_of(name, field),
        type=words,
        required=field.is_required(),
        default="" if field.is_required() else _default(field, words),
        meaning=field.description or "",
        examples=tuple(as_yaml(_as_day(example, words)) for example in field.examples or ()),
        secret="secret" in words,
    )


def type_words(annotation: Any, metadata: tuple[Any, ...] = ()) -> str:
    """A type, as shown to users."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if hasattr(annotation, "__value__"):  # an alias from Python 3.12's `type` statement
        return type_words(annotation.__value__, metadata)
    if origin is Annotated:
        return type_words(parts[0], (*parts[1:], *metadata))
    if origin in {Union, UnionType}:
        words = (type_words(part, metadata) for part in parts if part is not type(None))
        return " or ".join(dict.fromkeys(words))
    if origin in {list, tuple, set, frozenset}:
        return f"list of {type_words(parts[0])}" if parts else "list"
    marked = (name for marker, name in _MARKED if marker in metadata)
    kind = next(marked, None) or _single(annotation)
    return "string" if kind == _UNKNOWN and any(map(_is_text, metadata)) else kind


def _is_text(marker: Any) -> bool:
    """Whether an annotation says that the value is a string in YAML."""
    return isinstance(marker, WithJsonSchema) and (marker.json_schema or {}).get("type") == "string"


def _single(annotation: Any) -> str:
    values = get_args(annotation) if get_origin(annotation) is Literal else ()
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        values = tuple(member.value for member in annotation)
    if values:
        return " or ".join(f"`{as_yaml(value)}`" for value in values)
    mapping = get_origin(annotation) is dict or annotation is dict or any(_models(annotation))
    return "mapping" if mapping else _NAMES.get(annotation, _UNKNOWN)


def _as_day(value: Any, words: str) -> Any:
    """A date without quotes, as written in YAML."""
    if (
        isinstance(value, str)
        and words.startswith("date")
        and re.fullmatch(r"\d{4}-\d\d-\d\d", value)
    ):
        return date.fromisoformat(value)
    return value


def _default(field: FieldInfo, words: str) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return ""
    if isinstance(value, timedelta):
        return as_span(value)
    if isinstance(value, Moment):
        return str(value)
    if isinstance(value, int) and words == "size":
        return _size(value)
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", by_alias=True, exclude_none=True)
    return as_yaml(to_jsonable_python(value, fallback=str))


def as_yaml(value: Any) -> str:
    """A value as written in YAML, on one line."""
    text: str = yaml.safe_dump(
        value, default_flow_style=True, width=float("inf"), allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("\n...")


def as_span(value: timedelta) -> str:
    """A duration as written in YAML: ``90s``, ``12h``."""
    seconds = value.total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:f}".rstrip("0").rstrip(".") + "s"


def _size(value: int) -> str:
    for unit, length in (("T", 1 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)):
        if value and value % length == 0:
            return f"{value // length}{unit}"
    return str(value)
