"""The YAML keys of a source and of a job."""

from typing import Literal

from pydantic import Field, model_validator

from backhaul import BaseUrl, Identity, JobOptions, Secret, SourceOptions

_HOSTS = {1: "https://historical.gnip.com", 2: "https://gnip-api.gnip.com"}


class HptSource(SourceOptions):
    """An account of the Gnip console."""

    account: Identity[str] = Field(
        min_length=1,
        description="Name of the account, as in the console's address.",
        examples=["acme"],
    )
    username: str = Field(
        min_length=1,
        description="E-mail address of the console login.",
        examples=["${GNIP_USERNAME}"],
    )
    password: Secret = Field(
        description="Password of the console login.",
        examples=["${GNIP_PASSWORD:?the console password}"],
    )
    api_version: Literal[1, 2] = Field(
        default=2,
        description="Version of the API, 1 or 2; it sets the paths and the default base_url.",
    )
    base_url: BaseUrl | None = Field(
        default=None,
        description=(
            f"URL of the API: scheme, host, port and path prefix. Default: {_HOSTS[2]}, "
            f"or {_HOSTS[1]} for version 1. If that does not respond, try https://gnip-api.x.com."
        ),
        examples=[_HOSTS[2]],
    )

    @property
    def root(self) -> str:
        """The API's base URL, without a trailing slash."""
        return self.base_url or _HOSTS[self.api_version]


class HptJob(JobOptions):
    """A Historical PowerTrack job, given by id or title."""

    id: Identity[str | None] = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="The job's UUID: the last part of its jobURL, without .json.",
        examples=["kj4r26m0qx"],
    )
    title: str | None = Field(
        default=None,
        min_length=1,
        description="The job's exact title, instead of id; costs one more API call.",
        examples=["WorldCup test"],
    )
    links: Literal["json", "csv"] = Field(
        default="json",
        description=(
            "Which list of links to read: results.json, or results.csv, which lacks sizes and "
            "suspect minutes."
        ),
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> "HptJob":
        if (self.id is None) == (self.title is None):
            raise ValueError("set exactly one of id and title")
        return self
