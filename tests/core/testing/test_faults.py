"""Each fault, as seen by a client."""

import gzip
import json
import time

import pytest
import requests

from backhaul.testing import Emulator, Fault, Faults

KEY = "run/2015/06/01/00/10_activities.json.gz"
LINES = b"".join(b'{"n":%d}\n' % number for number in range(200))
BODY = gzip.compress(LINES + b'{"info":{"activity_count":200}}\n', mtime=0)


@pytest.fixture
def link(emulator: Emulator) -> str:
    emulator.storage.put(KEY, BODY)
    return emulator.storage.link(KEY)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("503:2", Fault("503", times=2)),
        ("429:5%", Fault("429", rate=0.05)),
        ("429=3:5%:4", Fault("429", rate=0.05, times=4, retry_after=3)),
        ("drop@*_00_10_*", Fault("drop", match="*_00_10_*")),
        ("drop=100:3x", Fault("drop", size=100, times=None, total=3)),
        ("denied:all", Fault("denied", times=None)),
        ("api/500", Fault("500", where="api")),
        ("unauthorized", Fault("unauthorized", where="api")),
        ("storage/unauthorized", Fault("unauthorized")),
        ("stall=5", Fault("stall", seconds=5)),
        ("slow=1000", Fault("slow", size=1000)),
        ("clock=-60", Fault("clock", seconds=-60, times=None)),
    ],
)
def test_a_fault_is_parsed_from_text(text: str, fault: Fault) -> None:
    assert Faults.parse(text).all == (fault,)


def test_several_faults_are_parsed_in_order() -> None:
    assert [fault.kind for fault in Faults.parse("503:2, drop@*a*  429").all] == [
        "503",
        "drop",
        "429",
    ]


@pytest.mark.parametrize("text", ["flood", "503:", "drop@", "corrupt=3", ":2", "503:200%%"])
def test_an_invalid_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"fault"):
        Faults.parse(text)


def test_a_fault_for_another_port_is_refused() -> None:
    with pytest.raises(ValueError, match="api or storage"):
        Fault("503", where="moon")


def test_a_fault_affects_each_key_the_given_number_of_times() -> None:
    faults = Faults([Fault("503", times=2)])
    shown = [faults.pick("storage", key) is not None for key in ("a", "a", "a", "b")]
    assert shown == [True, True, False, True]
    assert faults.hits("503") == 3
    assert faults.hits("drop") == 0


def test_a_total_limits_it_over_all_keys() -> None:
    faults = Faults.parse("503:2x")
    assert [faults.pick("storage", key) is not None for key in "abc"] == [True, True, False]


def test_a_rate_chooses_the_same_keys_each_time() -> None:
    def chosen(seed: int) -> set[int]:
        faults = Faults.parse("503:10%", seed=seed)
        return {key for key in range(2000) if faults.pick("storage", f"{key}")}

    assert chosen(1) == chosen(1) != chosen(2)
    assert 150 < len(chosen(1)) < 250


def test_a_pattern_matches_the_key_with_underscores_too(
    emulator: Emulator, session: requests.Session, link: str
) -> None:
    emulator.faults.replace("not_found@*_00_10_*")
    assert session.get(link).status_code == 404


def test_a_fault_of_the_api_leaves_the_storage_alone(
    emulator: Emulator, session: requests.Session, link: str
) -> None:
    emulator.faults.replace("api/500:all")
    assert session.get(link).status_code == 200
    assert session.get(f"{emulator.url}/x").status_code == 500


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("429=4", (429, "Too many")),
        ("500", (500, "went wrong")),
        ("502", (502, "went wrong")),
        ("503=4", (503, "<Code>SlowDown</Code>")),
        ("504", (504, "went wrong")),
        ("xml_200", (200, "<Code>InternalError</Code>")),
        ("html_200", (200, "<!DOCTYPE html>")),
        ("not_found", (404, "<Code>NoSuchKey</Code>")),
        ("denied", (403, "<Message>Access Denied</Message>")),
        ("expired", (403, "<Message>Request has expired</Message>")),
        ("skewed", (403, "<Code>RequestTimeTooSkewed</Code>")),
        ("storage/unauthorized", (401, "Invalid credentials")),
    ],
)
def test_a_fault_replaces_the_response_once(
    emulator: Emulator, session: requests.Session, link: str, kind: str, expected: tuple[int, str]
) -> None:
    emulator.faults.replace(kind)
    answer = session.get(link)
    assert answer.status_code == expected[0]
    assert expected[1] in answer.text
    assert answer.headers.get("Retry-After") == ("4" if "=4" in kind else None)
    assert session.get(link).content == BODY


@pytest.mark.parametrize("kind", ["drop", "reset", "drop=10", "stall=0.01"])
def test_the_body_is_cut_in_its_middle_once(
    emulator: Emulator, session: requests.Session, link: str, kind: str
) -> None:
    emulator.faults.replace(kind)
    answer = session.get(link, stream=True)
    assert int(answer.headers["Content-Length"]) == len(BODY)
    with pytest.raises(requests.RequestException):
        answer.content  # noqa: B018 - reading it raises
    assert emulator.requests[-1].body_bytes == (10 if kind == "drop=10" else len(BODY) // 2)
    assert session.get(link).content == BODY


def test_a_stall_is_silent_until_the_client_gives_up(
    emulator: Emulator, session: requests.Session, link: str
) -> None:
    emulator.faults.replace("stall")
    with pytest.raises(requests.ConnectionError, match="timed out"):
        session.get(link, timeout=0.2)


def test_a_slow_body_trickles_and_arrives_complete(
    emulator: Emulator, session: requests.Session, link: str
) -> None:
    emulator.faults.replace([Fault("slow", seconds=0.3)])
    begin = time.monotonic()
    assert session.get(link).content == BODY
    assert time.monotonic() - begin > 0.2


def test_a_truncated_body_looks_complete(
    emulator: Emulator, session: requests.Session, link: str
) -> None:
    emulator.faults.replace("truncated")
    assert session.get(link).content == BODY[: len(BODY) // 2]


def test_a_corrupt_body_has_its_length_and_other_bytes(
    emulator: Emulator, session: requests.Session, link: str
) -> None:
    emulator.faults.replace("corrupt")
    content = session.get(link).content
    assert len(content) == len(BODY)
    assert content != BODY


def test_a_bad_footer_fault_is_complete_gzip_with_a_wrong_count(
    emulator: Emulator, session: requests.Session, link: str
) -> None:
    emulator.faults.replace("bad_footer")
    lines = gzip.decompress(session.get(link).content).splitlines()
    assert b"\n".join(lines[:-1]) + b"\n" == LINES
    assert json.loads(lines[-1]) == {"info": {"activity_count": 201}}


def test_a_file_without_footer_loses_its_last_line(
    emulator: Emulator, session: requests.Session
) -> None:
    emulator.storage.put("plain", gzip.compress(b"1\n2\n"))
    emulator.faults.replace("bad_footer")
    assert gzip.decompress(session.get(emulator.storage.link("plain")).content) == b"1\n"


def test_a_changed_object_is_complete_with_different_bytes(
    emulator: Emulator, session: requests.Session, link: str
) -> None:
    etag = session.get(link).headers["ETag"]
    emulator.faults.replace("changed")
    with pytest.raises(requests.RequestException):
        session.get(link)
    answer = session.get(link, headers={"Range": "bytes=10-", "If-Range": etag})
    assert answer.status_code == 200
    assert answer.headers["ETag"] != etag
    assert answer.content != BODY
    assert gzip.decompress(answer.content) == gzip.decompress(BODY)


def test_a_mislabelled_encoding_leaves_the_bytes(
    emulator: Emulator, session: requests.Session, link: str
) -> None:
    emulator.faults.replace("gzip_encoding")
    answer = session.get(link, stream=True)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.raw.read(decode_content=False) == BODY


def test_a_redirect_loop_never_ends(
    emulator: Emulator, session: requests.Session, link: str
) -> None:
    emulator.faults.replace("redirect_loop:all")
    with pytest.raises(requests.TooManyRedirects):
        session.get(link)


def test_storage_faults_occur_at_the_api_if_it_serves_the_files(
    emulator: Emulator, session: requests.Session
) -> None:
    class OnePort(type(emulator)):
        files_at = "api"

    with OnePort(faults="drop") as one:
        with pytest.raises(requests.RequestException):
            session.get(f"{one.url}/x")
        assert session.get(f"{one.url}/x").status_code == 200
