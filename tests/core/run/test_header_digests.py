"""A digest in a response's headers counts like a listed one."""

import hashlib
from base64 import b64encode

from tests.listed import Archive, lines

from backhaul.errors import ExitCode, FailureKind
from backhaul.types import Proof

A = lines(1)


def sends(archive: Archive, header: str, digest: bytes) -> None:
    archive.lists("a.gz")
    headers = {header: f"md5={b64encode(digest).decode()}"}
    archive.shelf.storage.put("a.gz", A, headers=headers)


def test_a_header_digest_is_part_of_the_proof(archive: Archive) -> None:
    sends(archive, "x-goog-hash", hashlib.md5(A).digest())
    assert archive.run().exit_code == 0
    assert Proof(archive.rows()["a.gz"].proof or 0) & Proof.CHECKSUM
    assert archive.run().files.skipped == 1


def test_a_file_that_disagrees_is_corrupt_and_kept_as_rejected(archive: Archive) -> None:
    sends(archive, "Digest", hashlib.md5(b"other").digest())
    result = archive.run()
    (failure,) = result.failures
    assert (result.exit_code, failure.kind) == (ExitCode.VERIFICATION, FailureKind.CORRUPT)
    assert "md5 is" in failure.message
    assert failure.rejected is not None
    assert (archive.dest / failure.rejected).read_bytes() == A
    assert not (archive.job / "a.gz").exists()
