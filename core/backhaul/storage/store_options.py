"""The YAML keys under ``settings.store``: an object store's options in addition to its URL."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from backhaul.options import BaseUrl


class StoreOptions(BaseModel):
    """How to reach an object store. Hashable and picklable; it never holds credentials."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        defer_build=True,  # it is validated as a part of Settings
    )

    endpoint: BaseUrl | None = Field(
        default=None,
        description="URL of the store. Default: that of the cloud.",
        examples=["http://127.0.0.1:9000"],
    )
    region: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9-]{1,64}$",
        description="Region of the bucket (S3). Default: `AWS_REGION`, or us-east-1.",
        examples=["eu-central-1"],
    )
    addressing: Literal["auto", "path", "virtual"] = Field(
        default="auto",
        description="Whether the bucket's name is part of the path or of the host name (S3). `auto`: the"
        " path if there is an endpoint.",
    )
    request_payer: bool = Field(
        default=False, description="Agree to pay for requests and transfers (S3): true or false."
    )
    storage_class: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_]{1,40}$",
        description="Storage class of the files (S3, GCS), or their access tier (Azure). Default: the bucket's.",
        examples=["STANDARD_IA"],
    )
    profile: str | None = Field(
        default=None,
        min_length=1,
        description="Section of `~/.aws/config` and `~/.aws/credentials` (S3). Default: `AWS_PROFILE`.",
    )
    account: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9]{3,24}$",
        description="Storage account (Azure). Default: `AZURE_STORAGE_ACCOUNT_NAME`.",
    )
