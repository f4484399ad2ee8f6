"""The last line of a data file proves that it is complete."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.messages import missing_facts

from backhaul import Content, FailureKind, RemoteFile
from backhaul_gnip_hpt import check_file

DATA = RemoteFile("a.json.gz", footer_lines=1)
GOOD = b'{"info":{"message":"Replay Request Completed","sent":"2014-05-15T17:47:27+00:00","activity_count":895}}'


def problems(
    last: bytes, records: int | None = 895, file: RemoteFile = DATA
) -> list[tuple[str, FailureKind | None, bool]]:
    content = Content(size=1, sha256="", records=records, last=last)
    return [
        (found.message, found.kind, found.fatal) for found in check_file(file=file, content=content)
    ]


@pytest.mark.parametrize(
    "last", [GOOD, GOOD.replace(b"895", b'"895"'), GOOD.replace(b"895", b"895.0")]
)
def test_a_footer_with_the_count_of_the_lines_is_right(last: bytes) -> None:
    assert problems(last) == []


def test_a_different_count_is_a_mismatch_that_names_both() -> None:
    ((message, kind, fatal),) = problems(GOOD, records=890)
    assert not missing_facts(message, "", "895", "890")
    assert (kind, fatal) == (FailureKind.COUNT_MISMATCH, True)


@pytest.mark.parametrize(
    "last",
    [
        b'{"id":"tag:search.twitter.com,2005:1","verb":"post","body":"fog"}',
        b'{"id":"tag:search.twitter.com,2005:1","info":{"activity_count":895}}',
        b'{"id":"tag:search.twitter.com,2005:1","verb":"po',
        b'{"info":"Replay Request Completed"}',
        b"[]",
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_last_line_that_is_not_a_footer_means_truncated(last: bytes) -> None:
    ((message, kind, fatal),) = problems(last)
    assert message
    assert (kind, fatal) == (FailureKind.TRUNCATED, True)


def test_a_file_without_lines_is_truncated() -> None:
    ((message, kind, _),) = problems(b"", records=0)
    assert message
    assert kind is FailureKind.TRUNCATED


@pytest.mark.parametrize("count", [b"null", b"-1", b'"many"'])
def test_a_count_that_cannot_be_read_is_reported_and_the_file_kept(count: bytes) -> None:
    ((message, kind, fatal),) = problems(GOOD.replace(b"895", count))
    assert "895" in message
    assert (kind, fatal) == (FailureKind.COUNT_MISMATCH, False)


def test_files_that_are_not_data_have_no_footer() -> None:
    assert problems(b"", None, RemoteFile("j_suspectMinutes.json", content="json")) == []


@given(st.binary(max_size=60))
def test_no_last_line_raises_an_error(last: bytes) -> None:
    for message, _, _ in problems(last):
        assert message
