"""The hooks that a provider may implement: `Hooks`.

An implementation declares only the arguments that it needs, by these names.
Each provider has its own plugin manager, so a hook is only called for that provider.
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
    from backhaul.types import Chunk, Content, Problem, ProviderInfo, RemoteFile, RemoteJob

PROJECT = "backhaul"
GROUP = "backhaul.providers"
EMULATORS = "backhaul.emulators"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Decorator that marks a function as an implementation of the hook of the same name."""

S_contra = TypeVar("S_contra", bound="SourceOptions", contravariant=True)
J_contra = TypeVar("J_contra", bound="JobOptions", contravariant=True)


class Hooks(Protocol[S_contra, J_contra]):
    """The hooks, with their arguments, return values, and defaults where they are optional.

    A plugin is usually a module of functions that declare only the arguments they need. A plugin that
    is a class, ``class Acme(Hooks[Source, Job])``, declares all arguments, so that a type checker can
    compare its methods with these. In the examples, ``Source`` and ``Job`` are the plugin's models of
    its YAML keys, as in ``provider``.
    """

    @hookspec(firstresult=True)
    def provider(self) -> "ProviderInfo":
        """Return the provider's description. Required; called once, when the plugin is loaded.

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
        """List the account's jobs, for ``backhaul jobs``. May be a generator. Default: no jobs.

        Example::

            @hookimpl
            def list_jobs(http: Http, source: Source) -> Iterator[RemoteJob]:
                for entry in http.get_json(f"{source.base_url}/datasets"):
                    yield RemoteJob(entry["id"], entry["title"])
        """
        return ()

    @hookspec(firstresult=True)
    def get_status(self, http: "Http", source: S_contra, job: J_contra) -> JobStatus:
        """Return whether the job is ready, and what else the provider reports. Default: READY.

        Example::

            @hookimpl
            def get_status(http: Http, source: Source, job: Job) -> JobStatus:
                data = http.get_json(f"{source.base_url}/datasets/{job.dataset}")
                return JobStatus(JobState.READY if data["done"] else JobState.RUNNING)
        """
        return JobStatus(JobState.READY)

    @hookspec(firstresult=True)
    def resolve_files(
        self, http: "Http", source: S_contra, job: J_contra
    ) -> "Iterable[RemoteFile]":
        """List the job's files. Required; use a generator, so that a million files need no memory.

        Called again when links expire: the names must stay the same, the URLs may change. Yield a file
        whose period cannot be determined without ``start`` and ``end`` instead of leaving it out: as it may
        belong to any slot, it prevents slots from counting as silent.

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
        """Describe the request for a file; the engine sends it. Default: ``Request(file.url)``.

        Called once per fetched file, and again when the file needs a new link.

        Example::

            @hookimpl
            def fetch_file(source: Source, file: RemoteFile) -> Request:
                return Request(f"{source.base_url}/files/{file.name}", ranges=False)
        """
        if file.url is None:
            raise PluginError(f"{file.name!r} has no url, and the plugin has no fetch_file")
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
        """Yield a file's data starting at ``cursor``, for queues and paged data; replaces ``fetch_file``.

        Each Chunk is made durable before the next is requested. ``cursor`` is that of the last durable
        Chunk, or None at the start; without cursors, the file starts over after a crash. Yield
        ``IDLE`` while no data is available, and return at the end of the data.

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
        raise PluginError(f"{file.name!r}: pull_file yielded no Chunks")

    @hookspec(firstresult=True)
    def check_file(
        self, source: S_contra, job: J_contra, file: "RemoteFile", content: "Content"
    ) -> "Iterable[Problem | str]":
        """Return the problems of a complete file; empty if it is valid. Must be fast and offline.

        Called for every file that is fetched or found on disk, before it gets its final name, even
        if it has bad records (``content.bad_records``). Not called for the volumes of a queue.

        Example::

            @hookimpl
            def check_file(content: Content) -> Iterator[str]:
                if not content.last.startswith(b'{"end"'):
                    yield "the last line is not the end marker"
        """
        return ()
