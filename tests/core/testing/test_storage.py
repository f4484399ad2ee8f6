"""The storage: signed links, validators, ranges."""

import gzip
import hashlib
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
import requests

from backhaul.testing import Emulator, Stored

KEY = "run/2015/06/01/00/10_activities.json.gz"
BODY = gzip.compress(bytes(range(256)) * 4, mtime=0)


@pytest.fixture(autouse=True)
def _stored(emulator: Emulator) -> None:
    emulator.storage.put(KEY, BODY)


def test_a_signed_link_returns_the_object_with_its_validators(
    emulator: Emulator, session: requests.Session
) -> None:
    answer = session.get(emulator.storage.link(KEY))
    assert (answer.status_code, answer.content) == (200, BODY)
    assert answer.headers["ETag"] == f'"{hashlib.md5(BODY).hexdigest()}"'
    assert {"Date", "Last-Modified", "Content-Length"} <= answer.headers.keys()
    assert answer.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("style", ["path", "virtual"])
def test_both_styles_of_links_reach_the_object(
    emulator: Emulator, session: requests.Session, style: str
) -> None:
    link = emulator.storage.link(KEY, style=style)
    assert urlsplit(link).path.startswith(f"/{emulator.storage.bucket}/") == (style == "path")
    assert session.get(link).content == BODY


def test_signatures_have_escaped_characters(emulator: Emulator) -> None:
    assert emulator.storage.link(KEY).endswith("%3D")


def test_a_header_with_credentials_is_refused(
    emulator: Emulator, session: requests.Session
) -> None:
    answer = session.get(emulator.storage.link(KEY), auth=("me", "secret"))
    assert answer.status_code == 400
    assert "<Code>InvalidArgument</Code>" in answer.text


def test_head_on_a_link_for_get_does_not_match(
    emulator: Emulator, session: requests.Session
) -> None:
    assert session.head(emulator.storage.link(KEY)).status_code == 403
    assert session.get(emulator.storage.link(KEY)).status_code == 200


@pytest.mark.parametrize(
    "alter",
    [
        lambda link: link.replace("10_activities", "20_activities"),
        lambda link: link.replace("%3D", "="),
        lambda link: link.replace("Expires=1", "Expires=2"),
        lambda link: f"{link}&x=1",
    ],
)
def test_an_altered_link_does_not_match(
    emulator: Emulator, session: requests.Session, alter: Callable[[str], str]
) -> None:
    link = emulator.storage.link(KEY)
    assert alter(link) != link
    answer = session.get(alter(link))
    assert answer.status_code == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in answer.text


def test_a_link_without_signature_is_denied(emulator: Emulator, session: requests.Session) -> None:
    answer = session.get(emulator.storage.link(KEY).partition("?")[0])
    assert (answer.status_code, "AccessDenied" in answer.text) == (403, True)


def test_an_expired_link_says_so(emulator: Emulator, session: requests.Session) -> None:
    answer = session.get(emulator.storage.link(KEY, lifetime=-5))
    assert answer.status_code == 403
    assert "<Code>AccessDenied</Code><Message>Request has expired</Message>" in answer.text


def test_a_removed_object_is_no_such_key(emulator: Emulator, session: requests.Session) -> None:
    link = emulator.storage.link(KEY)
    emulator.storage.delete(KEY)
    answer = session.get(link)
    assert answer.status_code == 404
    assert "<Code>NoSuchKey</Code>" in answer.text


@pytest.mark.parametrize(
    ("asked", "part", "given"),
    [
        ("bytes=0-0", slice(0, 1), "bytes 0-0"),
        ("bytes=10-19", slice(10, 20), "bytes 10-19"),
        ("bytes=10-", slice(10, None), f"bytes 10-{len(BODY) - 1}"),
        ("bytes=-5", slice(-5, None), f"bytes {len(BODY) - 5}-{len(BODY) - 1}"),
        ("bytes=10-99999999", slice(10, None), f"bytes 10-{len(BODY) - 1}"),
    ],
)
def test_a_range_returns_that_part(
    emulator: Emulator, session: requests.Session, asked: str, part: slice, given: str
) -> None:
    answer = session.get(emulator.storage.link(KEY), headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, BODY[part])
    assert answer.headers["Content-Range"] == f"{given}/{len(BODY)}"


def test_a_range_past_the_end_is_not_satisfiable(
    emulator: Emulator, session: requests.Session
) -> None:
    answer = session.get(emulator.storage.link(KEY), headers={"Range": f"bytes={len(BODY)}-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(BODY)}"


def test_if_range_returns_the_whole_of_a_changed_object(
    emulator: Emulator, session: requests.Session
) -> None:
    link = emulator.storage.link(KEY)
    etag = session.get(link).headers["ETag"]
    same = session.get(link, headers={"Range": "bytes=4-", "If-Range": etag})
    emulator.storage.put(KEY, b"another one")
    other = session.get(link, headers={"Range": "bytes=4-", "If-Range": etag})
    assert (same.status_code, same.content) == (206, BODY[4:])
    assert (other.status_code, other.content) == (200, b"another one")
    assert other.headers["ETag"] != etag


def test_links_of_one_listing_share_a_budget(emulator: Emulator, session: requests.Session) -> None:
    with type(emulator)(link_budget=2) as strict:
        strict.storage.put("a", b"a")
        listing = strict.storage.new_listing()
        links = [strict.storage.link("a", listing=listing) for _ in range(3)]
        assert [session.get(link).status_code for link in links] == [200, 200, 403]
        assert "Request has expired" in session.get(links[0]).text
        fresh = strict.storage.link("a", listing=strict.storage.new_listing())
        assert session.get(fresh).status_code == 200


def test_bytes_are_generated_on_request(emulator: Emulator, session: requests.Session) -> None:
    asked = []

    def make() -> bytes:
        asked.append(1)
        return b"made"

    emulator.storage.put("lazy", make)
    assert not asked
    assert session.get(emulator.storage.link("lazy")).content == b"made"


def test_keys_can_be_found_by_rule(emulator: Emulator, session: requests.Session) -> None:
    emulator.storage.mount("rule/", lambda key: Stored(key.encode) if key.endswith("7") else None)
    assert session.get(emulator.storage.link("rule/7")).content == b"rule/7"
    assert session.get(emulator.storage.link("rule/8")).status_code == 404


def test_a_large_object_arrives_complete(emulator: Emulator, session: requests.Session) -> None:
    body = bytes(range(256)) * 40_000
    emulator.storage.put("large", body)
    assert session.get(emulator.storage.link("large")).content == body


def test_headers_and_encoding_of_an_object_are_sent(
    emulator: Emulator, session: requests.Session
) -> None:
    emulator.storage.put(
        "named",
        gzip.compress(b"text"),
        content_type="application/gzip",
        content_encoding="gzip",
        headers={"Content-Disposition": "attachment; filename=x"},
    )
    answer = session.get(emulator.storage.link("named"))
    assert answer.headers["Content-Disposition"] == "attachment; filename=x"
    assert answer.headers["Content-Type"] == "application/gzip"
    assert answer.content == b"text"


def test_a_bug_in_a_rule_is_not_taken_for_a_response(
    emulator: Emulator, session: requests.Session
) -> None:
    emulator.storage.mount("rule/", lambda key: key.split("/")[2].encode())
    assert session.get(emulator.storage.link("rule/x")).status_code == 500
    assert [type(error) for error in emulator.errors] == [IndexError]
    emulator.errors.clear()
