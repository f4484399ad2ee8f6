"""The hooks that a provider may implement: `Hooks`.

An implementation lists the arguments that it wants, by these names; the rest is left out.
Each provider has a plugin manager of its own, so a hook is called for that provider only.
"""

# ruff: noqa: ARG002 - the specification lists all arguments

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol, TypeVar

import pluggy

from backhaul.errors import PluginError
from backhaul.types import JobState, JobStatus, Request

if TYPE_CHECKING:
    from backhaul.http.session import Http
    from backhaul.options import JobOptions, SourceOptions
    from backhaul.types import (
        Chunk,
        Content,
        Problem,
        ProviderInfo,
        RemoteFile,
        RemoteJob,
    )

PROJECT = "backhaul"
GROUP = "backhaul.providers"
EMULATORS = "backhaul.emulators"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

S_contra = TypeVar("S_contra", bound="SourceOptions", contravariant=True)
J_contra = TypeVar("J_contra", bound="JobOptions", contravariant=True)


class Hooks(Protocol[S_contra, J_contra]):
    """Each hook with its arguments, what it returns, and what happens where an optional one is left out.

    A plugin is usually a module of functions, which list only the arguments that they want. A plugin
    that is a class, ``class Acme(Hooks[Source, Job])``, lists all arguments, and a type checker then
    compares its methods with these. In the examples, ``Source`` and ``Job`` are the plugin's own
    models of the YAML's keys, as in ``provider``.
    """

    @hookspec(firstresult=True)
    def provider(self) -> "ProviderInfo":
        """Say who the provider is. Required; called once, when the plugin is loaded.

        Example::

            class Source(SourceOptions):
                base_url: BaseUrl = "https://api.acme.example"


            class Job(JobOptions):
                dataset: str


            @hookimpl
            def provider() -> ProviderInfo:
                return ProviderInfo("Acme archive", source=Source, job=Job)
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def list_jobs(self, http: "Http", source: S_contra) -> "Iterable[RemoteJob]":
        """List the account's jobs, for ``backhaul jobs``. May be a generator. Without it: none listed.

        Example::

            @hookimpl
            def list_jobs(http: Http, source: Source) -> Iterator[RemoteJob]:
                for entry in http.get_json(f"{source.base_url}/datasets"):
                    yield RemoteJob(entry["id"], entry["title"])
        """
        return ()

    @hookspec(firstresult=True)
    def get_status(self, http: "Http", source: S_contra, job: J_contra) -> JobStatus:
        """Say whether the job is ready, and what else the provider says of it. Without it: READY.

        Example::

            @hookimpl
            def get_status(http: Http, source: Source, job: Job) -> JobStatus:
                said = http.get_json(f"{source.base_url}/datasets/{job.dataset}")
                return JobStatus(JobState.READY if said["done"] else JobState.RUNNING)
        """
        return JobStatus(JobState.READY)

    @hookspec(firstresult=True)
    def resolve_files(
        self, http: "Http", source: S_contra, job: J_contra
    ) -> "Iterable[RemoteFile]":
        """List the job's files. Required; a generator, so that a million files cost no memory.

        Called again when links have expired: the names must be the same, the URLs may differ.

        Example::

            @hookimpl
            def resolve_files(http: Http, source: Source, job: Job) -> Iterator[RemoteFile]:
                for entry in http.get_json(f"{source.base_url}/datasets/{job.dataset}")["files"]:
                    yield RemoteFile(entry["name"], url=entry["url"], size=entry["size"])
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def fetch_file(
        self, http: "Http", source: S_contra, job: J_contra, file: "RemoteFile"
    ) -> Request:
        """Describe how a file is fetched; the engine carries it out. Without it: ``Request(file.url)``.

        Called once for each file that is fetched, and again when it needs a fresh link.

        Example::

            @hookimpl
            def fetch_file(source: Source, file: RemoteFile) -> Request:
                return Request(f"{source.base_url}/files/{file.name}", ranges=False)
        """
        if file.url is None:
            raise PluginError(f"{file.name!r} has no url, and no fetch_file says where it lies")
        return Request(file.url)

    @hookspec(firstresult=True)
    def pull_file(
        self,
        http: "Http",
        source: S_contra,
        job: J_contra,
        file: "RemoteFile",
        cursor: "str | None",
    ) -> "Iterator[Chunk]":
        """Yield a file's data from ``cursor`` on, for queues and paged data; replaces ``fetch_file``.

        Each Chunk is durable before the next is asked for. ``cursor`` is that of the last durable one,
        None at the start; Chunks without a cursor start over after a crash. Yield ``IDLE`` while
        nothing waits, and return when nothing more will come.

        Example::

            @hookimpl
            def pull_file(http: Http, source: Source, cursor: str | None) -> Iterator[Chunk]:
                while True:
                    page = http.get(f"{source.base_url}/queue", params={"after": cursor or "0"})
                    cursor = page.headers.get("X-Next")
                    if cursor is None:
                        return
                    yield Chunk(page.content, cursor) if page.content else IDLE
        """
        raise PluginError(f"{file.name!r}: pull_file gave no Chunks")

    @hookspec(firstresult=True)
    def check_file(
        self, source: S_contra, job: J_contra, file: "RemoteFile", content: "Content"
    ) -> "Iterable[Problem | str]":
        """Say what is wrong with a file that came whole; nothing when it is right. Offline and quick.

        Called for every file that is fetched or found on disk, before it has its name: also for one
        of which some records are bad (``content.bad_records``). Not called for the pieces of a queue.

        Example::

            @hookimpl
            def check_file(content: Content) -> Iterator[str]:
                if not content.last.startswith(b'{"end"'):
                    yield "the last line is not the end marker"
        """
        return ()
