"""A provider as a third party would write it: a list of names, or generated names.

It is on PYTHONPATH, next to a generated ``dist-info`` folder; see ``ours.py``.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import Field

from backhaul import (
    BaseUrl,
    Content,
    JobOptions,
    JobState,
    JobStatus,
    ProviderInfo,
    RemoteFile,
    Slots,
    SourceOptions,
    Totals,
    hookimpl,
)

SLOT = timedelta(minutes=10)
FIRST = datetime(2012, 1, 1, tzinfo=UTC)


class BenchSource(SourceOptions):
    """The server's address."""

    base_url: BaseUrl = Field(description="The folder's URL.")


class BenchJob(JobOptions):
    """The files to fetch."""

    count: int = Field(description="Number of files.")
    listing: str | None = Field(default=None, description="A file of names; without it: made up.")


@hookimpl
def provider() -> ProviderInfo:
    return ProviderInfo("Benchmark", source=BenchSource, job=BenchJob)


@hookimpl
def get_status(job: BenchJob) -> JobStatus:
    whole = Slots(FIRST, FIRST + job.count * SLOT, every=SLOT)
    return JobStatus(JobState.READY, totals=Totals(files=job.count), slots=(whole,))


@hookimpl
def resolve_files(source: BenchSource, job: BenchJob) -> Iterator[RemoteFile]:
    start = FIRST
    for name in _names(job):
        end = start + SLOT
        yield RemoteFile(
            name,
            f"{source.base_url}/{name}",
            start=start,
            end=end,
            content="jsonl.bz2" if name.endswith(".bz2") else "jsonl.gz",
            footer_lines=1,
        )
        start = end


@hookimpl
def check_file(content: Content) -> list[str]:
    stated = json.loads(content.last)["info"]["activity_count"]
    return [] if stated == content.records else [f"the footer says {stated} activities"]


def _names(job: BenchJob) -> Iterator[str]:
    if job.listing is None:
        yield from (f"{number:07d}.jsonl.gz" for number in range(job.count))
        return
    with Path(job.listing).open() as lines:
        for line in lines:
            yield line.rstrip("\n")
