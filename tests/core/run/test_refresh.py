"""A run that requests everything again."""

from email.utils import formatdate
from pathlib import Path
from time import time

import pytest
from tests.listed import Archive, lines, md5, sha256
from tests.shelf import Shelf
from werkzeug import Request, Response

A, B, NEW = lines(1), lines(2), lines(3, 50)


def test_unchanged_files_are_not_sent_again_and_changed_ones_are_replaced(archive: Archive) -> None:
    archive.gives(a=A, b=B)
    archive.lists("a.gz", "b.gz")
    archive.run()
    archive.gives(b=NEW)
    assert archive.run().files.skipped == 2
    assert archive.plan(refresh=True).files == 2
    result = archive.run(refresh=True)
    assert sorted(archive.asked) == [("a.gz", 304), ("b.gz", 200)]
    files = result.files
    assert (result.exit_code, files.fetched, files.replaced, files.skipped) == (0, 1, 1, 1)
    assert (archive.here("a.gz"), archive.here("b.gz")) == (A, NEW)
    assert archive.verify().problems == ()


def test_identical_bytes_that_arrive_again_replace_nothing(archive: Archive) -> None:
    archive.gives(a=A)
    archive.lists("a.gz")
    archive.run()
    archive.shelf.storage.put("a.gz", A, headers={"ETag": '"another"'})
    result = archive.run(refresh=True)
    assert (result.exit_code, result.files.fetched, result.files.replaced) == (0, 1, 0)


def test_a_present_file_that_cannot_be_requested_again_fails_and_stays_verified(
    archive: Archive,
) -> None:
    archive.gives(a=A, b=B)
    archive.lists(a={}, b={"optional": True})
    archive.run()
    archive.shelf.faults.replace("500:all@a.gz, not_found:all@b.gz")
    result = archive.run(refresh=True)
    assert [(note.file, note.kind) for note in result.failures] == [("a.gz", "unreachable")]
    files = result.files
    assert (result.exit_code, files.listed, files.verified, files.failed) == (6, 2, 2, 0)
    (warning,) = result.warnings  # of the optional file, which is no longer there
    assert (warning.startswith("b.gz"), "stays verified" in warning, files.skipped) == (
        True,
        True,
        1,
    )
    assert archive.states() == {"a.gz": "verified", "b.gz": "verified"}
    archive.shelf.faults.replace("")
    assert archive.run().exit_code == 0


def test_links_that_expire_meanwhile_cost_no_file_a_second_response(archive: Archive) -> None:
    names = [f"{number}.gz" for number in range(12)]
    for name in names:
        archive.shelf.storage.put(name, A)
    archive.lists(*names)
    archive.run()
    archive.shelf.faults.replace("expired:1@1*.gz")
    result = archive.run(refresh=True, connections=1)
    good = [name for name, status in archive.asked if status == 304]
    assert (result.exit_code, result.files.skipped, sorted(good)) == (0, 12, sorted(names))


def test_new_lost_or_differently_listed_files_are_requested_without_a_condition(
    archive: Archive,
) -> None:
    archive.gives(a=A, b=B, c=A, d=A)
    archive.lists(a={"checksum": md5(A)}, b={}, d={})
    archive.run()
    (archive.job / "b.gz").unlink()
    archive.gives(a=NEW)
    (archive.job / "c.gz").write_bytes(B)  # files on disk are ignored
    archive.lists(a={"checksum": md5(NEW)}, b={}, c={}, d={"checksum": sha256(A)})
    result = archive.run(refresh=True)
    assert sorted(archive.asked) == [("a.gz", 200), ("b.gz", 200), ("c.gz", 200), ("d.gz", 304)]
    assert (result.exit_code, result.files.replaced, archive.here("c.gz")) == (0, 1, A)
    assert set(archive.states().values()) == {"verified"}


NOW = "now"  # replaced with the time of the response


class Confused(Shelf):
    """Answers conditional requests with 304 and this header."""

    came_with: tuple[str, str]
    unchanged_with: tuple[str, str] | None = None

    def api(self, request: Request) -> Response:
        asks = "If-None-Match" in request.headers or "If-Modified-Since" in request.headers
        with_header = self.unchanged_with if asks else self.came_with
        if with_header is None:
            headers = []
        else:
            name, value = with_header
            headers = [(name, value.replace(NOW, formatdate(time(), usegmt=True)))]
        return Response(b"" if asks else A, 304 if asks else 200, headers)


@pytest.mark.parametrize(
    ("came_with", "unchanged_with", "asked"),
    [
        (("ETag", '"1"'), ("ETag", '"1"'), [304]),
        (("ETag", '"1"'), ("ETag", 'W/"1"'), [304]),
        (("ETag", '"1"'), None, [304]),
        (("ETag", '"1"'), ("ETag", '"2"'), [304, 200]),
        (("ETag", 'W/"1"'), ("ETag", 'W/"1"'), [200]),
        (("Last-Modified", formatdate(1_400_000_000, usegmt=True)), None, [304]),
        (("Last-Modified", NOW), None, [200]),
        (("X-Nothing", "1"), None, [200]),
    ],
)
def test_only_a_strong_validator_that_the_answer_repeats_proves_that_nothing_changed(
    tmp_path: Path,
    came_with: tuple[str, str],
    unchanged_with: tuple[str, str] | None,
    asked: list[int],
) -> None:
    with Confused() as shelf:
        shelf.came_with, shelf.unchanged_with = came_with, unchanged_with
        archive = Archive(tmp_path, shelf)
        archive.lists("a.gz")
        archive.listed.urls["a.gz"] = f"{shelf.url}/a.gz"
        archive.run()
        result = archive.run(refresh=True)
        assert (result.exit_code, result.files.replaced, archive.here("a.gz")) == (0, 0, A)
        assert [each.status for each in shelf.requests.at("api")] == asked
