"""Rejected bodies are kept, without secrets, within a limit, and out of the way."""

import gzip
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from tests.core.transfer.scripted import reply, scripted
from tests.listed import listing
from tests.one_job import one_job
from tests.safety.command import call, published, run, write_config
from tests.usual import usual

from backhaul import RemoteFile
from backhaul.run.result import JobResult
from backhaul.testing.emulator import Emulator
from backhaul.testing.serve import emulator
from backhaul_gnip_hpt.emulator import GnipHptEmulator

KEPT = ".backhaul/rejected"


def fetch(dest: Path, bodies: dict[str, bytes], **settings: Any) -> JobResult:
    """Fetches files that are listed as gzipped JSON Lines."""
    with scripted(lambda asked: reply(bodies[asked.path[1:].partition("?")[0]])) as server:
        files = (RemoteFile(name, f"{server.url}/{name}?sig=0123456789abcdef") for name in bodies)
        result = one_job(listing(*files), dest, retries=0, **settings).run()
    assert result.exit_code in {3, 8}
    return result.jobs[0]


def kept(dest: Path) -> dict[str, bytes]:
    folder = dest / KEPT
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(".reason.json")
    }


@pytest.mark.parametrize(
    ("provider", "fault", "kind"),
    [
        ("gnip-hpt", "bad_footer", "count_mismatch"),
        ("gnip-hpt", "html_200", "not_data"),
        ("gnip-hpt", "corrupt", "corrupt"),
        ("gnip-hpt", "truncated", "truncated"),
        ("stocktwits-backup", "corrupt", "corrupt"),
        ("stocktwits-backup", "xml_200", "not_data"),
        ("massrelevance-meta", "truncated", "truncated"),
    ],
)
def test_the_body_is_kept_with_its_reason_and_named(
    tmp_path: Path, provider: str, fault: str, kind: str
) -> None:
    scale: dict[str, Any] = {"slots": 1, "silent": 0.0} if provider == "gnip-hpt" else {}
    with emulator(provider, faults=f"{fault}:all", **scale) as one:
        ran = run(write_config(tmp_path, one, jobs=_one_file(one)), "--json")

    (failure,) = [each for each in ran.job["failures"] if each["file"]]
    path = Path(failure["rejected"])
    reason = json.loads(path.with_name(path.name + ".reason.json").read_text())
    assert path == tmp_path / "archive" / KEPT / ran.job["job"] / failure["file"]
    assert path.stat().st_size > 0
    assert (reason["kind"], reason["message"]) == (failure["kind"], failure["message"])
    assert reason["kind"] in {kind, "corrupt", "truncated", "not_data"}
    for each in (path, *path.relative_to(tmp_path / "archive").parents):
        mode = stat.S_IMODE((tmp_path / "archive" / each).stat().st_mode)
        assert mode == (0o600 if each == path else mode & 0o755)
    assert stat.S_IMODE((tmp_path / "archive" / KEPT).stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def _one_file(one: Emulator) -> dict[str, Any]:
    ((name, keys), *_) = one.jobs().items()
    day = {
        "stocktwits-backup": {"from": "2016-12-01", "to": "2016-12-02", "file_types": ["message"]},
        "massrelevance-meta": {"to": "2012-09-27", "formats": ["json"]},
    }
    return {name: keys | day.get(one.provider, {})}


def test_a_binary_body_is_kept_as_received_whether_small_or_large(tmp_path: Path) -> None:
    small, large = (b"\x1f\x8b\x08\0" + bytes(range(256)) * size for size in (1, 8192))

    job = fetch(tmp_path, {"small.gz": small, "2016/01/large.gz": large})

    assert {note.file for note in job.failures if note.rejected} == {"small.gz", "2016/01/large.gz"}
    assert kept(tmp_path)["job/small.gz"] == small
    # The transfer of a large body ends as soon as it is known to be wrong.
    assert large.startswith(kept(tmp_path)["job/2016/01/large.gz"][: 1 << 19])
    assert not list(tmp_path.rglob("*.part*"))
    assert stat.S_IMODE((tmp_path / KEPT / "job/2016/01/large.gz").stat().st_mode) == 0o600


def test_a_complete_but_invalid_large_body_is_moved_as_a_whole(tmp_path: Path) -> None:
    body = gzip.compress(b'{"id": 1}\n' * 100_000, compresslevel=0)
    with scripted(lambda _: reply(body)) as server:
        file = RemoteFile("a.gz", f"{server.url}/a", checksum="md5:" + "0" * 32)
        one_job(listing(file), tmp_path).run()

    assert kept(tmp_path) == {"job/a.gz": body}
    assert published(tmp_path) == {}


PAGE = b"<html><body>Sorry, your link /a?sig=0123456789abcdef and https://x.example/?k=v have expired: 0123456789abcdef</body></html>"


@pytest.mark.parametrize("size", usual([1, 20_000], 1), ids=["small", "large"])
def test_a_page_is_kept_without_its_secrets(tmp_path: Path, size: int) -> None:
    fetch(tmp_path, {"a.gz": (PAGE + b"\n") * size, "b.gz": b"\xff" + PAGE, "c.gz": b" " + PAGE})

    bodies = kept(tmp_path)
    assert len(bodies) == 3
    for text in bodies.values():
        assert b"0123456789abcdef" not in text
    assert b"k=v" not in bodies["job/a.gz"]
    assert bodies["job/a.gz"].count(b"Sorry") == size or size > 1
    for path in (tmp_path / KEPT).rglob("*.reason.json"):
        assert "0123456789abcdef" not in path.read_text()


def test_data_keeps_its_links_and_loses_only_secrets(tmp_path: Path) -> None:
    body = b'{"link": "https://x.example/?page=2", "echo": "0123456789abcdef"}\n{"cut'
    with scripted(lambda _: reply(body)) as server:
        url = f"{server.url}/a?sig=0123456789abcdef"
        one_job(listing(RemoteFile("a.jsonl", url, content="jsonl", size=7)), tmp_path).run()

    (text,) = kept(tmp_path).values()
    assert b"https://x.example/?page=2" in text
    assert b"0123456789abcdef" not in text


def test_the_oldest_is_removed_when_space_is_needed_and_nothing_is_kept_with_a_limit_of_zero(
    tmp_path: Path,
) -> None:
    body = b"\x1f\x8b\x08\0" + bytes(100_000)
    limit = 250_000

    fetch(tmp_path, {"a.gz": body}, rejected_limit=limit)
    fetch(tmp_path, {"b.gz": body}, rejected_limit=limit)
    fetch(tmp_path, {"c.gz": body, "too-large.gz": body * 3}, rejected_limit=limit)

    assert set(kept(tmp_path)) == {"job/b.gz", "job/c.gz"}
    reasons = {path.name for path in (tmp_path / KEPT).rglob("*.reason.json")}
    assert reasons == {"b.gz.reason.json", "c.gz.reason.json"}
    job = fetch(tmp_path / "other", {"a.gz": body}, rejected_limit=0)
    assert kept(tmp_path / "other") == {}
    assert job.failures[0].rejected is None


def test_a_body_that_cannot_be_kept_changes_nothing_else(tmp_path: Path) -> None:
    bad = b"\x1f\x8b\x08\0" + bytes(1000)
    (tmp_path / ".backhaul").mkdir()
    (tmp_path / KEPT).write_text("in the way")

    job = fetch(tmp_path, {"a.gz": bad, "b.gz": bad * 1000})

    assert {(note.kind.value, note.rejected) for note in job.failures} == {("corrupt", None)}
    assert not list(tmp_path.rglob("*.part*"))


def test_an_obstacle_is_replaced_and_never_written_through(tmp_path: Path) -> None:
    bad = b"\x1f\x8b\x08\0" + bytes(1000)
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (tmp_path / KEPT / "job").mkdir(parents=True)
    (tmp_path / KEPT / "job/a.gz").symlink_to(outside)
    (tmp_path / KEPT / "job/b.gz").hardlink_to(outside)

    fetch(tmp_path, {"a.gz": bad, "b.gz": bad * 1000})

    assert outside.read_text() == "mine"
    assert kept(tmp_path)["job/a.gz"] == bad


def test_no_command_takes_it_for_a_file_of_the_job(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=3, silent=0.0, faults="bad_footer:3@*/00/10_*") as one:
        config = write_config(tmp_path, one)
        first = run(config)
        summary = call("run", config).out
        bodies = kept(tmp_path / "archive")
        second = run(config)
    assert first.code == 8
    assert len(bodies) == 1
    assert str(tmp_path / "archive" / KEPT / "worldcup") not in summary  # it arrived in the end
    assert second.code == 0
    assert kept(tmp_path / "archive") == bodies

    for words in (("verify",), ("verify", "--rebuild"), ("gaps",), ("status", "--offline")):
        assert call(*words, config).code == 0
    for path in (tmp_path / "archive").rglob("ledger.sqlite*"):
        path.unlink()
    assert call("verify", config, "--rebuild").code == 0
    assert len(call("files", config, "--json").job["files"]) == 3


def test_the_summary_names_the_folder(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=1, silent=0.0, faults="bad_footer:all") as one:
        ran = call("run", write_config(tmp_path, one))

    assert ran.code == 8
    assert str(tmp_path / "archive" / KEPT / "worldcup") in ran.out


def test_a_body_without_proof_of_its_end_is_kept_as_rejected(tmp_path: Path) -> None:
    with scripted(lambda _: reply(b'{"id": 1}\n', length=-1)) as server:
        file = RemoteFile("a.jsonl", f"{server.url}/a", content="jsonl")
        (job,) = one_job(listing(file), tmp_path).run().jobs

    assert kept(tmp_path) == {"job/a.jsonl": b'{"id": 1}\n'}
    assert job.failures[0].rejected
