"""The hooks that a provider may implement.

An implementation lists the arguments that it wants, by these names; the rest is left out.
Each provider has a plugin manager of its own, so a hook is called for that provider only.
"""

# pyright: reportReturnType=false
# A specification has no body: plugins have it.

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from backhaul.http.session import Http
    from backhaul.options import JobOptions, SourceOptions
    from backhaul.types import (
        Chunk,
        Content,
        JobStatus,
        Problem,
        ProviderInfo,
        RemoteFile,
        RemoteJob,
        Request,
        Table,
    )

PROJECT = "backhaul"
GROUP = "backhaul.providers"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(firstresult=True)
def provider() -> "ProviderInfo":  # type: ignore[empty-body]
    """Say who the provider is. Required; called once when the plugin is loaded."""


@hookspec(firstresult=True)
def list_jobs(http: "Http", source: "SourceOptions") -> "Iterable[RemoteJob]":  # type: ignore[empty-body]
    """List the account's jobs, for ``backhaul jobs``. May be a generator. Without it: none listed."""


@hookspec(firstresult=True)
def get_status(  # type: ignore[empty-body]
    http: "Http", source: "SourceOptions", job: "JobOptions"
) -> "JobStatus":
    """Say whether the job is ready, and all that the provider says of it. Without it: READY."""


@hookspec(firstresult=True)
def resolve_files(  # type: ignore[empty-body]
    http: "Http", source: "SourceOptions", job: "JobOptions"
) -> "Iterable[RemoteFile]":
    """List the job's files. Required; a generator, so that a million files cost no memory.

    Called again when links have expired: the names must be the same, the URLs may differ.
    """


@hookspec(firstresult=True)
def fetch_file(  # type: ignore[empty-body]
    http: "Http",
    source: "SourceOptions",
    job: "JobOptions",
    file: "RemoteFile",
) -> "Request":
    """Describe how a file is fetched; the engine carries it out. Without it: ``Request(file.url)``."""


@hookspec(firstresult=True)
def pull_file(  # type: ignore[empty-body]
    http: "Http",
    source: "SourceOptions",
    job: "JobOptions",
    file: "RemoteFile",
    cursor: "str | None",
) -> "Iterator[Chunk]":
    """Yield a file's data from ``cursor`` on, for queues and paged data; in place of ``fetch_file``.

    Each Chunk is durable before the next is asked for. ``cursor`` is that of the last durable one,
    None at the start; Chunks without a cursor start over after a crash. Yield ``IDLE`` while nothing
    waits, and return when nothing more will come.
    """


@hookspec(firstresult=True)
def check_file(  # type: ignore[empty-body]
    source: "SourceOptions", job: "JobOptions", file: "RemoteFile", content: "Content"
) -> "Iterable[Problem | str]":
    """Say what is wrong with a file that came whole; nothing when it is right. Offline and quick.

    Called for every file that is fetched or found on disk, before it has its name: also for one of
    which some records are bad (``content.bad_records``). Pieces of a queue are not asked about.
    """


@hookspec(firstresult=True)
def derive_tables(  # type: ignore[empty-body]
    source: "SourceOptions", job: "JobOptions", files: "Iterable[tuple[RemoteFile, Path]]"
) -> "Iterable[Table]":
    """Make tables of a job's verified files, for ``backhaul rollup``. Without it: none. Offline."""
