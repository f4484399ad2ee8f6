"""The YAML keys of s3-prefix."""

import os
import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BeforeValidator,
    Field,
    InstanceOf,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from backhaul import BaseUrl, Secret
from backhaul_http_archives.keys import RESERVED, ListedName, SlotLength
from backhaul_http_archives.listed_options import ListedJob, ListedKeys
from backhaul_http_archives.periods import Every
from backhaul_http_archives.source import PoliteSource
from backhaul_http_archives.template import Template

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


def _parse_prefix(value: Any) -> Template:
    """A prefix with fields. Raises ValueError, which says what to write."""
    if isinstance(value, Template):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a folder such as data/{start:%Y}/{start:%m}/")  # noqa: TRY004 - pydantic reads ValueError
    if value.startswith(("s3://", "http://", "https://")):
        raise ValueError("must be a folder inside the bucket; name the bucket under bucket")
    if value.startswith("/") or "//" in value:
        raise ValueError("must not start with / or contain //")
    if value and not value.endswith("/"):
        raise ValueError(
            f"must end in /, as a folder. Write {value}/, or its parent folder and select names"
            " with include:"
        )
    template = Template.parse(value)
    taken = sorted(set(template.texts) & RESERVED)
    if taken:
        raise ValueError(
            f"has {{{taken[0]}}}, which a prefix cannot have; write times such as {{start:%Y-%m-%d}}"
            " and the names of the job's values"
        )
    return template


Prefix = Annotated[
    InstanceOf[Template],
    BeforeValidator(_parse_prefix),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": "^$|/$", "examples": ["data/{start:%Y}/{start:%m}/"]}
    ),
]


class S3Source(ListedKeys, PoliteSource):
    """A prefix of a bucket that is only read."""

    place_key: ClassVar[str] = "prefix"

    bucket: str = Field(description="Name of the bucket.", examples=["flatfiles"])
    prefix: Prefix = Field(
        default="",
        validate_default=True,
        description="Folder in the bucket; with fields such as `{start:%Y}`, one folder per period."
        " Default: the whole bucket.",
        examples=["us_stocks_sip/day_aggs_v1/{start:%Y}/{start:%m}/"],
    )
    every: SlotLength | None = Field(
        default=None,
        description="Period of a folder, if there is one per period.",
        examples=["1mo"],
    )
    endpoint: BaseUrl | None = Field(
        default=None,
        description="URL of the store. Default: AWS.",
        examples=["https://files.example.com"],
    )
    region: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9-]{1,64}$",
        description="Region of the bucket. Default: `AWS_REGION`, or us-east-1.",
        examples=["eu-central-1"],
    )
    anonymous: bool = Field(
        default=False, description="Send unsigned requests, for public buckets: true or false."
    )
    requester_pays: bool = Field(
        default=False, description="Agree to pay for requests and transfers: true or false."
    )
    access_key_id: Secret | None = Field(
        default=None,
        description="Without it and `secret_access_key`, credentials come from the environment"
        " (`AWS_ACCESS_KEY_ID` and so on), or from a profile, as for any S3 tool.",
        examples=["${FLATFILES_KEY}"],
    )
    secret_access_key: Secret | None = Field(
        default=None, description="Belongs to `access_key_id`.", examples=["${FLATFILES_SECRET}"]
    )
    profile: str | None = Field(
        default=None,
        min_length=1,
        description="Section of `~/.aws/config` and `~/.aws/credentials` that has the credentials. Default:"
        " `AWS_PROFILE`.",
        examples=["archive"],
    )
    etag: Literal["version", "md5"] = Field(
        default="version",
        description="Meaning of an ETag of 32 hex digits: only a version of the content, or also its MD5, which"
        " then proves the file. Do not use `md5` if objects are encrypted with a key (SSE-KMS, SSE-C).",
    )
    name: ListedName = Field(
        default="{name}",
        validate_default=True,
        description="Name of the stored file: `{name}` (the key without the folder common to all prefixes),"
        " `{basename}` (its last part), `{path}` (the whole key), `{start:...}`.",
        examples=["{start:%Y/%m}/{basename}"],
    )

    @property
    def place(self) -> Template:
        """The prefix."""
        return self.prefix

    @property
    def base_url(self) -> str:
        """The location of the store; for AWS, that of the region."""
        return self.endpoint or f"https://s3.{self.home}.amazonaws.com"

    @property
    def home(self) -> str:
        """The bucket's region."""
        found = self.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        return found or "us-east-1"

    @field_validator("bucket")
    @classmethod
    def _is_bucket(cls, value: str) -> str:
        if _BUCKET.fullmatch(value) is None or ".." in value:
            raise ValueError("must be a bucket name only, such as flatfiles")
        return value

    @field_validator("every")
    @classmethod
    def _fits_the_prefix(cls, value: Every | None, info: ValidationInfo) -> Every | None:
        prefix = info.data.get("prefix")
        if value is not None and prefix is not None and not prefix.has_times:
            raise ValueError(
                "is the period of a folder, but prefix has no field for it; add one such as {start:%Y}/"
            )
        return value

    @model_validator(mode="after")
    def _belongs_together(self) -> "S3Source":
        self.check_times()
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("requires both access_key_id and secret_access_key, or neither")
        if self.anonymous and self.access_key_id is not None:
            raise ValueError("has both anonymous: true and access_key_id; remove one of them")
        if self.profile is not None and (self.anonymous or self.access_key_id is not None):
            other = "anonymous: true" if self.anonymous else "access_key_id"
            raise ValueError(f"has both profile and {other}; remove one of them")
        if self.anonymous and self.requester_pays:
            raise ValueError(
                "has both anonymous: true and requester_pays: true; requester pays needs signed requests"
            )
        return self


class S3Job(ListedJob):
    """The objects of a prefix; if they have a time, those that start in [from, to)."""
