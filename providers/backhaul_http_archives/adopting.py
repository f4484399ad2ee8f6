"""Adopts files fetched by other tools: the names they may have in the job's folder."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, InstanceOf, PlainSerializer, WithJsonSchema

from backhaul import RemoteFile
from backhaul_http_archives.template import Template
from backhaul_http_archives.values import Values

FIELDS: Final = ("name", "basename", "path")
_NO_TIME: Final = datetime.min.replace(tzinfo=UTC)  # for templates without a time
_EXAMPLE: Final = "data.example.org/{path}"


def parse_adopt(value: Any) -> list[Template]:
    """A pattern or several. Raises ValueError, which says what to write."""
    given = value if isinstance(value, list) else [value]
    return [_parse(each) for each in given]


def _parse(value: Any) -> Template:
    if isinstance(value, Template):
        return value
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"must be a path in the job's folder, such as {_EXAMPLE}")
    template = Template.parse(value.strip())
    if value.strip().startswith("/") or ".." in template.text.split("/"):
        raise ValueError(
            f"points outside the job's folder; write a path inside it, such as {_EXAMPLE}"
        )
    if not template.texts and not template.has_times:
        raise ValueError(f"gives all files the same name; add a field, such as {_EXAMPLE}")
    return template


def check_adopt(templates: Sequence[Template], values: Values) -> None:
    """Raises ValueError for an unknown field."""
    known = {**values, **dict.fromkeys(FIELDS, ())}
    for template in templates:
        unknown = next((name for name in template.texts if name not in known), None)
        if unknown is not None:
            raise ValueError(
                f"has {{{unknown}}}; write {{name}}, {{basename}}, {{path}}, a time such as"
                " {start:%Y-%m-%d}, or the name of one of the job's values"
            )


def other_names(
    templates: Sequence[Template], file: RemoteFile, path: str, texts: Mapping[str, str]
) -> tuple[str, ...]:
    """The other names that a file may have.

    Args:
        templates: the job's ``adopt``.
        file: with its name and slot.
        path: the path of its URL, or its key.
        texts: its combination of values.
    """
    if not templates:
        return ()
    fields = {
        **texts,
        "name": file.name,
        "basename": path.rpartition("/")[2],
        "path": path.lstrip("/"),
    }
    found: Iterator[str] = (
        each.fill(file.start or _NO_TIME, file.end or _NO_TIME, fields)
        for each in templates
        if file.start is not None or not each.has_times
    )
    return tuple(name for name in found if name != file.name)


AdoptNames = Annotated[
    list[InstanceOf[Template]],
    BeforeValidator(parse_adopt),
    PlainSerializer(lambda found: [str(each) for each in found], return_type=list[str]),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
            "examples": [_EXAMPLE],
        }
    ),
]
ADOPT: Final = (
    "Where curl, wget or rclone stored files in the job's folder: `{path}` (of the URL), `{basename}`,"
    " `{name}` (as here), `{start:...}` and the values. A complete file is renamed instead of fetched."
)
