"""The settings of a run, common to all providers. All have defaults."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from backhaul import defaults
from backhaul.config.cluster import require_safe, scheduler_address
from backhaul.config.notices import OnFiles, OnJob, Webhook
from backhaul.options import ByteSize, Duration
from backhaul.storage.location import is_store, parse
from backhaul.storage.store_options import StoreOptions


def _destination(value: Any) -> Path | str:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str):
        raise ValueError("should be a folder, or a URL such as s3://bucket/prefix")  # noqa: TRY004 - pydantic reads ValueError
    place = parse(value)
    return place if is_store(place) else _path(place)


def _path(value: Any, what: str = "folder") -> Path:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"should be the path of a {what}")
    if "://" in value:
        raise ValueError(f"should be a {what} on this machine, not a URL")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise ValueError("starts with ~, but that home folder does not exist") from None


_Folder = Annotated[
    Path,
    BeforeValidator(_path),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "minLength": 1}),
]
_File = Annotated[
    Path,
    BeforeValidator(lambda value: _path(value, "file")),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "minLength": 1}),
]
_Destination = Annotated[
    Path | str,
    BeforeValidator(_destination),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "minLength": 1}),
]
_Cluster = Annotated[
    str,
    BeforeValidator(scheduler_address),
    WithJsonSchema({"type": "string", "pattern": r"^(tcp|tls)://"}),
]
_SECOND = timedelta(seconds=1)
_HOUR = timedelta(hours=1)
_YEAR = timedelta(days=366)
_Timeout = Annotated[Duration, Field(ge=_SECOND, le=_HOUR)]


class Settings(BaseModel):
    """How a run behaves. Sizes are in bytes, rates in bytes per second."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    dest: _Destination = Field(
        default=Path("archive"),
        description="Folder of the archive; files are stored at `<dest>/<job>/<name>`. Relative paths are "
        "relative to this file. It and the job folders in it may be symbolic links, if they exist "
        "before the run; below a job's folder, symbolic links are not followed when writing. Or an "
        "object store: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, which need "
        "`pip install 'backhaul[stores]'`.",
        examples=["archive", "s3://bucket/prefix"],
    )
    store: StoreOptions | None = Field(
        default=None,
        description="Options of an object store. Credentials come from the environment, "
        "as for any tool of that store.",
        examples=[{"endpoint": "http://127.0.0.1:9000", "region": "eu-central-1"}],
    )
    workspace: _Folder | None = Field(
        default=None,
        description="Local folder for what is not in an object store: the ledger, lock files, rejected "
        "downloads, and files before they are uploaded. Default: `.backhaul/<name of the URL>` next to "
        "this file. A folder's workspace is always `<dest>/.backhaul`.",
    )
    workspace_limit: Annotated[ByteSize, Field(ge=1 << 20)] = Field(
        default=10 << 30,
        description="Downloads to an object store pause while the files waiting to be uploaded take up "
        "more space than this. Files that are being downloaded are completed first, so up to "
        "`connections` more can follow.",
    )
    connections: int = Field(
        default=128,
        ge=1,
        le=512,
        description="Maximum number of concurrent connections. Fewer are used while a host throttles.",
    )
    connections_per_host: int = Field(
        default=128,
        ge=1,
        le=512,
        description="Maximum number of concurrent connections per host. A run starts with 16, or with "
        "the number that the host allowed last time, and adds more while that increases throughput.",
    )
    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=64)] = Field(
        default=defaults.WORKERS,
        description="Number of processes that fetch and verify files. `auto`: one process, and up to "
        "one per core while a single one cannot keep up. Queues, and hosts with a pace, are always "
        "served by a single process. The processes share connections and limit_rate.",
    )
    allow_insecure_cluster: bool = Field(
        default=False,
        description="Use a `tcp://` scheduler that is not on this machine. Its connections are neither"
        " encrypted nor authenticated: anyone who reaches it sees signed links, and can run programs on"
        " its workers.",
    )
    cluster: _Cluster | None = Field(
        default=None,
        description="Address of a Dask scheduler, whose workers then fetch and verify files instead of"
        " processes on this machine; needs `pip install 'backhaul[dask]'`. Requests with credentials,"
        " hosts with a pace and queues stay on this machine, but see a source's `cluster_credentials`.",
        examples=["tcp://127.0.0.1:8786", "tls://scheduler.example.org:8786"],
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
        description="Maximum number of retries of a transfer or an API call after a transient error.",
    )
    wait: Annotated[Duration, Field(ge=timedelta(0), le=_YEAR)] = Field(
        default=timedelta(0),
        description="How long to wait for a job that is not ready at the provider.",
        examples=["12h"],
    )
    max_duration: Annotated[Duration, Field(ge=_SECOND, le=_YEAR)] | None = Field(
        default=None,
        description="Stop cleanly after this time; the next run resumes. Default: no limit.",
        examples=["6h"],
    )
    connect_timeout: _Timeout = Field(
        default=timedelta(seconds=30), description="Maximum time to establish a connection."
    )
    api_timeout: _Timeout = Field(
        default=timedelta(seconds=60),
        description="Maximum time to wait for data from the provider's API.",
    )
    stall_timeout: _Timeout = Field(
        default=timedelta(seconds=60),
        description="A transfer that is slower than stall_rate for this long is aborted and resumed.",
    )
    stall_rate: ByteSize = Field(
        default=1024, description="Bytes per second below which a transfer counts as stalled."
    )
    max_file_size: Annotated[ByteSize, Field(ge=1)] = Field(
        default=64 << 30, description="Maximum size of a file, as stored."
    )
    max_inflated_size: Annotated[ByteSize, Field(ge=1)] = Field(
        default=256 << 30,
        description="Maximum size of a file, decompressed (a guard against decompression bombs).",
    )
    max_line_size: Annotated[ByteSize, Field(ge=1 << 10)] = Field(
        default=64 << 20,
        description="Maximum length of a line in `rollup`; a period with a longer line is not written.",
    )
    max_inflate_ratio: int = Field(
        default=250,
        ge=2,
        le=1100,
        description="Maximum ratio of decompressed to stored size, for files that decompress to more than "
        "64 MiB (a guard against decompression bombs; gzip's own maximum is about 1030).",
    )
    min_free_space: ByteSize = Field(
        default=256 << 20,
        description="Space to leave free on the disk. While less is free, the run pauses and waits for free "
        "disk space, up to disk_patience, and then continues by itself.",
    )
    disk_patience: Annotated[Duration, Field(ge=timedelta(0), le=_YEAR)] = Field(
        default=timedelta(minutes=10),
        description="How long to wait for free disk space (see min_free_space) before the jobs fail; the "
        "next run resumes. `0s`: do not wait. A queue may drop data that is not fetched in time: "
        "DataSift keeps one hour.",
    )
    durable: bool = Field(
        default=True,
        description="Sync files to disk before they count as done, so that a power failure does not lose any.",
    )
    rejected_limit: ByteSize = Field(
        default=1 << 30,
        description="Rejected downloads (no footer, a wrong count, not data) are kept in "
        "`<workspace>/rejected` for inspection, up to this many bytes; the oldest are "
        "removed first. 0 keeps none.",
    )
    user_agent: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        pattern=r"^[\x20-\x7e]+$",
        description="User-Agent header of all requests. Default: backhaul/<version>.",
        examples=["acme-archive/1.0 (ops@acme.example)"],
    )
    on_job: OnJob | None = Field(default=None, description="A command that runs when a job ends.")
    on_files: OnFiles | None = Field(
        default=None, description="A command that runs for finished files, a batch at a time."
    )
    webhook: Webhook | None = Field(
        default=None, description="A URL to notify when a job, or the run, has ended."
    )
    metrics: _File | None = Field(
        default=None,
        description="A file for Prometheus, relative to this file. It is replaced each minute and at the end,"
        " so that node_exporter's textfile collector can read it; then its name must end in `.prom`.",
        examples=["/var/lib/node_exporter/backhaul.prom"],
    )

    @field_validator("cluster")
    @classmethod
    def _is_safe(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and not info.data.get("allow_insecure_cluster", False):
            require_safe(value)
        return value

    def override(self, **changes: Any) -> Self:
        """Returns the settings with some values replaced, as by command-line options.

        Args:
            changes: new values, spelled as in YAML (``limit_rate="20M"``); None keeps the old value.
                ``connections`` raises connections_per_host too, unless the file sets it.

        Raises:
            ConfigError: a value is invalid; the message names the option.
        """
        from backhaul.config.override import override  # noqa: PLC0415 - circular import

        given = {key: value for key, value in changes.items() if value is not None}
        if not given:
            return self
        changed = override(self, given)
        if "connections" not in given or "connections_per_host" in changed.model_fields_set:
            return changed
        most = max(changed.connections, self.connections_per_host)
        return override(changed, {"connections_per_host": most})
