"""backhaul brings licensed archives home.

Everything that a plugin author imports is here. Names are loaded when first used, so that
``backhaul --version`` does not pay for pydantic or requests.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backhaul.errors import (
        AuthError,
        BackhaulError,
        ConfigError,
        ExitCode,
        ExpiredError,
        FailureKind,
        NotDataError,
        NotFoundError,
        NotReadyError,
        ProviderError,
        ThrottledError,
        UnreachableError,
    )
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
    from backhaul.secret import Secret
    from backhaul.types import (
        CONTENTS,
        IDLE,
        Chunk,
        Column,
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
        Table,
        Totals,
    )

_HOME = {
    "hookimpl": "backhaul.hookspecs",
    "Secret": "backhaul.secret",
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
            "Column",
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
            "Table",
            "Totals",
        ),
        "backhaul.types",
    ),
}

_RENAMED = {"Job": "RemoteJob"}

__all__ = [
    "CONTENTS",
    "IDLE",
    "AuthError",
    "BackhaulError",
    "BaseUrl",
    "ByteSize",
    "Chunk",
    "Column",
    "ConfigError",
    "Content",
    "Duration",
    "ExitCode",
    "ExpiredError",
    "FailureKind",
    "Http",
    "Identity",
    "JobOptions",
    "JobState",
    "JobStatus",
    "Moment",
    "NotDataError",
    "NotFoundError",
    "NotReadyError",
    "Pace",
    "Problem",
    "Proof",
    "ProviderError",
    "ProviderInfo",
    "RemoteFile",
    "RemoteJob",
    "Request",
    "Secret",
    "SlotState",
    "Slots",
    "SourceOptions",
    "Table",
    "ThrottledError",
    "Totals",
    "UnreachableError",
    "UtcTime",
    "hookimpl",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if name in _RENAMED:
        raise ImportError(f"backhaul.{name} is now called backhaul.{_RENAMED[name]}")
    if home is None:
        raise AttributeError(f"module 'backhaul' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
