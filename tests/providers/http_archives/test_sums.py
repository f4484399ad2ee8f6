"""Checksums of a folder, found by name."""

import io

import pytest

from backhaul import NotDataError
from backhaul_http_archives.readers import read_sums
from backhaul_http_archives.sums import Sums


def of(text: str) -> Sums:
    return Sums(read_sums(io.BytesIO(text.encode())))


def test_each_name_has_its_digest() -> None:
    sums = of("".join(f"{n:032x}  data/{n}.gz\n" for n in range(1000)))
    assert [sums.of(f"data/{n}.gz") for n in range(1000)] == [f"md5:{n:032x}" for n in range(1000)]
    assert sums.of("data/1000.gz") is None
    assert of("").of("x") is None


def test_digests_of_two_kinds_are_refused() -> None:
    with pytest.raises(NotDataError, match="entry 2"):
        of(f"{'a' * 32}  x\n{'b' * 64}  y\n")
