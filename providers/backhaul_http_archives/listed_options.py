"""The YAML keys of archives with a listing: which files are included, and their times."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import (
    BeforeValidator,
    Field,
    InstanceOf,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from backhaul import Duration, JobOptions, Moment, SourceOptions
from backhaul_http_archives.adopting import ADOPT, AdoptNames, check_adopt
from backhaul_http_archives.keys import ContentWord, ListedName, SlotLength, ValueLists
from backhaul_http_archives.periods import Every
from backhaul_http_archives.source import check_period, source_of
from backhaul_http_archives.template import Template
from backhaul_http_archives.values import check_fields, check_values

_NAMES = ("name", "basename", "path")


def _parse_pattern(value: Any) -> re.Pattern[str]:
    if isinstance(value, re.Pattern):
        return value
    if not isinstance(value, str) or len(value) > 1000:  # noqa: PLR2004 - a line
        raise ValueError("must be a regular expression")
    try:
        return re.compile(value)
    except re.error as error:
        at = "" if error.pos is None else f" at character {error.pos + 1}"
        raise ValueError(f"is not a regular expression: {error.msg}{at}") from None
    except RecursionError:
        raise ValueError("is nested too deeply for a regular expression") from None


Pattern = Annotated[
    InstanceOf[re.Pattern],  # type: ignore[type-arg]  # pydantic uses only the class
    BeforeValidator(_parse_pattern),
    PlainSerializer(lambda pattern: pattern.pattern, return_type=str),
    WithJsonSchema({"type": "string", "format": "regex"}),
]


class ListedKeys(SourceOptions):
    """Which listed files are included, their times and their contents."""

    place_key: ClassVar[str] = "url"
    if TYPE_CHECKING:  # each kind of archive defines these keys, with its own descriptions
        every: SlotLength | None
        name: ListedName

    include: list[str] = Field(
        default=[],
        description="Names to include, with or without folders, as patterns: `*` any text, `?` one character. Default: all.",
        examples=[["pageviews-*.gz"]],
    )
    exclude: list[str] = Field(default=[], description="Names to exclude.", examples=[["*.tmp"]])
    start: Pattern | None = Field(
        default=None,
        description="Regular expression with the group `start`: the slot's start in a name. Files"
        " whose names (or else URLs) do not match are ignored.",
        examples=[r"pageviews-(?P<start>\d{8}-\d{6})"],
    )
    start_format: str | None = Field(
        default=None, description="Format of `start`, as for strptime.", examples=["%Y%m%d-%H%M%S"]
    )
    slot: SlotLength | None = Field(
        default=None, description="Length of a file's slot; needed with `start`.", examples=["1h"]
    )
    lag: Duration = Field(
        default=timedelta(0), description="A slot is due this long after its end.", examples=["2h"]
    )
    content: ContentWord | None = Field(
        default=None, description="Content of the files. Default: by the suffix of the name."
    )

    @property
    def place(self) -> Template:
        """The location of the listings: a template, the value of the key ``place_key``."""
        raise NotImplementedError

    @property
    def period(self) -> Every | None:
        """The period of a list, if there is one list per period."""
        return self.every

    @property
    def listed_name(self) -> Template:
        """The name under which a file is stored."""
        return self.name

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
            raise ValueError("is not a time format; write one such as %Y%m%d-%H%M%S")
        return value

    def check_times(self) -> None:
        """Raises ValueError if the keys about times contradict each other."""
        if self.place.has_times and self.period is None:
            raise ValueError(
                f"{self.place_key} has a field for the time; write every: 1mo, or what its period is"
            )
        named = [self.start_format is not None, self.slot is not None]
        if self.start is not None and not all(named):
            raise ValueError(
                "start requires start_format and slot: the format of the time and the length of a slot"
            )
        if self.start is None and any(named):
            raise ValueError("start_format and slot require start, which finds the time in a name")
        if self.listed_name.has_times and self.start is None and self.period is None:
            raise ValueError(
                "name has a time field, but the files' times are unknown; write start, start_format and slot"
            )


class ListedJob(JobOptions):
    """The listed files; if they have a time, those that start in [from, to)."""

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
        description="End, exclusive. Default: now.",
        examples=["2026-02-01"],
    )
    values: ValueLists = Field(
        default={},
        description="Values of the fields in the URL; the list of each combination is read.",
        examples=[{"wiki": ["enwiki", "dewiki"]}],
        validate_default=True,
    )
    adopt: AdoptNames = Field(default=[], description=ADOPT, examples=["data.example.org/{path}"])

    @field_validator("start")
    @classmethod
    def _needed(cls, value: Moment | None, info: ValidationInfo) -> Moment | None:
        source = source_of(info, ListedKeys)
        if source is None:
            return value
        if value is None and source.period is not None:
            raise ValueError(
                "requires from: the source has one list per period; write from: 2026-01-01"
            )
        if value is not None and source.period is None and source.start is None:
            raise ValueError(
                "has no effect: the source's files have no time; write start, start_format and slot there"
            )
        return value

    @field_validator("end")
    @classmethod
    def _after_start(cls, value: Moment | None, info: ValidationInfo) -> Moment | None:
        start = info.data.get("start")
        if value is None:
            return value
        if start is None:
            raise ValueError("requires from")
        check_period(start, value)
        return value

    @field_validator("values")
    @classmethod
    def _fit_the_source(
        cls, value: dict[str, list[str]], info: ValidationInfo
    ) -> dict[str, list[str]]:
        check_values(value)
        source = source_of(info, ListedKeys)
        if source is not None:
            check_fields(source.place.texts, value, source.place_key)
            texts = [name for name in source.listed_name.texts if name not in _NAMES]
            check_fields(texts, value, "name")
        return value

    @field_validator("adopt")
    @classmethod
    def _has_fields(cls, value: list[Template], info: ValidationInfo) -> list[Template]:
        check_adopt(value, info.data.get("values") or {})
        return value
