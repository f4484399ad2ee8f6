"""Rows created by a rebuild: known, but unverified until the provider's list agrees."""

from typing import Any

import pytest
from tests.listed import Archive, lines, md5, noise, sha256

A, B = lines(1), lines(2, 40)


@pytest.mark.parametrize(
    "more",
    [{}, {"size": len(A)}, {"checksum": sha256(A)}, {"checksum": md5(A)}, {"version": "1"}, {"records": 3}],
)  # fmt: skip
def test_a_matching_list_makes_them_verified_and_nothing_is_fetched(
    archive: Archive, more: dict[str, Any]
) -> None:
    archive.gives(a=A)
    archive.lists(a=more)
    archive.run()
    archive.rebuild()
    assert archive.states() == {"a.gz": "unknown"}
    assert (archive.verify().checked, archive.verify().problems) == (1, ())
    assert archive.plan().files == 0
    result = archive.run()
    assert (result.exit_code, result.files.verified, result.files.unknown) == (0, 1, 0)
    assert (archive.asked, archive.states()) == ([], {"a.gz": "verified"})
    row = archive.rows()["a.gz"]
    assert (row.version, row.flags) == (more.get("version"), 0)


@pytest.mark.parametrize(
    "more", [{"size": len(B)}, {"checksum": sha256(B)}, {"checksum": md5(B)}, {"records": 40}]
)
def test_a_list_that_disagrees_causes_them_to_be_fetched(
    archive: Archive, more: dict[str, Any]
) -> None:
    archive.gives(a=A)
    archive.lists("a.gz")
    archive.run()
    archive.rebuild()
    archive.gives(a=B)
    archive.lists(a=more)
    result = archive.run()
    assert (result.exit_code, result.files.replaced, archive.here("a.gz")) == (0, 1, B)


def test_bytes_without_proof_of_their_end_are_fetched_again(archive: Archive) -> None:
    archive.shelf.storage.put("a", noise(5000))
    archive.lists(("a", {"content": "bytes"}))
    archive.run()
    archive.rebuild()
    result = archive.run()
    assert (result.exit_code, result.files.fetched, result.files.verified) == (0, 1, 1)
    archive.rebuild()
    archive.lists(("a", {"content": "bytes", "size": 5000}))
    result = archive.run()
    assert (result.exit_code, result.files.fetched, result.files.verified) == (0, 0, 1)


def test_an_unlisted_file_stays_unknown_and_fails_nothing(archive: Archive) -> None:
    archive.gives(a=A, b=B)
    archive.lists("a.gz", "b.gz")
    archive.run()
    archive.rebuild()
    archive.lists("a.gz")
    result = archive.run()
    assert (result.exit_code, result.files.verified, result.files.unknown) == (0, 1, 1)
    assert archive.states() == {"a.gz": "verified", "b.gz": "unknown"}
    (archive.job / "b.gz").unlink()
    assert archive.states()["b.gz"] == "missing"
