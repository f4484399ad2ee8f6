"""A job is found by its exact title; otherwise the error suggests what to write."""

import pytest

from backhaul import ConfigError, RemoteJob, find_job

JOBS = [
    RemoteJob("a", "WorldCup test"),
    RemoteJob("b", "World tour"),
    RemoteJob("c", "twins"),
    RemoteJob("d", "twins"),
    RemoteJob("e"),
]


def test_the_job_of_that_title_is_found() -> None:
    assert find_job("World tour", iter(JOBS)) is JOBS[1]


def test_a_job_that_is_listed_twice_is_one_job() -> None:
    assert find_job("World tour", [*JOBS, JOBS[1]]).id == "b"


@pytest.mark.parametrize("title", ["Worldcup Test", "WorldCup tset", "worldcup test"])
def test_a_misspelt_title_suggests_the_nearest(title: str) -> None:
    with pytest.raises(ConfigError, match=r"'WorldCup test'.*: write its exact name, or its id$"):
        find_job(title, JOBS, key="name")


@pytest.mark.parametrize("title", ["", "nothing like it"])
def test_an_unknown_title_says_what_to_write(title: str) -> None:
    with pytest.raises(ConfigError, match=f"the title {title!r}: write its exact title, or its id"):
        find_job(title, JOBS[:4])


def test_a_title_shared_by_several_jobs_lists_their_ids() -> None:
    with pytest.raises(ConfigError, match=r"^2 jobs .*'twins': write id: c or id: d instead$"):
        find_job("twins", JOBS)
