"""Finds a job of the account by the title in the YAML."""

from collections.abc import Iterable
from difflib import get_close_matches

from backhaul.errors import ConfigError
from backhaul.types import RemoteJob


def find_job(title: str, jobs: Iterable[RemoteJob], *, key: str = "title") -> RemoteJob:
    """Finds the only job of an account with exactly this title.

    Args:
        title: as written in the YAML.
        jobs: the account's jobs, as ``list_jobs`` yields them; duplicates count once.
        key: the YAML key that holds the title.

    Raises:
        ConfigError: no job has the title, or several do; the message says what to write instead.
    """
    listed = list(jobs)
    found = {job.id: job for job in listed if job.title == title}
    if not found:
        by_case = {job.title.casefold(): job.title for job in listed if job.title}
        near = get_close_matches(title.casefold(), by_case, n=3)
        meant = " or ".join(repr(by_case[each]) for each in near)
        hint = f" (did you mean {meant}?)" if near else ""
        raise ConfigError(f"no job has the {key} {title!r}{hint}: write its exact {key}, or its id")
    if len(found) > 1:
        choice = " or ".join(f"id: {each}" for each in found)
        raise ConfigError(f"{len(found)} jobs have the {key} {title!r}: write {choice} instead")
    return next(iter(found.values()))
