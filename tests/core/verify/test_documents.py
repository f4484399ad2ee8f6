"""JSON and XML documents, including hostile ones; checksums."""

import hashlib

import pytest

from backhaul.errors import FailureKind
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.fault import VerifyFault
from backhaul.verify.verifier import Verifier, verify_small


def fault(content: str, body: bytes) -> VerifyFault:
    with pytest.raises(VerifyFault) as caught:
        verify_small(body, content, limits=ContentLimits())
    return caught.value


def test_a_document_is_passed_on_as_received() -> None:
    body = b'{"count": 3}'
    assert verify_small(body, "json", limits=ContentLimits()).document == body


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_json_ten_thousand_levels_deep_is_refused(opening: bytes) -> None:
    closing = b"]" if opening == b"[" else b"}"
    body = opening * 100_000 + b"1" + closing * 100_000
    assert fault("json", body).kind is FailureKind.CORRUPT


@pytest.mark.parametrize("body", [b'{"a": ', b'{"a": 1} x', b"\xff\xfe", b"9" * 5000 + b"x"])
def test_invalid_json_is_corrupt(body: bytes) -> None:
    assert fault("json", body).kind is FailureKind.CORRUPT


@pytest.mark.parametrize("content", ["json", "xml"])
def test_a_page_instead_of_a_document_is_not_data(content: str) -> None:
    assert fault(content, b"<html><body>Log in</body></html>").kind is FailureKind.NOT_DATA


def test_an_error_document_of_the_storage_is_not_data() -> None:
    body = b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>"
    assert fault("xml", body).kind is FailureKind.NOT_DATA


@pytest.mark.parametrize("content", ["json", "xml"])
def test_an_empty_document_is_truncated(content: str) -> None:
    assert fault(content, b" \r\n").kind is FailureKind.TRUNCATED


def test_xml_entities_are_not_expanded() -> None:
    laughs = b"<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'>]><x>&b;</x>"
    assert fault("xml", laughs).kind is FailureKind.CORRUPT
    outside = b"<!DOCTYPE x [<!ENTITY f SYSTEM 'file:///etc/passwd'>]><x>&f;</x>"
    assert fault("xml", outside).kind is FailureKind.CORRUPT


@pytest.mark.parametrize(
    "body", [b"<x>", b"<x/><y/>", b"<x>\xff</x>", b"<?xml version='1.0' encoding='nope'?><x/>"]
)
def test_invalid_xml_is_corrupt(body: bytes) -> None:
    assert fault("xml", body).kind is FailureKind.CORRUPT


def test_a_checksum_must_match() -> None:
    body = b"some bytes"
    for name in ("sha256", "md5", "SHA1"):
        good = hashlib.new(name, body).hexdigest()
        seen = verify_small(
            body, "bytes", checksum=f"{name}:{good.upper()}", limits=ContentLimits()
        )
        assert seen.size == len(body)
        with pytest.raises(VerifyFault, match=name):
            verify_small(body, "bytes", checksum=f"{name}:{'0' * 32}", limits=ContentLimits())


def test_a_checksum_of_an_unknown_kind_is_reported() -> None:
    with pytest.raises(VerifyFault, match="'crc9'"):
        verify_small(b"x", "bytes", checksum="crc9:00", limits=ContentLimits())


def test_bytes_in_pieces_have_the_hash_of_the_whole() -> None:
    verifier = Verifier("bytes", limits=ContentLimits())
    for piece in (b"some ", b"", b"bytes"):
        verifier.feed(piece)
    content = verifier.finish()
    assert content.sha256 == hashlib.sha256(b"some bytes").hexdigest()
    assert (content.size, content.records, content.document) == (10, None, None)
