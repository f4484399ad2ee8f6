"""A provider of files from a server without an API, installed for this process and for Dask workers."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from backhaul import (
    Content,
    JobOptions,
    Pace,
    Problem,
    ProviderInfo,
    RemoteFile,
    Request,
    Secret,
    SourceOptions,
    hookimpl,
)


class Source(SourceOptions):
    base_url: str
    token: Secret | None = None
    paced: float | None = None
    plain: bool = False

    @property
    def pace(self) -> Pace | None:
        return None if self.paced is None else Pace(self.paced)


class Job(JobOptions):
    names: list[str] = Field(default_factory=list)
    count: int = 0
    links: str | None = None
    checked: str | None = None
    deadly: str | None = None


@hookimpl
def provider() -> ProviderInfo:
    return ProviderInfo("Tests of the cluster", source=Source, job=Job)


@hookimpl
def resolve_files(source: Source, job: Job) -> Iterator[RemoteFile]:
    links = {} if job.links is None else json.loads(Path(job.links).read_text())
    for name, url in links.items():
        yield RemoteFile(name=name, url=url)
    for name in (*job.names, *(f"many/{number}.json.gz" for number in range(job.count))):
        yield RemoteFile(
            name=name,
            url=f"{source.base_url}/{name}",
            content="bytes" if source.plain else "jsonl.gz",
        )


@hookimpl
def fetch_file(source: Source, file: RemoteFile) -> Request:
    headers = {} if source.token is None else {"X-Token": source.token.reveal()}
    return Request(str(file.url), headers=headers)


@hookimpl
def check_file(source: Source, job: Job, file: RemoteFile, content: Content) -> Iterator[Problem]:
    del content
    if job.checked is not None:
        token = "none" if source.token is None else source.token.reveal()
        Path(job.checked, f"{os.getpid()}").write_text(token)
    if job.deadly == file.name:
        os.kill(os.getpid(), signal.SIGKILL)
    yield from ()
