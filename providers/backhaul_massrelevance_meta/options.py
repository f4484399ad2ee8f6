"""The YAML keys of a source and of a job."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, StringConstraints, field_validator, model_validator

from backhaul import BaseUrl, Duration, Identity, JobOptions, Slots, SourceOptions, UtcTime
from backhaul_massrelevance_meta.params import MetaParams

MINUTE = timedelta(minutes=1)
Name = Annotated[str, StringConstraints(pattern=r"^[^/\\?#%\x00-\x20\x7f]{1,100}$")]


def _no_dots(value: str) -> str:
    if value.strip(".") == "":
        raise ValueError("must be a name as in the stream's URL")
    return value


class MassRelevanceSource(SourceOptions):
    """An account. Its streams are public, so it needs no credentials."""

    account: Identity[Name] = Field(
        description="Name of the account: the first part of a stream's path.", examples=["bdainton"]
    )
    base_url: BaseUrl = Field(
        default="http://tweetriver.com",
        description="URL of the API; for later streams, https://api.massrelevance.com.",
    )

    _account = field_validator("account")(_no_dots)


class MetaJob(JobOptions):
    """Snapshots of a stream's meta: one per period, or a single one."""

    stream: Identity[Name] = Field(description="Name of the stream.", examples=["kindle"])
    formats: list[Literal["json", "xml"]] = Field(
        default=["json"],
        min_length=1,
        description="Formats to fetch: json, xml or both.",
        examples=[["json"]],
    )
    params: MetaParams = Field(
        default_factory=MetaParams,
        description="Query parameters, named as in the API.",
        examples=[{"num_minutes": 1440, "num_hours": 24, "num_days": 7}],
    )
    start: UtcTime | None = Field(
        default=None,
        alias="from",
        description="Start of the first period.",
        examples=["2012-09-26"],
    )
    end: UtcTime | None = Field(
        default=None, alias="to", description="End of the last period.", examples=["2012-10-01"]
    )
    every: Duration | None = Field(
        default=None,
        description=(
            "Length of a period; each snapshot's `finish` is the end of its period. Default: a single "
            "snapshot, whose `finish` is `to`, or the minute in which the run started."
        ),
        examples=["1d"],
    )
    _read_at: datetime = PrivateAttr(default_factory=lambda: datetime.now(UTC))

    _stream = field_validator("stream")(_no_dots)

    @field_validator("formats")
    @classmethod
    def _each_once(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("lists a format twice")
        return value

    @field_validator("start", "end")
    @classmethod
    def _whole_second(cls, value: datetime | None) -> datetime | None:
        if value is not None and (value.microsecond or value.timestamp() <= 0):
            raise ValueError("must be a whole second after 1970: finish is a Unix time")
        return value

    @field_validator("every")
    @classmethod
    def _whole_minutes(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and (value < MINUTE or value % MINUTE):
            raise ValueError(
                "must be a whole number of minutes, because activity is counted per minute"
            )
        return value

    @model_validator(mode="after")
    def _fits(self) -> "MetaJob":
        if self.every is not None and (self.start is None or self.end is None):
            raise ValueError("every requires from and to: it divides that range into periods")
        if self.params.finish is not None and (self.every is not None or self.end is not None):
            raise ValueError(
                "params.finish cannot be combined with to or every, which set finish themselves"
            )
        if self.start is not None and self.start >= self.finish:
            raise ValueError(f"from must be before the end, {self.finish:%Y-%m-%dT%H:%M:%SZ}")
        return self

    @property
    def now(self) -> datetime:
        """The minute at which the configuration was read, so that it is fixed within a run."""
        return self._read_at.replace(second=0, microsecond=0)

    @property
    def finish(self) -> datetime:
        """Where the last snapshot ends."""
        if self.params.finish is not None:
            return datetime.fromtimestamp(self.params.finish, UTC)
        return self.end or self.now

    def periods(self) -> Iterator[tuple[datetime, datetime]]:
        """The period of each snapshot, except those that have not ended yet."""
        if self.every is None or self.start is None or self.end is None:
            start = self.start or self.finish - self.params.length("num_minutes") * MINUTE
            if self.finish <= self.now:
                yield start, self.finish
            return
        start = self.start
        while start < self.end and (end := min(start + self.every, self.end)) <= self.now:
            yield start, end
            start = end

    def slots(self) -> tuple[Slots, ...]:
        """The periods as runs of equal slots; the last period may be shorter."""
        if self.every is None or self.start is None or self.end is None:
            return tuple(Slots(start, end) for start, end in self.periods())
        ended = self.start + (min(self.end, self.now) - self.start) // self.every * self.every
        found = [Slots(self.start, ended, every=self.every)] if ended > self.start else []
        if self.start <= ended < self.end <= self.now:
            found.append(Slots(ended, self.end))
        return tuple(found)
