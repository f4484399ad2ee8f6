"""The list of links: results.json in its two spellings, and results.csv in all its line ends."""

import io
import json
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.messages import assert_messages

from backhaul import NotDataError
from backhaul_gnip_hpt import results as reading
from backhaul_gnip_hpt.files import files
from backhaul_gnip_hpt.results import Link, Results

PLACE = "https://s3.example.org/archive.replay.snapshots/snapshots/acme/20140517-20140517_kj4r26m0qx/2014/05/17/18"
A = f"{PLACE}/00_activities.json.gz?AWSAccessKeyId=K&Expires=1401834613&Signature=a%2Bb%2Fc%3D"
B = f"{PLACE}/10_activities.json.gz?AWSAccessKeyId=K&Expires=1401834613&Signature=d%3D"
NAME_A = "20140517-20140517_kj4r26m0qx_2014_05_17_18_00_activities.json.gz"
NAME_B = "20140517-20140517_kj4r26m0qx_2014_05_17_18_10_activities.json.gz"
SUSPECT = "https://s3.example.org/archive.replay.snapshots/customers/acme/20140517-20140517_kj4r26m0qx/suspectMinutes.json?Expires=1401834613&Signature=e"


def read_json(document: Any) -> Results:
    return reading.read_json(io.BytesIO(json.dumps(document).encode()))


def read_csv(body: bytes) -> Results:
    return reading.read_csv(io.BytesIO(body))


def names(results: Results) -> list[str]:
    return [file.name for file in files("kj4r26m0qx", results)]


def test_the_documented_list_is_read() -> None:
    results = read_json(
        {
            "urlCount": 2,
            "urlList": [A, B],
            "expiresAt": "2014-06-03T22:29:46Z",
            "totalFileSizeBytes": 5324200,
        }
    )
    assert [link.url for link in results.links()] == [A, B]
    assert (results.count, results.bytes) == (2, 5324200)
    assert results.expires == datetime(2014, 6, 3, 22, 29, 46, tzinfo=UTC)
    assert results.oddities() == ()


def test_the_early_spelling_and_counts_as_strings_are_read() -> None:
    results = read_json({"url_count": "1", "url_list": [A], "total_file_size_bytes": "4096"})
    assert (results.listed, results.count, results.bytes) == (1, 1, 4096)


def test_a_job_without_any_activity_has_an_empty_list() -> None:
    assert read_json({"urlCount": 0, "urlList": []}).listed == 0
    assert read_json({"urlCount": 0}).listed == 0


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ([], r"results\.json"),
        ({"urlCount": 2}, "urlList"),
        ({"urlList": {"0": A}}, "urlList"),
        ({"urlList": A}, "urlList"),
        ({"urlList": [A, None]}, r"urlList\[1\]"),
        ({"urlList": [7]}, r"urlList\[0\]"),
        ({"urlList": [" "]}, r"urlList\[0\]"),
        ({"urlList": [], "suspectMinutesUrl": [SUSPECT]}, "suspectMinutesUrl"),
    ],
)
def test_a_wrong_type_is_named(document: Any, where: str) -> None:
    with pytest.raises(NotDataError, match=where):
        read_json(document)


def test_a_refusal_never_quotes_a_signed_link() -> None:
    with pytest.raises(NotDataError) as refused:
        read_json({"urlList": A})
    assert "Signature" not in str(refused.value)


def test_a_count_that_disagrees_with_the_list_is_reported() -> None:
    oddities = read_json({"urlCount": 3, "urlList": [A, B]}).oddities()
    assert_messages(oddities, ("", "urlCount", "3", "2"))


def test_a_link_that_is_listed_twice_is_one_file_and_is_reported() -> None:
    again = A.replace("Signature=a", "Signature=z")
    results = read_json({"urlCount": 3, "urlList": [A, again, B]})
    assert names(results) == [NAME_A, NAME_B]
    assert_messages(results.oddities(), ("", "1"))


@pytest.mark.parametrize(
    "others",
    [
        [("snapshots/acme/", "snapshots/acme/2014/05/20/")],
        [("https://", "https://eu.")],
        [("https://", "https://eu."), ("https://", "https://us."), ("/acme/", "/ACME/")],
    ],
)
def test_links_with_the_same_name_and_different_urls_are_all_kept_in_any_order(
    others: list[tuple[str, str]],
) -> None:
    urls = [A, *(A.replace(*each, 1) for each in others), B]
    found = []
    for order in permutations(urls):
        results = read_json({"urlList": list(order)})
        listed = list(files("kj4r26m0qx", results))
        assert results.oddities() == ()
        assert [file.url for file in listed] == list(order)
        found.append({file.url: (file.name, file.start, file.end) for file in listed})
    assert all(each == found[0] for each in found)
    names = {name for name, _, _ in found[0].values()}
    assert len(names) == len(urls)
    assert {NAME_A, NAME_B} <= names
    assert len({start for _, start, _ in found[0].values()}) == 2


def test_a_link_of_unknown_form_is_still_a_file_without_a_slot() -> None:
    odd = "https://cdn.example.org/exports/part%2000001.json.gz?Signature=x"
    (file,) = files("kj4r26m0qx", read_json({"urlList": [odd]}))
    assert file.url == odd
    assert (file.start, file.content, file.footer_lines) == (None, "jsonl.gz", 1)


@pytest.mark.parametrize(
    "key", ["suspectMinutesUrl", "suspectMinutesURL", "suspectMinuteURL", "suspect_minutes_url"]
)
def test_suspect_minutes_are_a_file_of_their_own_in_any_spelling(key: str) -> None:
    results = read_json({"urlList": [A], key: SUSPECT})
    _, suspect = files("kj4r26m0qx", results)
    assert suspect.name == "20140517-20140517_kj4r26m0qx_suspectMinutes.json"
    assert suspect.url == SUSPECT
    assert (suspect.content, suspect.optional, suspect.footer_lines) == ("json", True, 0)
    assert any("suspectMinutes.json" in line for line in results.oddities())


def test_suspect_minutes_at_an_unknown_url_are_named_after_the_job() -> None:
    results = read_json(
        {"urlList": [], "suspectMinutesUrl": "https://s3.example.org/elsewhere?x=1"}
    )
    assert names(results) == ["kj4r26m0qx_suspectMinutes.json"]


@pytest.mark.parametrize("suspect", [None, ""])
def test_without_suspect_minutes_there_is_no_file(suspect: str | None) -> None:
    assert names(read_json({"urlList": [A], "suspectMinutesUrl": suspect})) == [NAME_A]


@pytest.mark.parametrize(
    "body",
    [
        f"'{NAME_A}'\t'{A}'\n'{NAME_B}'\t'{B}'\n",
        f"'{NAME_A}'\t'{A}'\n'{NAME_B}'\t'{B}'",
        f"'{NAME_A}'\t'{A}'\r\n'{NAME_B}'\t'{B}'\r\n",
        f"'{NAME_A}'\t'{A}'\r\n\r\n'{NAME_B}'\t'{B}'\r\n\r\n",
        f"\n \n'{NAME_A}'\t'{A}'  \n\n'{NAME_B}' \t '{B}'\n\t\n",
        f"{NAME_A}\t{A}\n{NAME_B}\t{B}\n",
        f'"{NAME_A}"\t"{A}"\n"{NAME_B}"\t"{B}"\n',
        f"\ufeff'{NAME_A}'\t'{A}'\n'{NAME_B}'\t'{B}'\n",
    ],
)
def test_the_csv_is_read_with_any_line_end(body: str) -> None:
    assert list(read_csv(body.encode()).links()) == [Link(A, NAME_A), Link(B, NAME_B)]


def test_both_lists_result_in_the_same_names() -> None:
    csv = read_csv(f"'{NAME_A}'\t'{A}'\n'{NAME_B}'\t'{B}'\n".encode())
    assert names(csv) == names(read_json({"urlList": [A, B]})) == [NAME_A, NAME_B]


def test_the_csv_name_is_used_if_the_link_has_no_usable_name() -> None:
    (file,) = files(
        "kj4r26m0qx", read_csv(f"'{NAME_B}'\t'https://cdn.example.org/7f3a'\n".encode())
    )
    assert (file.name, file.start) == (NAME_B, datetime(2014, 5, 17, 18, 10, tzinfo=UTC))


def test_an_empty_csv_is_an_empty_list() -> None:
    assert read_csv(b"\r\n").listed == 0


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (f"'{NAME_A}'\t'{A}'\n'{NAME_B}'\t''\n", "line 2"),
        (f"'{NAME_A}','{A}'\n", "line 1"),
        (f"\n\n'{NAME_A}'\t'{A}'\t'more'\n", "line 3"),
        ('{"status":"error","reason":"no"}', "line 1"),
        ("<html><body>log in</body></html>", "line 1"),
    ],
)
def test_an_invalid_csv_line_is_named_by_its_number(body: str, what: str) -> None:
    with pytest.raises(NotDataError, match=what):
        read_csv(body.encode())


def test_a_binary_csv_is_refused() -> None:
    with pytest.raises(NotDataError, match="UTF-8"):
        read_csv(b"\x1f\x8b\xff")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["urlCount", "urlList", "url_list", "suspectMinutesUrl", "x"]), inner
        )
    ),
    max_leaves=8,
)


@given(_JSON)
def test_any_json_is_a_list_of_links_or_refused(document: Any) -> None:
    try:
        results = read_json(document)
    except NotDataError:
        return
    found = names(results)
    assert len(found) == len(set(found))


@given(st.binary(max_size=80))
def test_any_bytes_are_a_csv_or_refused(body: bytes) -> None:
    try:
        results = read_csv(body)
    except NotDataError:
        return
    assert all("://" in link.url for link in results.links())
