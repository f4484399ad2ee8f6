"""Prepares a run from its configurations: its jobs and their API sessions."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING

from backhaul.errors import UnknownJobError
from backhaul.http.unused import UnusedHttp
from backhaul.selection import ALL, Names, Selection, names_of

if TYPE_CHECKING:
    from backhaul.config import Config, JobSpec, Settings
    from backhaul.http.session import Http
    from backhaul.plugins.facade import Provider


def select_jobs(
    configs: "Sequence[Config]",
    *,
    only: Sequence[str] = (),
    wait: timedelta | None = None,
    same_archive: Names = (),
    selection: Selection = ALL,
) -> "list[JobSpec]":
    """The jobs of the configurations, or those named in ``only``, as a run is to take them.

    Args:
        configs: the configurations.
        only: names of jobs; empty for all.
        wait: how long each job waits to become ready; None for the configured time.
        same_archive: names of jobs whose files are their own even if their identity has changed.
        selection: which of their files are wanted.

    Raises:
        UnknownJobError: a name in ``only`` or ``same_archive`` is not a configured job.
    """
    jobs = [job for config in configs for job in config.jobs.values()]
    known = [job.name for job in jobs]
    kept = names_of(same_archive)
    UnknownJobError.check(only, known)
    UnknownJobError.check(kept, known, parameter="same_archive")
    return [
        replace(
            job,
            wait=job.wait if wait is None else wait,
            same_archive=job.name in kept,
            selection=selection,
        )
        for job in jobs
        if not only or job.name in only
    ]


def make_http(settings: "Settings", provider: "Provider", stop: Event) -> "Http | UnusedHttp":
    """Creates a provider's API session for one job."""
    if not provider.takes_http:
        return UnusedHttp()
    from backhaul.http.session import Http, HttpLimits  # noqa: PLC0415 - importing requests is slow

    return Http(
        pace=provider.info.pace,
        stop=stop,
        agent=settings.user_agent,
        limits=HttpLimits(
            connect=settings.connect_timeout.total_seconds(),
            read=settings.api_timeout.total_seconds(),
            retries=settings.retries,
        ),
    )
