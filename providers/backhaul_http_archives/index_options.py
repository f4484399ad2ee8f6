"""The YAML keys of http-index."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    InstanceOf,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from backhaul import BaseUrl, Duration, JobOptions, Moment, SourceOptions
from backhaul_http_archives.beside import BesideTemplate
from backhaul_http_archives.entries import FIELDS
from backhaul_http_archives.keys import (
    ContentWord,
    ListedName,
    SlotLength,
    Status,
    UrlTemplate,
    ValueLists,
)
from backhaul_http_archives.keys import origin_url as origin_of
from backhaul_http_archives.source import ArchiveSource, check_period, source_of
from backhaul_http_archives.template import Template
from backhaul_http_archives.values import check_fields, check_values

_NAMES = ("name", "basename", "path")


def _parse_pattern(value: Any) -> re.Pattern[str]:
    if isinstance(value, re.Pattern):
        return value
    if not isinstance(value, str) or len(value) > 1000:  # noqa: PLR2004 - a line
        raise ValueError("should be a regular expression")
    try:
        return re.compile(value)
    except re.error as error:
        at = "" if error.pos is None else f" at character {error.pos + 1}"
        raise ValueError(f"is not a regular expression: {error.msg}{at}") from None
    except RecursionError:
        raise ValueError("is nested too deep for a regular expression") from None


def _check_expression(value: str) -> str:
    try:
        jmespath.compile(value)
    except JMESPathError as error:
        said = " ".join(str(error).split())[:200]
        raise ValueError(f"is not a JMESPath expression: {said}") from None
    return value


Pattern = Annotated[
    InstanceOf[re.Pattern],  # type: ignore[type-arg]  # pydantic looks at the class alone
    BeforeValidator(_parse_pattern),
    PlainSerializer(lambda pattern: pattern.pattern, return_type=str),
    WithJsonSchema({"type": "string", "format": "regex"}),
]
Expression = Annotated[str, AfterValidator(_check_expression)]


class Lines(SourceOptions):
    """How a line names a file."""

    pattern: Pattern = Field(
        default=re.compile(r"(?P<url>\S+)"),
        description="Regular expression with the groups url or name, and size, md5, sha1, sha256 or"
        " sha512. Lines that it does not match are left out.",
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
            raise ValueError("needs url or name: what tells where a file is")
        return self

    def columns(self) -> dict[str, str]:
        """Where each of FIELDS is found."""
        found = {field: getattr(self, field) for field in FIELDS}
        return {field: place for field, place in found.items() if place is not None}


class Json(_Columns):
    """Where a JSON document names its files: JMESPath expressions."""

    files: Expression = Field(
        description="The list of files; a plain path such as `files[*]` is read as a stream.",
        examples=["files[*]"],
    )
    url: Expression | None = Field(default=None, description="A file's URL.")
    name: Expression | None = Field(default=None, description="Its name.")
    size: Expression | None = Field(default=None, description="Its size in bytes.")
    md5: Expression | None = Field(default=None, description="Its digest.")
    sha1: Expression | None = Field(default=None, description="Its digest.")
    sha256: Expression | None = Field(default=None, description="Its digest.")
    sha512: Expression | None = Field(default=None, description="Its digest.")

    def compiled(self) -> dict[str, Any]:
        """The expressions, ready to be searched with."""
        return {field: jmespath.compile(text) for field, text in self.columns().items()}


class Csv(_Columns):
    """Which columns name a file; the first line has their names."""

    url: str | None = Field(default=None, description="A file's URL.")
    name: str | None = Field(default=None, description="Its name.")
    size: str | None = Field(default=None, description="Its size in bytes.")
    md5: str | None = Field(default=None, description="Its digest.")
    sha1: str | None = Field(default=None, description="Its digest.")
    sha256: str | None = Field(default=None, description="Its digest.")
    sha512: str | None = Field(default=None, description="Its digest.")
    delimiter: str = Field(
        default=",", min_length=1, max_length=1, description="What stands between columns."
    )


class Sums(SourceOptions):
    """Digests of an index's files: one of the two."""

    folder: str | None = Field(
        default=None,
        min_length=1,
        description="A checksum file for the whole folder, relative to the index: md5sums.txt.",
        examples=["md5sums.txt"],
    )
    beside: BesideTemplate | None = Field(
        default=None,
        description="A checksum file beside each file: `{url}.md5`, `{basename}.sha256`.",
        examples=["{url}.md5"],
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> "Sums":
        if (self.folder is None) == (self.beside is None):
            raise ValueError('should have one of folder: md5sums.txt and beside: "{url}.md5"')
        return self


class IndexSource(ArchiveSource):
    """An archive that says what it has, in one list or one a period."""

    url: UrlTemplate = Field(
        description="Address of the index; with fields such as `{start:%Y-%m}`, of one a period.",
        examples=["https://dumps.example.org/pageviews/{start:%Y}/{start:%Y-%m}/"],
    )
    every: SlotLength | None = Field(
        default=None,
        description="Period of an index, where there is one a period.",
        examples=["1mo"],
    )
    reader: Literal["autoindex", "lines", "sums", "json", "csv"] = Field(
        default="autoindex",
        description="What an index is: a page of links, lines, a checksum file (md5sums.txt), JSON or"
        " CSV; packed with gzip or not.",
    )
    base: BaseUrl | None = Field(
        default=None,
        description="What relative links are relative to; left out: the index itself.",
        examples=["https://data.commoncrawl.org"],
    )
    rewrite: dict[str, str] = Field(
        default={},
        description="Beginnings of links and what to put in their place.",
        examples=[{"s3://openalex/": "https://openalex.s3.amazonaws.com/"}],
    )
    include: list[str] = Field(
        default=[],
        description="Names to take, with their folders or without, as patterns: `*` any text, `?` a character; none: all.",
        examples=[["pageviews-*.gz"]],
    )
    exclude: list[str] = Field(default=[], description="Names to leave out.", examples=[["*.tmp"]])
    start: Pattern | None = Field(
        default=None,
        description="Regular expression with the group `start`: the slot's start in a name. Files"
        " whose names (or else URLs) it does not match are left out.",
        examples=[r"pageviews-(?P<start>\d{8}-\d{6})"],
    )
    start_format: str | None = Field(
        default=None,
        description="How that is written, as for strptime.",
        examples=["%Y%m%d-%H%M%S"],
    )
    slot: SlotLength | None = Field(
        default=None, description="Length of a file's slot; needed with `start`.", examples=["1h"]
    )
    lag: Duration = Field(
        default=timedelta(0), description="A slot is due this long after its end.", examples=["2h"]
    )
    name: ListedName = Field(
        default=Template.parse("{name}"),
        description="Name of the file here: `{name}` as listed, `{basename}` (its last part), `{path}`"
        " (of its URL), `{start:...}`.",
        examples=["{start:%Y/%m}/{basename}"],
    )
    content: ContentWord | None = Field(
        default=None, description="What a file holds; left out: by the ending of its name."
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
        description="A checksum file for each index's folder, or beside each file.",
        examples=[{"folder": "md5sums.txt"}],
    )
    missing: list[Status] = Field(
        default=[404, 410],
        min_length=1,
        description="Statuses that say that an index of a period is not there.",
    )

    @property
    def pattern(self) -> re.Pattern[str]:
        """How a line names a file, of the reader lines."""
        return (self.lines or Lines()).pattern

    @property
    def base_url(self) -> str:
        """Where the archive is."""
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
                "is the period of an index, and url has no field for it; write one such as {start:%Y-%m}"
            )
        return value

    @field_validator("start")
    @classmethod
    def _has_start(cls, value: re.Pattern[str] | None) -> re.Pattern[str] | None:
        if value is not None and "start" not in value.groupindex:
            raise ValueError(r"has no group start; write one such as (?P<start>\d{4}-\d{2}-\d{2})")
        return value

    @field_validator("start_format")
    @classmethod
    def _is_format(cls, value: str | None) -> str | None:
        if value is None:
            return value
        example = datetime(2026, 3, 5, 7, 8, 9, tzinfo=UTC)
        try:
            read = datetime.strptime(example.strftime(value), value)  # noqa: DTZ007 - only whether it can be read
        except ValueError:
            read = None
        if read is None or "%" not in value:
            raise ValueError("is not a format of times; write one such as %Y%m%d-%H%M%S")
        return value

    @model_validator(mode="after")
    def _belongs_together(self) -> "IndexSource":
        if self.url.has_times and self.every is None:
            raise ValueError(
                "url has a field for the time; write every: 1mo, or what its period is"
            )
        named = [self.start_format is not None, self.slot is not None]
        if self.start is not None and not all(named):
            raise ValueError(
                "start needs start_format and slot: how the time is written, and how long a slot is"
            )
        if self.start is None and any(named):
            raise ValueError("start_format and slot need start: where the time is in a name")
        for reader, given in (("lines", self.lines), ("json", self.json_), ("csv", self.csv)):
            if given is not None and self.reader != reader:
                raise ValueError(
                    f"has the key {reader}, and reader is {self.reader}; write reader: {reader}"
                )
            if given is None and self.reader == reader != "lines":
                raise ValueError(
                    f"needs the key {reader}, which says where the files are in an index"
                )
        if self.name.has_times and self.start is None and self.every is None:
            raise ValueError(
                "name has a time, and nothing tells a file's time; write start, start_format and slot"
            )
        return self


class IndexJob(JobOptions):
    """The files that an index lists; where they have a time, those that start in [from, to)."""

    start: Moment | None = Field(
        default=None,
        alias="from",
        description="First slot's start: a day, a time, `now`, `today` or an offset such as `-7d`.",
        examples=["2026-01-01"],
        validate_default=True,
    )
    end: Moment | None = Field(
        default=None,
        alias="to",
        description="End, not included; left out: now.",
        examples=["2026-02-01"],
    )
    values: ValueLists = Field(
        default={},
        description="Values of the fields in `url`; each combination's index is read.",
        examples=[{"wiki": ["enwiki", "dewiki"]}],
        validate_default=True,
    )

    @field_validator("start")
    @classmethod
    def _needed(cls, value: Moment | None, info: ValidationInfo) -> Moment | None:
        source = source_of(info, IndexSource)
        if source is None:
            return value
        if value is None and source.every is not None:
            raise ValueError("needs from: the source has an index a period; write from: 2026-01-01")
        if value is not None and source.every is None and source.start is None:
            raise ValueError(
                "is of no use: the source's files have no time; write start, start_format and slot there"
            )
        return value

    @field_validator("end")
    @classmethod
    def _after_start(cls, value: Moment | None, info: ValidationInfo) -> Moment | None:
        start = info.data.get("start")
        if value is None:
            return value
        if start is None:
            raise ValueError("needs from")
        check_period(start, value)
        return value

    @field_validator("values")
    @classmethod
    def _fit_the_source(
        cls, value: dict[str, list[str]], info: ValidationInfo
    ) -> dict[str, list[str]]:
        check_values(value)
        source = source_of(info, IndexSource)
        if source is not None:
            check_fields(source.url.texts, value, "url")
            texts = [name for name in source.name.texts if name not in _NAMES]
            check_fields(texts, value, "name")
        return value
