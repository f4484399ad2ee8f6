"""The YAML keys of a source and of a job."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticKnownError

from backhaul import BaseUrl, Identity, JobOptions, Secret, SourceOptions, UtcTime

DAY = timedelta(days=1)
DOCUMENTED = ("activity", "message")
FileType = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class StocktwitsSource(SourceOptions):
    """A StockTwits login with access to the stream's backups."""

    username: Identity[str] = Field(
        min_length=1,
        description="Username of the StockTwits login.",
        examples=["${STOCKTWITS_USERNAME}"],
    )
    password: Secret = Field(
        description="Password of the StockTwits login.",
        examples=["${STOCKTWITS_PASSWORD:?the StockTwits password}"],
    )
    base_url: BaseUrl = Field(
        default="https://firestream.stocktwits.com",
        description="URL of the API: scheme, host, port and path prefix.",
    )


class StocktwitsJob(JobOptions):
    """Backups of whole UTC days, one file per day and file type."""

    metrics: list[FileType] = Field(
        default=[],
        description="Metrics of the symbol backups to fetch; names are passed through unchanged.",
        examples=[["sentiment"]],
    )
    file_types: list[FileType] = Field(
        default=["activity", "message"],
        description="Stream backups to fetch: activity, message. Other names are passed through unchanged. May"
        " be empty if `metrics` is set.",
        examples=[["activity", "message"]],
    )
    start: UtcTime = Field(alias="from", description="First day, UTC.", examples=["2016-12-01"])
    end: UtcTime = Field(
        alias="to", description="Day after the last, UTC: [from, to).", examples=["2017-01-01"]
    )

    @field_validator("file_types")
    @classmethod
    def _names_something(cls, value: list[str], info: ValidationInfo) -> list[str]:
        if not value and not info.data.get("metrics"):
            lengths = {"field_type": "List", "min_length": 1, "actual_length": 0}
            raise PydanticKnownError("too_short", lengths)
        return value

    @field_validator("metrics", "file_types")
    @classmethod
    def _each_once(cls, value: list[str]) -> list[str]:
        twice = sorted({name for name in value if value.count(name) > 1})
        if twice:
            raise ValueError(f"lists {', '.join(twice)} twice")
        return value

    @field_validator("start", "end")
    @classmethod
    def _whole_day(cls, value: datetime) -> datetime:
        if value.timestamp() % DAY.total_seconds():
            raise ValueError(
                "must be a whole UTC day such as 2016-12-01: there is one backup per day"
            )
        return value

    @field_validator("end")
    @classmethod
    def _after_start(cls, value: datetime, info: ValidationInfo) -> datetime:
        start = info.data.get("start")
        if start is not None and value <= start:
            raise ValueError(
                f"must be after from ({start:%Y-%m-%d}); `to` is the day after the last one to fetch"
            )
        return value

    @property
    def over(self) -> datetime:
        """End of the past days; the backup of the current day is not complete yet."""
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return max(self.start, min(self.end, today))
