"""The settings: how a run behaves, whatever the provider. All of them have defaults."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from backhaul.options import ByteSize, Duration


def _path(value: Any) -> Path:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value.strip():
        raise ValueError("should be the path of a folder")
    if "://" in value:
        raise ValueError("should be a folder on this machine; object stores are not supported")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise ValueError("begins with ~, but that home folder does not exist") from None


_Folder = Annotated[
    Path,
    BeforeValidator(_path),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "minLength": 1}),
]
_SECOND = timedelta(seconds=1)
_HOUR = timedelta(hours=1)
_YEAR = timedelta(days=366)
_Patience = Annotated[Duration, Field(ge=_SECOND, le=_HOUR)]


class Settings(BaseModel):
    """How a run behaves. Sizes in bytes, rates in bytes a second."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    dest: _Folder = Field(
        default=Path("archive"),
        description="Folder of the archive; files land at `<dest>/<job>/<name>`. Relative paths are "
        "relative to this file. It may be a symbolic link, and so may a job's folder in it, but only "
        "if it is one before the run; below a job's folder nothing is written through a link.",
    )
    connections: int = Field(
        default=96,
        ge=1,
        le=512,
        description="Most connections at a time, in all. Fewer are used when a host pushes back.",
    )
    connections_per_host: int = Field(
        default=96,
        ge=1,
        le=512,
        description="Most connections at a time to one host. A run begins with 16, or with what the "
        "host allowed last time, and uses more while that makes it faster.",
    )
    limit_rate: Annotated[ByteSize, Field(ge=1)] | None = Field(
        default=None,
        description="Maximum download rate of all connections together, e.g. 20M. Default: no limit.",
        examples=["20M"],
    )
    retries: int = Field(
        default=6,
        ge=0,
        le=100,
        description="How often a transfer or an API call is tried again after trouble that may pass.",
    )
    wait: Annotated[Duration, Field(ge=timedelta(0), le=_YEAR)] = Field(
        default=timedelta(0),
        description="How long to wait for a job that is not ready at the provider.",
        examples=["12h"],
    )
    max_duration: Annotated[Duration, Field(ge=_SECOND, le=_YEAR)] | None = Field(
        default=None,
        description="Stop cleanly after this time; the next run continues. Left out: no limit.",
        examples=["6h"],
    )
    connect_timeout: _Patience = Field(
        default=timedelta(seconds=30), description="How long a connection may take to be made."
    )
    api_timeout: _Patience = Field(
        default=timedelta(seconds=60), description="How long the provider's API may keep silent."
    )
    stall_timeout: _Patience = Field(
        default=timedelta(seconds=60),
        description="A transfer that stays slower than stall_rate for so long is dropped and resumed.",
    )
    stall_rate: ByteSize = Field(
        default=1024, description="Bytes a second below which a transfer counts as stalled."
    )
    max_file_size: Annotated[ByteSize, Field(ge=1)] = Field(
        default=64 << 30, description="Largest file that is accepted, as stored."
    )
    max_inflated_size: Annotated[ByteSize, Field(ge=1)] = Field(
        default=256 << 30,
        description="Largest file that is accepted, unpacked (decompression bombs).",
    )
    max_line_size: Annotated[ByteSize, Field(ge=1 << 10)] = Field(
        default=64 << 20,
        description="Longest line that `rollup` accepts; a period with a longer one is not written.",
    )
    max_inflate_ratio: int = Field(
        default=250,
        ge=2,
        le=1100,
        description="How many times larger than stored a file may unpack, once that is more than "
        "64 MiB (decompression bombs; gzip itself ends at about 1030).",
    )
    min_free_space: ByteSize = Field(
        default=256 << 20,
        description="Space to leave free on the disk. While there is less, nothing more is fetched to "
        "it: the run waits for room, as long as disk_patience says, and then continues by itself.",
    )
    disk_patience: Annotated[Duration, Field(ge=timedelta(0), le=_YEAR)] = Field(
        default=timedelta(minutes=10),
        description="How long to wait for room on a disk with less than min_free_space before its jobs "
        "end; the next run continues. `0s` ends them at once. A queue may drop data that is not "
        "fetched in time: DataSift keeps an hour of it.",
    )
    durable: bool = Field(
        default=True,
        description="Force files to the disk before they count as done, so that a power cut loses none.",
    )
    rejected_limit: ByteSize = Field(
        default=1 << 30,
        description="What came and was rejected (no footer, a wrong count, not data) is kept in "
        "`<dest>/.backhaul/rejected` for you to look at, up to this many bytes; the oldest goes "
        "first. 0 keeps nothing.",
    )
    user_agent: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        pattern=r"^[\x20-\x7e]+$",
        description="How requests introduce themselves. Left out: backhaul/<version>.",
        examples=["acme-archive/1.0 (ops@acme.example)"],
    )

    def override(self, **changes: Any) -> Self:
        """The same settings with some replaced, as by the command line's flags.

        Args:
            changes: new values, spelt as in YAML (``limit_rate="20M"``); None leaves a setting as it is.

        Raises:
            ConfigError: a value is refused; the message names the flag.
        """
        from backhaul.config.override import override  # noqa: PLC0415 - it needs this module whole

        given = {key: value for key, value in changes.items() if value is not None}
        return override(self, given) if given else self
