"""The YAML keys of http-index."""

import re
from typing import Annotated, Any, Literal

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from backhaul import BaseUrl, SourceOptions
from backhaul_http_archives.beside import BesideTemplate
from backhaul_http_archives.entries import FIELDS
from backhaul_http_archives.keys import ListedName, SlotLength, UrlTemplate
from backhaul_http_archives.keys import origin_url as origin_of
from backhaul_http_archives.listed_options import ListedJob, ListedKeys, Pattern
from backhaul_http_archives.source import ArchiveSource
from backhaul_http_archives.template import Template


def _check_expression(value: str) -> str:
    try:
        jmespath.compile(value)
    except JMESPathError as error:
        text = " ".join(str(error).split())[:200]
        raise ValueError(f"is not a JMESPath expression: {text}") from None
    return value


Expression = Annotated[str, AfterValidator(_check_expression)]


class Lines(SourceOptions):
    """How a line describes a file."""

    pattern: Pattern = Field(
        default=re.compile(r"(?P<url>\S+)"),
        description="Regular expression with the groups url or name, and size, md5, sha1, sha256 or"
        " sha512. Lines that do not match are ignored.",
    )

    @field_validator("pattern")
    @classmethod
    def _groups(cls, value: re.Pattern[str]) -> re.Pattern[str]:
        unknown = sorted(set(value.groupindex) - set(FIELDS))
        if unknown:
            raise ValueError(f"has the group {unknown[0]}; write {', '.join(FIELDS)}")
        if not {"url", "name"} & set(value.groupindex):
            raise ValueError(r"has no group url or name; write one such as (?P<url>\S+)")
        return value


class _Columns(SourceOptions):
    @model_validator(mode="after")
    def _finds_files(self) -> Any:
        given = self.columns()
        if not {"url", "name"} & set(given):
            raise ValueError("requires url or name, to locate the files")
        return self

    def columns(self) -> dict[str, str]:
        """Where each of FIELDS is found."""
        found = {field: getattr(self, field) for field in FIELDS}
        return {field: place for field, place in found.items() if place is not None}


class Json(_Columns):
    """Where a JSON document lists its files: JMESPath expressions."""

    files: Expression = Field(
        description="The list of files; a plain path such as `files[*]` is streamed.",
        examples=["files[*]"],
    )
    url: Expression | None = Field(default=None, description="The file's URL.")
    name: Expression | None = Field(default=None, description="Its name.")
    size: Expression | None = Field(default=None, description="The file's size in bytes.")
    md5: Expression | None = Field(default=None, description="Its digest.")
    sha1: Expression | None = Field(default=None, description="Its digest.")
    sha256: Expression | None = Field(default=None, description="Its digest.")
    sha512: Expression | None = Field(default=None, description="Its digest.")

    def compiled(self) -> dict[str, Any]:
        """The compiled expressions."""
        return {field: jmespath.compile(text) for field, text in self.columns().items()}


class Csv(_Columns):
    """The columns that describe a file, by their names in the first line."""

    url: str | None = Field(default=None, description="The file's URL.")
    name: str | None = Field(default=None, description="Its name.")
    size: str | None = Field(default=None, description="The file's size in bytes.")
    md5: str | None = Field(default=None, description="Its digest.")
    sha1: str | None = Field(default=None, description="Its digest.")
    sha256: str | None = Field(default=None, description="Its digest.")
    sha512: str | None = Field(default=None, description="Its digest.")
    delimiter: str = Field(default=",", min_length=1, max_length=1, description="Column separator.")


class Sums(SourceOptions):
    """Digests of an index's files: one of two kinds."""

    folder: str | None = Field(
        default=None,
        min_length=1,
        description="A checksum file for the whole folder, relative to the index: md5sums.txt.",
        examples=["md5sums.txt"],
    )
    beside: BesideTemplate | None = Field(
        default=None,
        description="A checksum file next to each file: `{url}.md5`, `{basename}.sha256`.",
        examples=["{url}.md5"],
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> "Sums":
        if (self.folder is None) == (self.beside is None):
            raise ValueError('requires exactly one of folder: md5sums.txt and beside: "{url}.md5"')
        return self


class IndexSource(ListedKeys, ArchiveSource):
    """An archive with an index of its files, in one list or one per period."""

    url: UrlTemplate = Field(
        description="URL of the index; with fields such as `{start:%Y-%m}`, one index per period.",
        examples=["https://dumps.example.org/pageviews/{start:%Y}/{start:%Y-%m}/"],
    )
    every: SlotLength | None = Field(
        default=None,
        description="Period of an index, if there is one per period.",
        examples=["1mo"],
    )
    reader: Literal["autoindex", "lines", "sums", "json", "csv"] = Field(
        default="autoindex",
        description="Format of the index: a page of links, lines, a checksum file (md5sums.txt), JSON or"
        " CSV; optionally compressed with gzip.",
    )
    base: BaseUrl | None = Field(
        default=None,
        description="Base URL of relative links. Default: the index itself.",
        examples=["https://data.commoncrawl.org"],
    )
    rewrite: dict[str, str] = Field(
        default={},
        description="Prefixes of links and their replacements.",
        examples=[{"s3://openalex/": "https://openalex.s3.amazonaws.com/"}],
    )
    name: ListedName = Field(
        default="{name}",
        validate_default=True,
        description="Name of the stored file: `{name}` as listed, `{basename}` (its last part), `{path}`"
        " (of its URL), `{start:...}`.",
        examples=["{start:%Y/%m}/{basename}"],
    )
    lines: Lines | None = Field(default=None, description="For the reader lines.")
    json_: Json | None = Field(
        default=None,
        alias="json",
        description="For the reader json.",
        examples=[{"files": "files[*]", "url": "url", "sha256": "hash"}],
    )
    csv: Csv | None = Field(default=None, description="For the reader csv.")
    checksum: Sums | None = Field(
        default=None,
        description="A checksum file for each index's folder, or next to each file.",
        examples=[{"folder": "md5sums.txt"}],
    )

    @property
    def pattern(self) -> re.Pattern[str]:
        """How a line describes a file, for the reader lines."""
        return (self.lines or Lines()).pattern

    @property
    def place(self) -> Template:
        """The address of an index."""
        return self.url

    @property
    def base_url(self) -> str:
        """The location of the archive."""
        return origin_of(self.url)

    @field_validator("rewrite")
    @classmethod
    def _to_http(cls, value: dict[str, str]) -> dict[str, str]:
        for old, new in value.items():
            if not old or not new.lower().startswith(("http://", "https://")):
                raise ValueError(
                    f"has {new!r} in place of {old!r}; write an http(s) URL such as"
                    " https://openalex.s3.amazonaws.com/"
                )
        return value

    @field_validator("every")
    @classmethod
    def _fits_the_url(cls, value: Any, info: ValidationInfo) -> Any:
        url = info.data.get("url")
        if url is not None and not url.has_times:
            raise ValueError(
                "is the period of an index, but url has no field for it; add one such as {start:%Y-%m}"
            )
        return value

    @model_validator(mode="after")
    def _belongs_together(self) -> "IndexSource":
        self.check_times()
        for reader, given in (("lines", self.lines), ("json", self.json_), ("csv", self.csv)):
            if given is not None and self.reader != reader:
                raise ValueError(
                    f"has the key {reader}, but reader is {self.reader}; write reader: {reader}"
                )
            if given is None and self.reader == reader != "lines":
                raise ValueError(f"requires the key {reader}, which locates the files in an index")
        return self


class IndexJob(ListedJob):
    """The files that an index lists; if they have a time, those that start in [from, to)."""
