"""Locates the checksum file of each file."""

from typing import Annotated, Any
from urllib.parse import urljoin

from pydantic import BeforeValidator, Field, InstanceOf, PlainSerializer, WithJsonSchema

from backhaul import SourceOptions
from backhaul_http_archives.template import Template

FIELDS = ("url", "basename")


def parse_beside(value: Any) -> Template:
    """A template such as ``{url}.md5``. Raises ValueError, which says what to write."""
    if isinstance(value, Template):
        return value
    if not isinstance(value, str) or not value.strip():
        raise ValueError('must be the URL of the checksum file, such as "{url}.md5"')
    template = Template.parse(value.strip())
    unknown = next((name for name in template.texts if name not in FIELDS), None)
    if unknown is not None or template.has_times:
        raise ValueError(
            f"has {{{unknown or 'start'}}}; write {{url}}, the file's URL, or {{basename}},"
            " its last part"
        )
    if not template.texts:
        raise ValueError(
            'has neither {url} nor {basename}, so all files would share it; write "{url}.md5"'
        )
    return template


def beside_url(template: Template | None, url: str) -> str | None:
    """The URL of a file's checksum file; None if there is none."""
    if template is None:
        return None
    basename = url.partition("?")[0].rpartition("/")[2]
    return urljoin(url, template.bind({"url": url, "basename": basename}).head)


BesideTemplate = Annotated[
    InstanceOf[Template],
    BeforeValidator(parse_beside),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["{url}.md5"]}),
]


class BesideSums(SourceOptions):
    """A checksum file for each file, next to it."""

    beside: BesideTemplate = Field(
        description="Address of a file's checksum file: `{url}.md5`, or `{basename}.sha256` next to it. A"
        " bare digest, or lines in GNU or BSD style.",
        examples=["{url}.md5"],
    )
