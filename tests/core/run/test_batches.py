"""A run and a plan select the same files of a listing."""

import pytest
from tests.listed import Archive, lines

from backhaul.run.batches import sort_out
from backhaul.types import RemoteFile


def test_each_name_of_a_list_is_in_one_place() -> None:
    names = ["b.gz", "A.gz", "a.gz", "a.gz", "../x", "\ud800", "q.gz", "é.gz", "e\u0301.gz"]
    files = [RemoteFile(name, split=9 if name == "q.gz" else None) for name in names]

    batch = sort_out(files, lambda _: {})

    assert [entry.file.name for entry in batch.plain] == ["b.gz", "a.gz", "é.gz"]
    assert [file.name for file in batch.split] == ["q.gz"]
    assert [file.name for file in batch.repeated] == ["a.gz"]
    assert {refused.file.name for refused in batch.refused} == {
        "../x",
        "\ud800",
        "A.gz",
        "e\u0301.gz",
    }


@pytest.mark.parametrize("before", [(), ("a.gz",), ("A.gz", "b.gz")], ids=len)
def test_a_plan_counts_what_the_run_fetches(archive: Archive, before: tuple[str, ...]) -> None:
    archive.gives(a=lines(1), A=lines(1), b=lines(1))
    archive.lists(*before)
    archive.run()
    archive.listed.urls["\ud800"] = "http://127.0.0.1/"
    archive.lists("a.gz", "A.gz", "b.gz", "b.gz", "../x", "\ud800")

    plan = archive.plan()
    files = archive.run().files

    assert (plan.files, plan.listed) == (files.fetched, files.listed)
    assert plan.files == 2 - len(before)
    assert plan.unsafe == 3
