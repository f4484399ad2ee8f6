"""Checksum files are fetched along with their files."""

import hashlib
from typing import Any

import pytest
from tests.listed import Archive, lines
from tests.shelf import large_archive
from tests.usual import usual

from backhaul import Http, Secret
from backhaul.errors import ExitCode, FailureKind
from backhaul.run.driver import Driver
from backhaul.testing.contract import Bench
from backhaul.transfer.unit import Transfer, checksum_transfer
from backhaul.types import Proof, RemoteFile, Request
from backhaul.verify.sums import find_checksum

A = lines(1)
SHA256 = hashlib.sha256(A).hexdigest()


def beside(archive: Archive, sums: bytes | None, **more: Any) -> None:
    """Lists a.gz with this checksum file; None: the checksum file does not exist."""
    archive.lists(a={"checksum_url": archive.shelf.storage.link("a.gz.sums"), **more})
    archive.gives(a=A)
    if sums is not None:
        archive.shelf.storage.put("a.gz.sums", sums)


@pytest.mark.parametrize("kind", usual(["md5", "sha1", "sha256", "sha512"], "md5", "sha256"))
@pytest.mark.parametrize(
    "line", ["{}", "{}  a.gz\n", "{} *./data/a.gz\r\n", "\ufeff# sums\n{}\ta.gz\n"]
)
def test_the_checksum_file_comes_first_and_only_with_the_file(
    archive: Archive, kind: str, line: str
) -> None:
    digest = hashlib.new(kind, A).hexdigest()
    beside(archive, line.format(digest.upper()).encode())
    assert archive.run().exit_code == 0
    assert archive.asked == [("a.gz.sums", 200), ("a.gz", 200)]
    assert Proof(archive.rows()["a.gz"].proof or 0) & Proof.CHECKSUM
    assert archive.run().files.skipped == 1
    assert archive.asked == []


def test_bytes_that_do_not_match_the_checksum_file_are_refused(archive: Archive) -> None:
    beside(archive, hashlib.sha256(b"other").hexdigest().encode())
    result = archive.run()
    assert (result.exit_code, result.files.verified) == (ExitCode.VERIFICATION, 0)
    assert "sha256 is" in result.failures[0].message
    assert not (archive.job / "a.gz").exists()


@pytest.mark.parametrize("many", [10, 3000])
def test_the_files_own_checksum_is_found_among_many(archive: Archive, many: int) -> None:
    others = [f"{hashlib.sha256(bytes([n % 256])).hexdigest()}  {n}.gz\n" for n in range(many)]
    beside(archive, "".join([*others, f"{SHA256}  a.gz\n"]).encode(), version="1")
    assert archive.run().exit_code == 0
    beside(archive, "".join(others).encode(), version="2")
    result = archive.run()
    assert (result.exit_code, result.failures[0].kind) == (8, FailureKind.NOT_DATA)
    assert "no checksum for a.gz" in result.failures[0].message


@pytest.mark.parametrize("sums", [None, b"", b"<html>log in</html>", b"x" * (1 << 20 | 1)])
@pytest.mark.parametrize("optional", [False, True])
def test_without_its_checksum_file_the_file_fails_and_nothing_is_kept(
    archive: Archive, sums: bytes | None, *, optional: bool
) -> None:
    beside(archive, sums, optional=optional)
    result = archive.run()
    (failure,) = result.failures
    assert (failure.file, result.files.failed) == ("a.gz", 1)
    assert failure.message.startswith("checksum file http://127.0.0.1:")
    assert "?" not in failure.message.partition(": ")[0]
    assert [path.name for path in archive.job.iterdir() if path.name != "MANIFEST.jsonl"] == []
    beside(archive, SHA256.encode(), optional=optional)
    assert archive.run().exit_code == 0


def test_an_optional_file_that_does_not_exist_needs_no_checksum_file(archive: Archive) -> None:
    archive.lists(a={"checksum_url": archive.shelf.storage.link("a.gz.sums"), "optional": True})
    result = archive.run()
    assert (result.exit_code, result.files.missing, result.failures) == (0, 1, ())


@pytest.mark.parametrize("fault", ["503:2", "drop:1", "html_200:1", "expired:1", "reset:2"])
def test_the_checksum_file_is_retried_like_the_file(archive: Archive, fault: str) -> None:
    beside(archive, f"{SHA256}  a.gz\n".encode())
    archive.shelf.faults.replace(f"{fault}@*.sums")
    assert archive.run(retries=3).exit_code == 0
    assert archive.shelf.faults.hits()
    assert Proof(archive.rows()["a.gz"].proof or 0) & Proof.CHECKSUM


def test_the_received_part_of_a_large_file_must_match_the_digest_in_the_next_run(
    archive: Archive,
) -> None:
    data = large_archive(1, 12 << 20)

    def stop(driver: Driver) -> None:
        if driver.engine.counters.bytes > 3 << 20:
            driver.interrupt()

    beside(archive, hashlib.sha256(data).hexdigest().encode())
    archive.gives(a=data)
    # Half of the file, then nothing until the run stops.
    archive.shelf.faults.replace("stall:all@*a.gz")
    driver = archive.driver()
    driver._on_tick = stop
    driver.run()
    archive.shelf.faults.replace("")
    assert (archive.job / "a.gz.part").exists()
    driver = archive.driver()
    assert driver.run().exit_code == 0
    assert driver.engine.counters.bytes < len(data)
    assert Proof(archive.rows()["a.gz"].proof or 0) & Proof.CHECKSUM
    assert archive.here("a.gz") == data


@pytest.mark.parametrize(
    ("url", "same"),
    [("http://h:80/a.sums", True), ("http://h:81/a.sums", False), ("https://h/a.sums", False)],
)
def test_credentials_go_to_the_files_own_origin_only(url: str, *, same: bool) -> None:
    request = Request("http://h/a", headers={"X-Key": Secret("k")}, auth=("u", Secret("p")))
    file = RemoteFile("a", checksum_url=url)

    first = checksum_transfer(Transfer("job", file, request, validator='"v"'))

    assert first is not None
    assert (bool(first.request.headers), first.request.auth is not None) == (same, same)
    assert first.validator is None


@pytest.mark.parametrize(
    ("text", "name", "found"),
    [
        (f"{'a' * 32}  x\n{'b' * 64}  x\n{'c' * 64}  y\n", "x", f"sha256:{'b' * 64}"),
        (f"\\{'a' * 40}  x\\\\y\\nz\n{'b' * 40}  y", "x\\y\nz", f"sha1:{'a' * 40}"),
        (f"{'a' * 32}  elsewhere\n", "x", f"md5:{'a' * 32}"),
        (f"{'a' * 32}  x\n{'b' * 32}  x\n", "x", "conflicting checksums for the same file"),
        (f"{'a' * 33}  x\n", "x", "not a checksum file"),
        (f"{'a' * 32}  y\n{'b' * 32}  z\n", "x", "no checksum for x"),
        (f"MD5 (a.gz) = {'A' * 32}\nMD5 (b.gz) = {'b' * 32}", "b.gz", f"md5:{'b' * 32}"),
    ],
)
def test_a_checksum_is_found_by_the_files_name(text: str, name: str, found: str) -> None:
    try:
        result = find_checksum(text.encode(), {name})
    except ValueError as error:
        result = str(error)
    assert result.startswith(found)


def test_the_provider_contract_uses_the_checksum_file(archive: Archive) -> None:
    beside(archive, f"{SHA256}  a.gz\n".encode())
    spec = archive.config().jobs["job"]
    with Http() as http:
        bench = Bench(emulator=archive.shelf, provider=archive.provider, http=http, specs={})
        (file,) = bench.files(spec)
        assert bench.checksum(spec, file) == f"sha256:{SHA256}"
