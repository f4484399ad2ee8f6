"""http-index with the real command: each kind of index, what it proves, which slots are silent."""

import gzip
import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.core.transfer.scripted import reply, scripted
from tests.providers.http_archives.conftest import Home, Made
from tests.usual import usual

import backhaul
from backhaul.testing import Emulator
from backhaul_http_archives.emulated_index import TOKEN, HttpIndexEmulator

DATED = {
    "include": ["pageviews-*.gz"],
    "start": r"pageviews-(?P<start>\d{8}-\d{6})",
    "start_format": "%Y%m%d-%H%M%S",
    "slot": "1h",
}
KINDS: dict[str, dict[str, Any]] = {
    "nginx": {"url": "/auto/{start:%Y}/{start:%Y-%m}/", "every": "1mo"},
    "apache": {"url": "/apache/{start:%Y}/{start:%Y-%m}/", "every": "1mo", "base": "/auto/{}"},
    "lines": {
        "url": "/list.txt",
        "reader": "lines",
        "lines": {"pattern": r"(?P<size>\d+) (?P<md5>\w+) (?P<url>\S+)"},
    },
    "paths": {"url": "/list.txt.gz", "reader": "lines", "lines": {"pattern": r"(?P<url>\S+)$"}},
    "sums": {"url": "/SHA256SUMS", "reader": "sums", "name": "{basename}"},
    "bsd": {"url": "/BSDSUMS.gz", "reader": "sums", "name": "{basename}"},
    "json": {
        "url": "/manifest.json",
        "reader": "json",
        "json": {
            "files": "files[*]",
            "url": "urls.https",
            "name": "filename",
            "size": "size",
            "sha256": "hash",
        },
    },
    "json of an expression": {
        "url": "/manifest.json.gz",
        "reader": "json",
        "json": {"files": "files[?size > `10`].{u: urls.https}", "url": "u"},
    },
    "csv": {
        "url": "/files.csv",
        "reader": "csv",
        "csv": {"url": "link", "name": "file", "size": "bytes", "sha512": "digest"},
    },
}
PROVEN = {"lines", "sums", "bsd", "json", "csv"}


def archive_of(home: Made, kind: str, **scale: Any) -> Home:
    archive = home(HttpIndexEmulator, **scale)
    keys = dict(KINDS[kind])
    if kind == "apache":
        keys.pop("base")
    url = f"{archive.one.url}{keys.pop('url')}"
    archive.source = {"provider": "http-index", "url": url, "auth": {"bearer": TOKEN}}
    archive.change(source={"content": "jsonl.gz", **DATED, **keys})
    return archive


@pytest.mark.parametrize(
    "kind", usual([kind for kind in KINDS if kind != "apache"], "json", "sums", "nginx")
)
def test_the_files_of_an_index_arrive(home: Made, kind: str) -> None:
    archive = archive_of(home, kind)
    code, job = archive.run()
    assert (code, job["state"]) == (0, "complete")
    assert (job["files"]["verified"], job["files"]["silent"]) == (46, 2)
    assert archive.gaps() == [
        ("2026-01-31T05:00:00Z", "silent"),
        ("2026-02-01T17:00:00Z", "silent"),
    ]
    assert len(archive.here) == 46
    assert "pageviews-20260131-000000.gz" in archive.here
    files = archive.command("files")[1]["jobs"][0]["files"]
    assert all(("checksum" in each["proof"]) == (kind in PROVEN) for each in files)
    archive.one.requests.clear()
    code, job = archive.run()
    assert (code, job["files"]["fetched"]) == (0, 0)
    assert not [path for path in archive.asked() if archive.one.is_file(path, "")]


def test_other_links_on_an_apache_page_are_ignored(home: Made) -> None:
    archive = archive_of(home, "apache")
    code, plan = archive.command("plan")
    assert (code, plan["jobs"][0]["listed"]) == (0, 46)


def test_the_folders_checksum_list_proves_each_file(home: Made) -> None:
    archive = archive_of(home, "nginx")
    archive.change(source={"checksum": {"folder": "md5sums.txt"}})
    assert archive.run()[0] == 0
    files = archive.command("files")[1]["jobs"][0]["files"]
    assert all("checksum" in each["proof"] for each in files)


def test_a_file_that_does_not_match_its_digest_is_corrupt(home: Made) -> None:
    archive = archive_of(home, "sums")
    archive.one.faults.replace("bad_footer:all@*20260131-07*")
    code, job = archive.run()
    assert code == 8
    assert [(each["file"], each["kind"]) for each in job["failures"]] == [
        ("pageviews-20260131-070000.gz", "corrupt")
    ]
    assert "pageviews-20260131-070000.gz" not in archive.here
    archive.one.faults.replace("")
    assert archive.run()[0] == 0


def test_a_missing_index_of_a_past_period_is_reported(home: Made) -> None:
    archive = archive_of(home, "nginx")
    archive.change(**{"from": "2025-12-15", "to": "2026-02-02"})
    code, job = archive.run()
    assert (code, job["failures"][0]["kind"]) == (3, "not_found")
    assert "/auto/2025/2025-12/" in job["failures"][0]["message"]
    assert job["files"]["verified"] == 70  # files of the other indexes are fetched anyway
    assert job["files"]["silent"] == 0


@pytest.mark.parametrize(("missing", "status"), [([403, 404], 403), ([404], 404), ([404], 410)])
def test_the_statuses_of_a_missing_index_are_configurable(
    home: Made, missing: list[int], status: int
) -> None:
    archive = archive_of(home, "nginx")
    fault = {403: "page_403", 404: "not_found", 410: "gone"}[status]
    archive.one.faults.replace(f"api/{fault}:all@*/2026/2026-01/")
    archive.change(source={"missing": missing}, **{"from": "2026-01-30", "to": "2026-02-02"})
    code, job = archive.run()
    assert (code, [each["kind"] for each in job["failures"]]) == (3, ["not_found"])
    assert "/auto/2026/2026-01/" in job["failures"][0]["message"]
    assert str(status) in job["failures"][0]["message"]
    assert job["files"]["verified"] == 23  # those of February
    assert job["files"]["silent"] == 0


@pytest.mark.parametrize(("missing", "state"), [([403, 404], "missing"), ([404], "failed")])
def test_a_listed_file_that_does_not_exist_is_missing_and_a_failure(
    home: Made, missing: list[int], state: str
) -> None:
    archive = archive_of(home, "nginx")
    archive.one.faults.replace("page_403:all@*20260131-03*")
    archive.change(source={"missing": missing}, **{"from": "2026-01-31", "to": "2026-02-01"})
    code, job = archive.run()
    assert (code, job["files"][state], len(job["failures"])) == (code, 1, 1)


def test_reading_an_index_to_an_earlier_end_loses_nothing(home: Made) -> None:
    archive = archive_of(home, "sums")
    archive.one.faults.replace("bad_footer:all@*20260201-0[23]*")
    assert archive.run()[0] == 8
    archive.change(to="2026-02-01")
    code, job = archive.run()
    assert (code, job["files"]["listed"], job["files"]["verified"]) == (0, 23, 23)
    assert [state for _, state in archive.gaps()] == ["silent"]


def test_credentials_stay_at_the_archives_own_origin(home: Made) -> None:
    other = HttpIndexEmulator().start()
    try:
        archive = archive_of(home, "json")
        index = archive.one
        index._flat = other._flat  # type: ignore[attr-defined,method-assign]  # its list names the other's files
        code, job = archive.run()
        assert (code, job["files"]["verified"]) == (0, 46)
        assert len(other.requests) == 46
        assert not any("authorization" in entry.headers for entry in other.requests)
    finally:
        other.stop()


def spread(archive: Home, *others: Emulator) -> None:
    """Lists the files in turn at several servers."""
    servers = itertools.cycle([archive.one, *others])
    flat = archive.one._flat  # type: ignore[attr-defined]

    def listed(path: str) -> str:
        links = flat(path).split(f"{archive.one.url}/")
        return links[0] + "".join(f"{next(servers).url}/{link}" for link in links[1:])

    archive.one._flat = listed  # type: ignore[attr-defined]


def paced(rate: float, *servers: Emulator) -> int:
    """How many requests some servers got; checks that no two came closer than a rate allows."""
    times = sorted(entry.time for one in servers for entry in one.requests)
    assert times[-1] - times[0] > (len(times) - 1.5) / rate
    return len(times)


def test_all_hosts_share_the_pace(home: Made) -> None:
    others = [HttpIndexEmulator().start() for _ in range(3)]
    try:
        archive = archive_of(home, "json")
        spread(archive, *others)
        archive.change(source={"pace": "20/s"}, to="2026-01-31T15:00:00Z")
        code, job = archive.run()
        assert (code, job["files"]["verified"]) == (0, 14)
        assert all(one.requests for one in others)
        assert paced(20, archive.one, *others) == 15  # the index, and its files
    finally:
        for one in others:
            one.stop()


def test_all_jobs_of_a_source_share_the_pace(home: Made) -> None:
    archive = archive_of(home, "json")
    archive.change(source={"pace": "20/s"}, to="2026-01-31T05:00:00Z")
    document = yaml.safe_load(archive.path.read_text())
    document["jobs"]["other"] = {**document["jobs"]["job"], "to": "2026-01-31T04:00:00Z"}
    archive.path.write_text(yaml.safe_dump(document))
    assert archive.command("run")[0] == 0
    assert paced(20, archive.one) == 11  # each job's index, and 5 and 4 files


def test_all_processes_share_the_pace(home: Made) -> None:
    archive = archive_of(home, "json")
    archive.change(source={"pace": "20/s"}, to="2026-01-31T10:00:00Z")
    document = yaml.safe_load(archive.path.read_text())
    for name in ("second", "third"):
        document["jobs"][name] = dict(document["jobs"]["job"])
    archive.path.write_text(yaml.safe_dump(document))
    assert archive.command("run", "--workers", "3")[0] == 0
    assert paced(20, archive.one) == 30  # of each job, the index and nine files


def test_a_source_without_a_pace_does_not_wait_for_another(home: Made) -> None:
    archive = archive_of(home, "json")
    archive.change(source={"pace": "1/m"}, to="2026-01-31T03:00:00Z")
    document = yaml.safe_load(archive.path.read_text())
    document["sources"]["quick"] = {**document["sources"]["s"]}
    del document["sources"]["quick"]["pace"]
    document["jobs"]["quick"] = {**document["jobs"]["job"], "source": "quick", "to": "2026-02-01"}
    archive.path.write_text(yaml.safe_dump(document))
    loaded = backhaul.load(archive.path)
    ended: list[str] = []

    def stop_at_the_first(event: backhaul.Event) -> None:
        if isinstance(event, backhaul.JobEnded):
            ended.append(event.job)
            loaded.stop()

    loaded.run(on_event=stop_at_the_first)
    assert ended[0] == "quick"
    folder = archive.path.parent / "archive"
    assert len(list((folder / "quick").glob("*.gz"))) == 23
    assert len(list((folder / "job").glob("*.gz"))) <= 1


def test_a_server_that_is_down_ends_a_paced_job(home: Made) -> None:
    other = HttpIndexEmulator().start()
    archive = archive_of(home, "json")
    spread(archive, other)
    other.stop()
    archive.change(source={"pace": "200/s"}, to="2026-02-01T05:00:00Z")
    code, job = archive.run()
    assert (code, job["files"]["verified"], job["files"]["failed"]) == (6, 14, 14)


def test_the_pace_counts_the_index_checksum_files_and_files_together(home: Made) -> None:
    archive = archive_of(home, "nginx")
    archive.change(
        source={"pace": "20/s", "checksum": {"folder": "md5sums.txt"}},
        **{"from": "2026-01-31", "to": "2026-01-31T09:00:00Z"},
    )
    assert archive.run()[0] == 0
    times = sorted(entry.time for entry in archive.one.requests)
    assert len(times) == 10  # the index, its md5sums.txt, and eight files
    assert times[-1] - times[0] > 0.4


def test_a_name_can_contain_the_slots_time(home: Made) -> None:
    archive = archive_of(home, "csv")
    archive.change(source={"name": "{start:%Y/%m}/{start:%d-%H}-{basename}"})
    assert archive.run()[0] == 0
    assert "2026/01/31-00-pageviews-20260131-000000.gz" in archive.here


def test_relative_links_can_have_another_base(home: Made) -> None:
    archive = archive_of(home, "csv")
    archive.change(source={"base": f"{archive.one.url}/nowhere"})
    assert archive.run()[0] == 0
    asked = [path for path in archive.asked() if archive.one.is_file(path, "")]
    assert all(path.startswith("/nowhere/auto/") for path in asked)


@pytest.mark.parametrize(
    ("kind", "fault", "word"),
    [
        ("nginx", "html_200", "link"),
        ("sums", "html_200", "SHA256SUMS"),
        ("json", "html_200", "JSON"),
        ("csv", "html_200", "column"),
        ("paths", "truncated", "damaged"),
        ("json", "truncated", "JSON"),
    ],
)
def test_an_invalid_index_fails_the_job(home: Made, kind: str, fault: str, word: str) -> None:
    archive = archive_of(home, kind)
    archive.one.faults.replace(f"api/{fault}:all")
    code, job = archive.run()
    assert code == 8
    assert job["failures"][0]["kind"] == "not_data"
    assert word in job["failures"][0]["message"]


def test_a_login_page_in_place_of_an_index_does_not_make_slots_silent(home: Made) -> None:
    page = b"<html><title>Log in</title><form></form><a href='/forgot'>Forgot?</a></html>"
    archive = archive_of(home, "nginx")
    with scripted(lambda _: reply(page, "Content-Type: text/html")) as server:
        archive.change(source={"url": f"{server.url}/auto/{{start:%Y-%m}}/"})
        code, job = archive.run()
    assert (code, [each["kind"] for each in job["failures"]]) == (8, ["not_data"])
    assert job["files"]["silent"] == 0
    assert {state for _, state in archive.gaps()} == {"unknown"}


@pytest.mark.parametrize("kind", usual(["nginx", "lines", "sums", "csv"], "nginx", "csv"))
def test_an_index_that_may_be_cut_short_does_not_make_slots_silent(home: Made, kind: str) -> None:
    archive = archive_of(home, kind)
    archive.one.faults.replace("api/no_length:all")
    code, job = archive.run()
    assert code == 8
    assert (job["files"]["verified"], job["files"]["silent"], job["files"]["unknown"]) == (46, 0, 2)
    (failure,) = job["failures"]
    assert failure["kind"] == "truncated"
    assert "2 slots are unknown: nothing shows where the response of http://" in failure["message"]
    assert [state for _, state in archive.gaps()] == ["unknown"] * 2
    archive.one.faults.replace("")
    assert archive.run()[1]["files"]["silent"] == 2


@pytest.mark.parametrize("kind", ["json", "paths"])
def test_a_document_that_shows_its_own_end_needs_no_length(home: Made, kind: str) -> None:
    archive = archive_of(home, kind)
    archive.one.faults.replace("api/no_length:all")
    code, job = archive.run()
    assert (code, job["files"]["verified"], job["files"]["silent"]) == (0, 46, 2)


def test_each_value_has_its_own_index(home: Made, tmp_path: Path) -> None:
    archive = archive_of(home, "nginx")
    archive.change(
        source={
            "url": f"{archive.one.url}/auto/{{year}}/{{start:%Y-%m}}/",
            "name": "{year}/{name}",
        },
        values={"year": ["2026"]},
    )
    code, job = archive.run()
    assert (code, job["files"]["verified"]) == (0, 46)
    path = tmp_path / "archive" / "job" / "2026" / "pageviews-20260131-000000.gz"
    assert gzip.decompress(path.read_bytes()).count(b"\n") == 8


@pytest.mark.parametrize(
    "name", usual(["20260230-000000", "20260201-250000", "99991231-230000"], "20260230-000000")
)
@pytest.mark.parametrize("stored", ["{name}", "{start:%Y}/{basename}"])
def test_a_file_with_an_impossible_time_is_fetched_and_leaves_slots_unknown(
    home: Made, name: str, stored: str
) -> None:
    archive = archive_of(home, "sums")
    archive.change(source={"name": stored, "reader": "lines"})
    odd, day = f"pageviews-{name}.gz", "pageviews-20260131-000000.gz"
    body = gzip.compress(b"{}\n", mtime=0)
    index = f"{day}\n{odd}\n".encode()

    with scripted(lambda asked: reply(index if asked.path == "/list" else body)) as server:
        archive.change(source={"url": f"{server.url}/list"})
        code, job = archive.run()
        again, _ = archive.run()
    assert (code, again, job["state"]) == (3, 3, "partial")
    assert (job["files"]["verified"], job["files"]["silent"], job["files"]["unknown"]) == (2, 0, 47)
    (failure,) = job["failures"]
    assert f"no period, such as {odd}" in failure["message"]
    assert archive.here == {odd, day if stored == "{name}" else f"2026/{day}"}
    assert {state for start, state in archive.gaps() if start} == {"unknown"}


def test_a_missing_index_of_the_current_period_leaves_slots_unknown_once_one_is_due(
    home: Made,
) -> None:
    archive = archive_of(home, "nginx")
    archive.one.faults.replace("api/not_found:all")
    archive.change(source={"every": "10y"}, **{"from": "2026-01-31", "to": "2026-02-02"})
    code, job = archive.run()
    assert (code, [each["kind"] for each in job["failures"]]) == (3, ["not_found"])
    assert (job["files"]["silent"], job["files"]["unknown"]) == (0, 48)
    archive.change(source={"lag": "36500d"})
    code, job = archive.run()
    assert (code, job["files"]["pending"]) == (0, 48)
