"""Downloads dated data archives and keeps them complete.

Programs start with ``load``. The types of its results are here too, and everything that a plugin imports.
Names are loaded on first use, so ``import backhaul`` costs next to nothing.
"""

from typing import TYPE_CHECKING

from backhaul import lazy

if TYPE_CHECKING:
    from backhaul.api import Archive, load
    from backhaul.archive.copying import Copy, JobCopy
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
        DiskError,
        ExitCode,
        ExpiredError,
        FailureKind,
        FailureReport,
        InterruptedRunError,
        LockedError,
        NotDataError,
        NotFoundError,
        NotReadyError,
        PluginError,
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
    from backhaul.http.session import Http, HttpLimits
    from backhaul.ledger.fault import LedgerError
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

_NAMES = {
    "backhaul.api": ("Archive", "load"),
    "backhaul.archive.copying": ("Copy", "JobCopy"),
    "backhaul.archive.gaps": ("Gap",),
    "backhaul.archive.job_records": ("NoRecordsError",),
    "backhaul.archive.known_files": ("KnownFile",),
    "backhaul.archive.records": ("LineTooLongError",),
    "backhaul.archive.status": ("AtProvider", "Here", "JobStanding", "Status"),
    "backhaul.archive.stored": ("DamagedFileError",),
    "backhaul.archive.verify": ("Checked", "Verification"),
    "backhaul.errors": (
        "AuthError",
        "BackhaulError",
        "ConfigError",
        "DiskError",
        "ExitCode",
        "ExpiredError",
        "FailureKind",
        "FailureReport",
        "InterruptedRunError",
        "LockedError",
        "NotDataError",
        "NotFoundError",
        "NotReadyError",
        "PluginError",
        "ProviderError",
        "ThrottledError",
        "UnreachableError",
    ),
    "backhaul.events": (
        "Event",
        "FileDone",
        "FileFailed",
        "JobEnded",
        "JobStarted",
        "LinksRenewed",
        "Progress",
    ),
    "backhaul.extras": ("how_to_install",),
    "backhaul.find": ("find_job",),
    "backhaul.hookspecs": ("hookimpl",),
    "backhaul.http.session": ("Http", "HttpLimits"),
    "backhaul.ledger.fault": ("LedgerError",),
    "backhaul.moments": ("Moment",),
    "backhaul.options": (
        "BaseUrl",
        "ByteSize",
        "Duration",
        "Identity",
        "JobOptions",
        "SourceOptions",
        "UtcTime",
    ),
    "backhaul.run.plan": ("DiskNeed", "JobPlan", "Plan"),
    "backhaul.run.result": ("FileCounts", "JobOutcome", "JobResult", "RunResult"),
    "backhaul.secret": ("Secret",),
    "backhaul.selection": ("Selection",),
    "backhaul.storage.stores.credentials": ("aws_credentials",),
    "backhaul.types": (
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
        "SlotState",
        "Slots",
        "Totals",
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
    "Copy",
    "DamagedFileError",
    "DiskError",
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
    "HttpLimits",
    "Identity",
    "InterruptedRunError",
    "JobCopy",
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
    "LedgerError",
    "LineTooLongError",
    "LinksRenewed",
    "LockedError",
    "Moment",
    "NoRecordsError",
    "NotDataError",
    "NotFoundError",
    "NotReadyError",
    "Pace",
    "Plan",
    "PluginError",
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


if not TYPE_CHECKING:  # checkers know only the names above
    __getattr__, __dir__ = lazy.names(__name__, _NAMES, renamed=_RENAMED)
