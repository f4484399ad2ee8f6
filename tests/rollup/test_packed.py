"""Roll-ups of each container."""

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from typing import Any

import duckdb
import pytest
from tests.rollup.conftest import DAY, TEN, records, ten_minutes

from backhaul.verify.frames import zstd


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lines.jsonl", data)
    return file.getvalue()


PACK: dict[str, Callable[[bytes], bytes]] = {
    "zst": lambda data: bytes(zstd().compress(data[:100])) + bytes(zstd().compress(data[100:])),
    "bz2": lambda data: bz2.compress(data[:100]) + bz2.compress(data[100:]),
    "xz": lzma.compress,
    "zip": zipped,
}


def put(archive: Any, packing: str) -> list[bytes]:
    """Three files, the second of them with blank lines and a footer; returns the records."""
    lines = [records(number * 5, 5) for number in range(3)]
    with archive.ledger():
        for number, some in enumerate(lines):
            text = ten_minutes(some) if number == 1 else b"\n".join(some) + b"\n"
            archive.put(
                f"{number}.jsonl.{packing}", text, DAY + number * TEN, stored=PACK[packing](text),
                content=f"jsonl.{packing}", footer_lines=int(number == 1),
            )  # fmt: skip
    archive.slots(DAY, DAY + 3 * TEN)
    return [line for some in lines for line in some]


@pytest.mark.parametrize("packing", PACK)
def test_records_stay_in_order(archive: Any, packing: str) -> None:
    wanted = put(archive, packing)

    for form, unpack in (("jsonl.gz", gzip.decompress), ("jsonl.zst", zstd().decompress)):
        result = archive.rollup("--to", "day", "--format", form)
        (output,) = result["outputs"]
        assert (result["exit_code"], output["state"], output["records"]) == (0, "written", 15)
        text = unpack((archive.out / output["file"]).read_bytes())
        assert [line.strip() for line in text.splitlines()] == [line.strip() for line in wanted]


@pytest.mark.parametrize("packing", PACK)
def test_compressed_records_become_tables_too(archive: Any, packing: str) -> None:
    put(archive, packing)

    archive.rollup("--to", "day", "--format", "parquet")

    path = archive.out / "day/parquet/worldcup_2014-06-12.parquet"
    found = duckdb.sql(f"SELECT count(*), count(DISTINCT id) FROM read_parquet('{path}')")
    assert found.fetchall() == [(15, 15)]


@pytest.mark.parametrize("packing", PACK)
def test_a_part_that_is_damaged_meanwhile_is_not_published(archive: Any, packing: str) -> None:
    put(archive, packing)
    path = archive.files / f"1.jsonl.{packing}"
    data = path.read_bytes()
    path.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])

    result = archive.rollup("--to", "day")

    assert result["exit_code"] == 8
    assert [output["state"] for output in result["outputs"]] == ["damaged"]
    assert not list(archive.out.rglob("*.jsonl.gz"))
