"""The YAML keys of http-series."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pydantic import Field, ValidationInfo, field_validator, model_validator

from backhaul import Duration, JobOptions, Moment
from backhaul_http_archives.adopting import ADOPT, AdoptNames, check_adopt
from backhaul_http_archives.beside import BesideSums
from backhaul_http_archives.keys import (
    ContentWord,
    NameTemplate,
    SlotLength,
    UrlTemplate,
    ValueLists,
    basename,
)
from backhaul_http_archives.keys import origin_url as origin_of
from backhaul_http_archives.source import ArchiveSource, check_period, source_of
from backhaul_http_archives.template import Template
from backhaul_http_archives.values import check_fields, check_values, combinations, in_url
from backhaul_http_archives.windows import Window

_MOST_COMPARED = 10_000  # combinations of values whose names are compared before anything runs
_FAR = (
    timedelta(hours=1), timedelta(days=1), timedelta(weeks=1), timedelta(days=31),
    timedelta(days=366), timedelta(days=3653),
)  # fmt: skip


class SeriesSource(ArchiveSource):
    """An archive whose URLs are computed from the time."""

    url: UrlTemplate = Field(
        description="URL of a file. Fields: `{start:%Y-%m-%d}`, `{end:...}` (UTC; `%-H`: without a"
        " leading zero), and the names of the job's values.",
        examples=["https://data.example.org/{start:%Y-%m-%d}-{start:%-H}.json.gz"],
    )
    every: SlotLength = Field(
        description="Length of a slot: `10m`, `1h`, `1d`, `1w`, `1mo`, `1y`.", examples=["1h"]
    )
    name: NameTemplate = Field(
        default="{basename}",
        validate_default=True,
        description="Name of the stored file; `{basename}` is the last part of the URL's path.",
        examples=["{start:%Y/%m}/{basename}"],
    )
    content: ContentWord | None = Field(
        default=None,
        description="Content of the files. Default: by the suffix of the name.",
        examples=["jsonl.gz"],
    )
    checksum: BesideSums | None = Field(
        default=None,
        description="A checksum file for each file; fetched only together with the file.",
        examples=[{"beside": "{url}.md5"}],
    )
    lag: Duration = Field(
        default=timedelta(0),
        description="A slot is due this long after its end; until then, it is pending and not requested.",
        examples=["2h"],
    )
    retention: Duration | None = Field(
        default=None,
        description="How long the archive keeps a file after its slot's end; older slots cause a warning.",
        examples=["60d"],
    )
    missing_run: int = Field(
        default=48,
        ge=0,
        le=1_000_000_000,
        description="This many consecutive missing slots (per combination of values, not counting those"
        " before the first that ever existed) are a failure rather than gaps; 0: never.",
    )
    recheck: Duration = Field(
        default=timedelta(days=7),
        description="A missing slot is requested again until this long after it was due; later only"
        " with `--refresh`.",
        examples=["7d"],
    )

    @property
    def base_url(self) -> str:
        """The location of the archive."""
        return origin_of(self.url)

    @field_validator("url")
    @classmethod
    def _tells_slots_apart(cls, value: Template) -> Template:
        if not value.has_times:
            raise ValueError(
                "has no time field, so all slots would have the same URL; add one such"
                " as {start:%Y-%m-%d}"
            )
        return value


class SeriesJob(JobOptions):
    """The slots that start in [from, to)."""

    start: Moment = Field(
        alias="from",
        description="First slot's start: a day, a time, `now`, `today` or an offset such as `-7d`.",
        examples=["2026-01-01"],
    )
    end: Moment = Field(
        default=Moment.parse("now"),
        alias="to",
        description="End, not included: a day, a time, `now`, `today` or an offset.",
        examples=["2026-02-01"],
    )
    values: ValueLists = Field(
        default={},
        description="Values of the fields in `url` and `name`; each combination is requested.",
        examples=[{"symbol": ["BTCUSDT", "ETHUSDT"]}],
        validate_default=True,
    )
    adopt: AdoptNames = Field(default=[], description=ADOPT, examples=["data.example.org/{path}"])

    @field_validator("end")
    @classmethod
    def _after_start(cls, value: Moment, info: ValidationInfo) -> Moment:
        start = info.data.get("start")
        if start is not None:
            check_period(start, value)
        return value

    @field_validator("values")
    @classmethod
    def _fit_the_source(
        cls, value: dict[str, list[str]], info: ValidationInfo
    ) -> dict[str, list[str]]:
        check_values(value)
        source = source_of(info, SeriesSource)
        if source is None:
            return value
        check_fields(source.url.texts, value, "url")
        check_fields([name for name in source.name.texts if name != "basename"], value, "name")
        used = {*source.url.texts, *source.name.texts}
        unused = next((name for name in value if name not in used), None)
        if unused is not None:
            raise ValueError(
                f"has {unused!r}, which the source's url does not use; write {{{unused}}} there, or"
                " remove it here"
            )
        return value

    @field_validator("adopt")
    @classmethod
    def _has_fields(cls, value: list[Template], info: ValidationInfo) -> list[Template]:
        check_adopt(value, info.data.get("values") or {})
        return value

    @model_validator(mode="after")
    def _names_differ(self, info: ValidationInfo) -> "SeriesJob":
        source = source_of(info, SeriesSource)
        if source is not None:
            _check_names(source, self)
        return self

    def window(self, source: SeriesSource, now: datetime) -> Window:
        """The job's slots at a time."""
        start, end = self.start.at(now), self.end.at(now)
        return Window.of(source.every, start, end, lag=source.lag, now=now)


def _check_names(source: SeriesSource, job: SeriesJob) -> None:
    """Raises ValueError if two files of a job would have the same name."""
    window = job.window(source, datetime.now(UTC))
    combos = [
        each for each, _ in zip(combinations(job.values), range(_MOST_COMPARED), strict=False)
    ]
    seen: dict[str, str] = {}
    for start in _samples(window):
        end = source.every.after(start)
        for texts in combos if start == window.first else combos[:1]:
            url = source.url.bind(in_url(texts)).fill(start, end)
            name = source.name.bind({**texts, "basename": basename(url)}).fill(start, end)
            if not name or name.endswith("/"):
                raise ValueError(
                    f"would name a file {name!r}, since the URL ends without a name; write a name for"
                    ' the source, such as name: "{start:%Y-%m-%d}.gz"'
                )
            if name in seen:
                raise ValueError(
                    f"would give two files the name {name!r}: those of {seen[name]} and of {_slot(start, texts)};"
                    " write a unique name for the source, such as"
                    ' name: "{start:%Y/%m/%d}/{basename}"'
                )
            seen[name] = _slot(start, texts)


def _slot(start: datetime, texts: dict[str, str]) -> str:
    return " ".join([f"{start:%Y-%m-%dT%H:%MZ}", *texts.values()])


def _samples(window: Window) -> Iterator[datetime]:
    """Starts of slots of the window whose names are most likely to be the same."""
    every = window.every
    found = {window.first}
    if window.first < window.until:
        found.add(every.after(window.first))
    for span in _FAR:
        try:
            found.add(every.floor(window.first + span))
        except OverflowError:
            break
    return iter(sorted(start for start in found if window.first <= start < window.until))
