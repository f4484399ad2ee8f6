"""The provider's checksum, of each kind, wherever a file is read."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from tests.core.transfer.collecting import fetch
from tests.core.transfer.scripted import reply, scripted

from backhaul import how_to_install
from backhaul.checks import HEX_DIGITS, FieldError
from backhaul.errors import FailureKind
from backhaul.plugins.facade import _in_file
from backhaul.types import Proof, RemoteFile
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.fault import VerifyFault
from backhaul.verify.verifier import Verifier, verify_quick, verify_small

google_crc32c = pytest.importorskip("google_crc32c", reason="the extra crc32c")

SMALL = b'{"id": 1}\n{"id": 2}\n'
LARGE = SMALL * 40_000  # goes to disk and to a worker
WITHOUT = "import sys; sys.modules['google_crc32c'] = None\n"


def checksum(kind: str, data: bytes) -> str:
    if kind == "crc32c":
        return f"crc32c:{google_crc32c.value(data):08x}"
    return f"{kind}:{hashlib.new(kind, data, usedforsecurity=False).hexdigest()}"


def other(text: str) -> str:
    return text[:-1] + ("0" if text[-1] != "0" else "1")


def test_crc32c_is_spelled_in_network_order() -> None:
    assert checksum("crc32c", b"123456789") == "crc32c:e3069283"  # check value from RFC 3720, B.4


@pytest.mark.parametrize("kind", HEX_DIGITS)
def test_each_kind_is_accepted_only_with_its_own_length(kind: str) -> None:
    good = checksum(kind, SMALL)

    for accepted in (good, good.upper()):
        assert _in_file(RemoteFile("a", checksum=accepted)) is None
    for refused in (good[:-1], f"{good}0"):
        with pytest.raises(FieldError, match="sha512:HEX"):
            RemoteFile("a", checksum=refused)


@pytest.mark.parametrize("kind", HEX_DIGITS)
@pytest.mark.parametrize("content", ["jsonl", "bytes"])
def test_a_file_in_memory_agrees_or_is_corrupt(kind: str, content: str) -> None:
    good = checksum(kind, SMALL)

    for verify in (verify_quick, verify_small):
        seen = verify(SMALL, content, checksum=good.upper(), limits=ContentLimits())
        assert seen is not None
        assert seen.proof & Proof.CHECKSUM
        with pytest.raises(VerifyFault, match="expected") as caught:
            verify(SMALL, content, checksum=other(good), limits=ContentLimits())
        assert caught.value.kind is FailureKind.CORRUPT


@pytest.mark.parametrize("kind", HEX_DIGITS)
def test_a_file_that_arrives_in_pieces_agrees_or_is_corrupt(kind: str) -> None:
    for right in (True, False):
        listed = checksum(kind, SMALL)
        verifier = Verifier(
            "jsonl", checksum=listed if right else other(listed), limits=ContentLimits()
        )
        for start in range(0, len(SMALL), 7):
            verifier.feed(SMALL[start : start + 7])
        if right:
            assert verifier.finish().proof & Proof.CHECKSUM
        else:
            with pytest.raises(VerifyFault, match=f"{kind} is"):
                verifier.finish()


@pytest.mark.parametrize("kind", HEX_DIGITS)
@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_a_file_that_does_not_match_its_checksum_is_refused(
    kind: str, data: bytes, tmp_path: Path
) -> None:
    listed = checksum(kind, data)
    with scripted(lambda _: reply(data)) as server:
        urls = {"a": f"{server.url}/a"}
        good = fetch(tmp_path / "good", urls, content="jsonl", listed={"checksum": listed})
        bad = fetch(tmp_path / "bad", urls, content="jsonl", listed={"checksum": other(listed)})

    assert good.proofs["a"] & Proof.CHECKSUM
    assert bad.proofs == {}
    assert bad.failures["a"].kind is FailureKind.CORRUPT


def test_without_its_package_crc32c_says_what_to_install() -> None:
    listed = checksum("crc32c", SMALL)
    code = f"""{WITHOUT}
from backhaul.errors import ConfigError
from backhaul.plugins.facade import _in_file
from backhaul.types import RemoteFile
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.verifier import Verifier
print(_in_file(RemoteFile("a", checksum={listed!r})))
try:
    Verifier("bytes", checksum={listed!r}, limits=ContentLimits())
except ConfigError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.count(how_to_install("crc32c")) == 2
