"""Exit codes, failure kinds, and the exceptions that carry both.

The exceptions and their exit codes::

    BackhaulError                     1
    ├── ConfigError                   2   the YAML or the command line
    ├── ProviderError                 3   the provider refused (job failed, unknown job, invalid answer)
    │   ├── NotFoundError             3   the requested item does not exist
    │   └── NotDataError              8   the answer does not follow the protocol
    ├── AuthError                     4   wrong or missing credentials
    ├── NotReadyError                 5   the job has not been delivered yet
    ├── UnreachableError              6   no usable answer after all retries
    ├── ThrottledError                6   the provider asked to wait longer than allowed
    ├── ExpiredError                  7   links, or the job itself, have expired
    ├── DiskError                     9
    ├── LockedError                  11   another run holds the job
    ├── PluginError                  12   a plugin is missing or broken
    └── InterruptedRunError         130
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

from backhaul.wording import iso

if TYPE_CHECKING:
    from datetime import datetime

    import requests


class ExitCode(IntEnum):
    """The command's exit status."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    INCOMPLETE = 3
    AUTH = 4
    NOT_READY = 5
    UNREACHABLE = 6
    EXPIRED = 7
    VERIFICATION = 8
    DISK = 9
    TIME_LIMIT = 10
    LOCKED = 11
    PLUGIN = 12
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """One line for the table in the documentation."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.OK: "all verified",
    ExitCode.UNEXPECTED: "unexpected error",
    ExitCode.USAGE: "usage or configuration",
    ExitCode.INCOMPLETE: "finished, but some files or jobs failed, here or at the provider",
    ExitCode.AUTH: "authentication or permission",
    ExitCode.NOT_READY: "job not ready yet",
    ExitCode.UNREACHABLE: "provider unreachable, or throttling for too long",
    ExitCode.EXPIRED: "links expired and not renewable",
    ExitCode.VERIFICATION: "verification failed",
    ExitCode.DISK: "disk or store",
    ExitCode.TIME_LIMIT: "time limit",
    ExitCode.LOCKED: "locked by another run",
    ExitCode.PLUGIN: "plugin missing or broken",
    ExitCode.INTERRUPTED: "interrupted",
}

_PRECEDENCE = (
    ExitCode.INTERRUPTED,
    ExitCode.UNEXPECTED,
    ExitCode.USAGE,
    ExitCode.PLUGIN,
    ExitCode.DISK,
    ExitCode.AUTH,
    ExitCode.UNREACHABLE,
    ExitCode.EXPIRED,
    ExitCode.VERIFICATION,
    ExitCode.INCOMPLETE,
    ExitCode.TIME_LIMIT,
    ExitCode.LOCKED,
    ExitCode.NOT_READY,
)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The exit code for several outcomes: the first in the precedence list that occurs."""
    found = set(codes)
    return next((code for code in _PRECEDENCE if code in found), ExitCode.OK)


class FailureKind(StrEnum):
    """Why a file or a job failed; stable words for JSON, the ledger and the docs."""

    EXPIRED = "expired"
    DENIED = "denied"
    SKEWED = "skewed"
    THROTTLED = "throttled"
    NOT_FOUND = "not_found"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TRUNCATED = "truncated"
    CHANGED = "changed"
    CORRUPT = "corrupt"
    COUNT_MISMATCH = "count_mismatch"
    NOT_DATA = "not_data"
    UNSAFE_NAME = "unsafe_name"
    LOST = "lost"
    DISK = "disk"
    STORE = "store"
    PLUGIN = "plugin"
    FAILED = "failed"
    # of whole jobs only
    CONFIG = "config"
    COMMAND = "command"
    NOT_READY = "not_ready"
    LOCKED = "locked"
    TIME_LIMIT = "time_limit"
    INTERRUPTED = "interrupted"

    @property
    def exit_code(self) -> ExitCode:
        """The exit code for a failure of this kind."""
        return _KIND_EXITS[self]

    @property
    def is_stop(self) -> bool:
        """Whether the run was merely stopped before the job was complete."""
        return self in {FailureKind.INTERRUPTED, FailureKind.TIME_LIMIT}

    @property
    def advice(self) -> str:
        """What the user can do about it, in one line."""
        return _ADVICE[self]

    def advice_on(self, message: str) -> str:
        """Like ``advice``, but empty if the failure's message already contains better advice."""
        return "" if any(words in message for words in _ADVISED) else self.advice


_KIND_EXITS = {
    FailureKind.EXPIRED: ExitCode.EXPIRED,
    FailureKind.DENIED: ExitCode.AUTH,
    FailureKind.SKEWED: ExitCode.AUTH,
    FailureKind.THROTTLED: ExitCode.UNREACHABLE,
    FailureKind.NOT_FOUND: ExitCode.INCOMPLETE,
    FailureKind.UNREACHABLE: ExitCode.UNREACHABLE,
    FailureKind.TIMEOUT: ExitCode.UNREACHABLE,
    FailureKind.TRUNCATED: ExitCode.VERIFICATION,
    FailureKind.CHANGED: ExitCode.VERIFICATION,
    FailureKind.CORRUPT: ExitCode.VERIFICATION,
    FailureKind.COUNT_MISMATCH: ExitCode.VERIFICATION,
    FailureKind.NOT_DATA: ExitCode.VERIFICATION,
    FailureKind.UNSAFE_NAME: ExitCode.INCOMPLETE,
    FailureKind.LOST: ExitCode.INCOMPLETE,
    FailureKind.DISK: ExitCode.DISK,
    FailureKind.STORE: ExitCode.DISK,
    FailureKind.PLUGIN: ExitCode.PLUGIN,
    FailureKind.CONFIG: ExitCode.USAGE,
    FailureKind.COMMAND: ExitCode.INCOMPLETE,
    FailureKind.NOT_READY: ExitCode.NOT_READY,
    FailureKind.FAILED: ExitCode.INCOMPLETE,
    FailureKind.LOCKED: ExitCode.LOCKED,
    FailureKind.TIME_LIMIT: ExitCode.TIME_LIMIT,
    FailureKind.INTERRUPTED: ExitCode.INTERRUPTED,
}

_ADVICE = {
    FailureKind.EXPIRED: "run again; if fresh links are refused too, ask the provider to deliver the job again",
    FailureKind.DENIED: "check the source's credentials and the account's permissions",
    FailureKind.SKEWED: "set this machine's clock, then run again",
    FailureKind.THROTTLED: "run again later, or with fewer --connections",
    FailureKind.NOT_FOUND: "check the job's keys in the YAML; if they are right, ask the provider",
    FailureKind.UNREACHABLE: "check the network, the proxy and base_url, then run again",
    FailureKind.TIMEOUT: "run again; large files resume where the server supports it",
    FailureKind.TRUNCATED: "run again; if it ends early every time, the provider's copy is incomplete: report it",
    FailureKind.CHANGED: "run again to fetch the current version; if its size still differs from the list, report it",
    FailureKind.CORRUPT: "run again; if it is damaged every time, the provider's copy is too: report it",
    FailureKind.COUNT_MISMATCH: "run again; if the counts still differ, ask the provider which one is right",
    FailureKind.NOT_DATA: "the server sent something other than the file: check base_url and the proxy, then ask"
    " the provider",
    FailureKind.UNSAFE_NAME: "move whatever is in the way; if the name itself is invalid, report it to the provider",
    FailureKind.LOST: "restore it from a backup: the provider does not deliver it again",
    FailureKind.DISK: "fix what the message names (space, permissions, the ledger), then run again",
    FailureKind.STORE: "fix what the message names (the bucket, its policy, settings.store), then run again",
    FailureKind.PLUGIN: "report it to the plugin's author; `backhaul plugins test` shows more",
    FailureKind.CONFIG: "correct the YAML as the message says; `backhaul jobs` lists what the provider has",
    FailureKind.COMMAND: "run the command by itself, or see its output with -v; the files are not affected",
    FailureKind.NOT_READY: "run again later, or with --wait",
    FailureKind.FAILED: "ask the provider why; other jobs are not affected",
    FailureKind.LOCKED: "wait for the other program to end, then run again",
    FailureKind.TIME_LIMIT: "run again to continue",
    FailureKind.INTERRUPTED: "run again to continue",
}
# Phrases of messages that already contain advice.
_ADVISED = (
    "accept_unproven",
    "max_file_size",
    "max_inflated_size",
    "max_inflate_ratio",
    "order the period again",
    "check the store's credentials",
    "(installed: ",
)


class BackhaulError(Exception):
    """Base of all errors that are shown as a message, without a traceback.

    Attributes:
        exit_code: the command's exit code.
        kind: the failure's kind for JSON and the ledger.
        retry_after: seconds to wait before retrying, if the server said so.
        response: the response of the failed API call, if there was one.
    """

    exit_code: ExitCode = ExitCode.UNEXPECTED
    kind: FailureKind = FailureKind.FAILED
    response: "requests.Response | None" = None

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        # A lone surrogate from a provider's JSON can be neither printed nor stored.
        self.message = message.encode("utf-8", "backslashreplace").decode()
        super().__init__(self.message)
        self.retry_after = retry_after


class ConfigError(BackhaulError):
    """The YAML or the command line is invalid; ``problems`` has one line per error.

    Plugins raise it if something named in the YAML does not exist at the provider, or is ambiguous.
    """

    exit_code = ExitCode.USAGE
    kind = FailureKind.CONFIG

    def __init__(self, message: str, *, problems: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems) or (self.message,)


class UnknownJobError(ConfigError):
    """A name is not that of a configured job.

    Attributes:
        parameter: where the name was given: ``jobs`` or ``same_archive``.
    """

    def __init__(self, name: str, known: Iterable[str], *, parameter: str = "jobs") -> None:
        super().__init__(f"{name}: no such job; configured jobs: {', '.join(known) or 'none'}")
        self.parameter = parameter

    @classmethod
    def check(cls, names: Iterable[str], known: Iterable[str], *, parameter: str = "jobs") -> None:
        """Raises UnknownJobError for the first name that is not a known job."""
        listed = tuple(known)
        for name in names:
            if name not in listed:
                raise cls(name, listed, parameter=parameter)


class ProviderError(BackhaulError):
    """The provider refused the request."""

    exit_code = ExitCode.INCOMPLETE
    kind = FailureKind.FAILED


class NotFoundError(ProviderError):
    """The requested item does not exist."""

    kind = FailureKind.NOT_FOUND


class NotDataError(ProviderError):
    """The response is not what was expected: an HTML page, wrong types, too large, too deeply nested."""

    exit_code = ExitCode.VERIFICATION
    kind = FailureKind.NOT_DATA


class AuthError(BackhaulError):
    """Wrong or missing credentials, or no permission."""

    exit_code = ExitCode.AUTH
    kind = FailureKind.DENIED


class NotReadyError(BackhaulError):
    """The job has not been delivered yet."""

    exit_code = ExitCode.NOT_READY
    kind = FailureKind.NOT_READY


class UnreachableError(BackhaulError):
    """No usable response after all retries."""

    exit_code = ExitCode.UNREACHABLE
    kind = FailureKind.UNREACHABLE


class ThrottledError(BackhaulError):
    """The provider asks to wait longer than allowed; see ``retry_after``."""

    exit_code = ExitCode.UNREACHABLE
    kind = FailureKind.THROTTLED


class ExpiredError(BackhaulError):
    """Links, or the job itself, have expired and cannot be renewed."""

    exit_code = ExitCode.EXPIRED
    kind = FailureKind.EXPIRED


class DiskError(BackhaulError):
    """The disk is full, failing or not writable."""

    exit_code = ExitCode.DISK
    kind = FailureKind.DISK


class LockedError(BackhaulError):
    """Another run has locked the job."""

    exit_code = ExitCode.LOCKED
    kind = FailureKind.LOCKED


class PluginError(BackhaulError):
    """A plugin is missing or broken, or a hook returned something invalid."""

    exit_code = ExitCode.PLUGIN
    kind = FailureKind.PLUGIN


class InterruptedRunError(BackhaulError):
    """The call was stopped by ``stop``, by Ctrl-C or by a signal."""

    exit_code = ExitCode.INTERRUPTED
    kind = FailureKind.INTERRUPTED


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureReport:
    """What went wrong with a file or a whole job.

    Attributes:
        kind: the kind of failure.
        message: one line, human-readable.
        file: the file's name; None for the job as a whole.
        rejected: path of the rejected body; None if there is none.
        at: when it happened; None if it happened during the call that returned it.
        code: the exit code of the original exception, if it differs from that of the kind.
    """

    kind: FailureKind
    message: str
    file: str | None = None
    rejected: str | None = None
    at: "datetime | None" = None
    code: ExitCode | None = None

    @classmethod
    def of(cls, error: BackhaulError) -> "FailureReport":
        """Converts an exception to a report about a whole job."""
        return cls(kind=error.kind, message=error.message, code=error.exit_code)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code for this failure."""
        return self.kind.exit_code if self.code is None else self.code

    def as_json(self, *keys: str) -> dict[str, str | None]:
        """Returns the given keys in this order; commands print different ones."""
        values = {
            "file": self.file,
            "kind": self.kind.value,
            "message": self.message,
            "rejected": self.rejected,
            "at": iso(self.at),
        }
        return {key: values[key] for key in keys}
