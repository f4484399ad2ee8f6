"""backhaul brings licensed archives home.

``load`` is where a program begins; what it gives is here as well, and so is everything that a plugin
author imports. Names are loaded when first used, so that ``import backhaul`` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backhaul.api import Archive, load
    from backhaul.archive.gaps import Gap
    from backhaul.archive.job_records import NoRecordsError
    from backhaul.archive.known_files import KnownFile
    from backhaul.archive.records import LineTooLongError
    from backhaul.archive.status import AtProvider, Here, JobStanding, Status
    from backhaul.archive.stored import DamagedFileError
    from backhaul.archive.verify import Checked, Verification
    from backhaul.errors import (
        AuthError,
        BackhaulError,
        ConfigError,
        ExitCode,
        ExpiredError,
        FailureKind,
        FailureReport,
        NotDataError,
        NotFoundError,
        NotReadyError,
        ProviderError,
        ThrottledError,
        UnreachableError,
    )
    from backhaul.events import (
        Event,
        FileDone,
        FileFailed,
        JobEnded,
        JobStarted,
        LinksRenewed,
        Progress,
    )
    from backhaul.extras import how_to_install
    from backhaul.find import find_job
    from backhaul.hookspecs import hookimpl
    from backhaul.http.session import Http
    from backhaul.moments import Moment
    from backhaul.options import (
        BaseUrl,
        ByteSize,
        Duration,
        Identity,
        JobOptions,
        SourceOptions,
        UtcTime,
    )
    from backhaul.run.plan import DiskNeed, JobPlan, Plan
    from backhaul.run.result import FileCounts, JobOutcome, JobResult, RunResult
    from backhaul.secret import Secret
    from backhaul.selection import Selection
    from backhaul.storage.stores.credentials import aws_credentials
    from backhaul.types import (
        CONTENTS,
        IDLE,
        Chunk,
        Content,
        JobState,
        JobStatus,
        Pace,
        Problem,
        Proof,
        ProviderInfo,
        RemoteFile,
        RemoteJob,
        Request,
        Slots,
        SlotState,
        Totals,
    )

_HOME = {
    "NoRecordsError": "backhaul.archive.job_records",
    "LineTooLongError": "backhaul.archive.records",
    "DamagedFileError": "backhaul.archive.stored",
    "Gap": "backhaul.archive.gaps",
    "KnownFile": "backhaul.archive.known_files",
    **dict.fromkeys(("AtProvider", "Here", "JobStanding", "Status"), "backhaul.archive.status"),
    **dict.fromkeys(("Checked", "Verification"), "backhaul.archive.verify"),
    **dict.fromkeys(("Archive", "load"), "backhaul.api"),
    **dict.fromkeys(
        (
            "Event",
            "FileDone",
            "FileFailed",
            "JobEnded",
            "JobStarted",
            "LinksRenewed",
            "Progress",
        ),
        "backhaul.events",
    ),
    **dict.fromkeys(("DiskNeed", "JobPlan", "Plan"), "backhaul.run.plan"),
    **dict.fromkeys(
        ("FileCounts", "JobOutcome", "JobResult", "RunResult"),
        "backhaul.run.result",
    ),
    "aws_credentials": "backhaul.storage.stores.credentials",
    "find_job": "backhaul.find",
    "how_to_install": "backhaul.extras",
    "hookimpl": "backhaul.hookspecs",
    "Secret": "backhaul.secret",
    "Selection": "backhaul.selection",
    "Http": "backhaul.http.session",
    "Moment": "backhaul.moments",
    **dict.fromkeys(
        ("BaseUrl", "ByteSize", "Duration", "Identity", "JobOptions", "SourceOptions", "UtcTime"),
        "backhaul.options",
    ),
    **dict.fromkeys(
        (
            "AuthError",
            "BackhaulError",
            "ConfigError",
            "ExitCode",
            "ExpiredError",
            "FailureKind",
            "FailureReport",
            "NotDataError",
            "NotFoundError",
            "NotReadyError",
            "ProviderError",
            "ThrottledError",
            "UnreachableError",
        ),
        "backhaul.errors",
    ),
    **dict.fromkeys(
        (
            "CONTENTS",
            "IDLE",
            "Chunk",
            "Content",
            "JobState",
            "JobStatus",
            "Pace",
            "Problem",
            "Proof",
            "ProviderInfo",
            "RemoteFile",
            "RemoteJob",
            "Request",
            "Slots",
            "SlotState",
            "Totals",
        ),
        "backhaul.types",
    ),
}

_RENAMED = {
    "Job": "backhaul.RemoteJob",
    "Column": "backhaul_rollup.Column",
    "Table": "backhaul_rollup.Table",
}

__all__ = [
    "CONTENTS",
    "IDLE",
    "Archive",
    "AtProvider",
    "AuthError",
    "BackhaulError",
    "BaseUrl",
    "ByteSize",
    "Checked",
    "Chunk",
    "ConfigError",
    "Content",
    "DamagedFileError",
    "DiskNeed",
    "Duration",
    "Event",
    "ExitCode",
    "ExpiredError",
    "FailureKind",
    "FailureReport",
    "FileCounts",
    "FileDone",
    "FileFailed",
    "Gap",
    "Here",
    "Http",
    "Identity",
    "JobEnded",
    "JobOptions",
    "JobOutcome",
    "JobPlan",
    "JobResult",
    "JobStanding",
    "JobStarted",
    "JobState",
    "JobStatus",
    "KnownFile",
    "LineTooLongError",
    "LinksRenewed",
    "Moment",
    "NoRecordsError",
    "NotDataError",
    "NotFoundError",
    "NotReadyError",
    "Pace",
    "Plan",
    "Problem",
    "Progress",
    "Proof",
    "ProviderError",
    "ProviderInfo",
    "RemoteFile",
    "RemoteJob",
    "Request",
    "RunResult",
    "Secret",
    "Selection",
    "SlotState",
    "Slots",
    "SourceOptions",
    "Status",
    "ThrottledError",
    "Totals",
    "UnreachableError",
    "UtcTime",
    "Verification",
    "aws_credentials",
    "find_job",
    "hookimpl",
    "how_to_install",
    "load",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if name in _RENAMED:
        raise ImportError(f"backhaul.{name} is now {_RENAMED[name]}")
    if home is None:
        raise AttributeError(f"module 'backhaul' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
