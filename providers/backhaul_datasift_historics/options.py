"""The keys of a DataSift source and of its jobs."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from backhaul import BaseUrl, ByteSize, Duration, Identity, JobOptions, Secret, SourceOptions

LARGEST_PULL = 20 << 20
"""Maximum bytes per pull (DataSift's pull reference)."""

_MINUTE = timedelta(minutes=1)


class DatasiftSource(SourceOptions):
    """A DataSift account."""

    username: Identity[str] = Field(min_length=1, description="User name of the account.")
    api_key: Secret = Field(description="API key of the account.")
    api_version: str = Field(
        default="v1.6",
        pattern=r"^v\d+(\.\d+)?$",
        description="API version in the paths: v1.3, v1.6 and so on.",
    )
    base_url: BaseUrl = Field(default="https://api.datasift.com", description="URL of the API.")
    patience: Duration = Field(
        default=5 * _MINUTE,
        description="How long to wait when DataSift throttles calls or pulls, before giving up.",
    )
    pulls_per_second: float = Field(
        default=2.0,
        gt=0,
        description="Maximum pulls per second for each subscription; DataSift allows two.",
    )


class DatasiftJob(JobOptions):
    """A Historics query, fetched through its pull subscription."""

    id: Identity[str | None] = Field(
        default=None, pattern=r"^[0-9A-Za-z_-]+$", description="Id of the Historics query."
    )
    name: str | None = Field(
        default=None, min_length=1, description="Name of the Historics query, instead of its id."
    )
    subscription: str | None = Field(
        default=None,
        min_length=1,
        description="Id of the push subscription. Default: looked up from the query.",
    )
    split: Annotated[ByteSize, Field(gt=0)] = Field(
        default=64 << 20, description="Start a new file after this many stored bytes."
    )
    pull_size: Annotated[ByteSize, Field(ge=1, le=LARGEST_PULL)] = Field(
        default=8 << 20,
        description="Bytes to request per pull, at most 20M; each pull is held in memory.",
    )
    poll: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        default=_MINUTE,
        description="Maximum pause between polls of an empty queue; pauses double up to it.",
    )

    @model_validator(mode="after")
    def _one_way_to_name_the_query(self) -> Self:
        if (self.id is None) == (self.name is None):
            raise ValueError("set exactly one of id and name for the Historics query")
        return self
