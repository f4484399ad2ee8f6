"""Each container read to its very end: whole, truncated, with a flipped byte, with trailing data."""

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from functools import cache, partial

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.usual import usual

from backhaul.errors import FailureKind
from backhaul.types import CONTENTS, Content, Proof
from backhaul.verify import bounded
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.contents import QUICK, parts
from backhaul.verify.fault import VerifyFault
from backhaul.verify.frames import zstd
from backhaul.verify.verifier import Verifier, verify_quick, verify_small

CHANCE = random.Random(14)
# Larger than one decompression step, and small enough to be read three bytes at a time.
DAY = b"".join(
    b'{"id": %d, "text": "%s"}\n' % (n, format(CHANCE.getrandbits(16), "050b").encode())
    for n in range(4000)
)
assert len(DAY) > 1 << 18
TABLE = b"id,text\n" + b"".join(
    b'%d,"%x, and\nmore"\n' % (n, CHANCE.getrandbits(99)) for n in range(2000)
)
PARAMETER = zstd().CompressionParameter


def zst(data: bytes, *, checked: bool = True) -> bytes:
    packed: bytes = zstd().compress(data, options={PARAMETER.checksum_flag: int(checked)})
    return packed


def zipped(
    data: bytes, *, method: int = zipfile.ZIP_DEFLATED, names: tuple[str, ...] = ("a",)
) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name in names:
            archive.writestr(name, data)
    return file.getvalue()


class Pipe(io.RawIOBase):
    """Not seekable: sizes and CRCs come after the data."""

    def __init__(self) -> None:
        self.data = b""

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self.data += piece
        return len(piece)


def streamed_zip(data: bytes, *, large: bool = False) -> bytes:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a", "b/c"):
            with archive.open(name, "w", force_zip64=large) as member:
                member.write(data)
    return pipe.data


def tar(data: bytes, form: int = tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for name in ("a", "b/" + "long" * 60 if form != tarfile.USTAR_FORMAT else "b"):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "a"
        archive.addfile(link)
    return file.getvalue()


def parquet(rows: int = 5000) -> bytes:
    file = io.BytesIO()
    pq.write_table(
        pa.table({"id": list(range(rows)), "text": [f"row {n}" for n in range(rows)]}), file
    )
    return file.getvalue()


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda data: gzip.compress(data, mtime=0),
    "zst": zst,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zip": zipped,
}
FORMS = {"jsonl": DAY, "csv": TABLE, "tar": tar(DAY), "bytes": DAY}


def small_xz(data: bytes) -> bytes:
    """With a dictionary that takes no time to create."""
    return lzma.compress(
        data, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 16}]
    )


@cache
def made(content: str) -> bytes:
    """A good file."""
    form, packing = parts(content)
    if content == "parquet":
        return parquet()
    data = FORMS[form]
    return PACK[packing](data) if packing else data


PACKED = [content for content in CONTENTS if parts(content)[1]]
ENDING = [*PACKED, "tar", "parquet"]


def both(data: bytes, content: str, limits: ContentLimits | None = None) -> Content | FailureKind:
    """The result in memory and in chunks of any size, which must be the same."""
    limits = limits or ContentLimits()
    sizes = [3 if len(data) < 30_000 else 31, 1000, 1 << 18]
    found = [
        _seen(partial(verify_small, data, content, limits=limits)),
        *(_seen(partial(_in_pieces, data, content, limits, size)) for size in sizes),
    ]
    assert found[1:] == found[:-1]
    return found[0]


def _in_pieces(data: bytes, content: str, limits: ContentLimits, size: int) -> Content:
    verifier = Verifier(content, limits=limits)
    for start in range(0, len(data), size):
        verifier.feed(data[start : start + size])
    return verifier.finish()


def _seen(read: Callable[[], Content]) -> Content | FailureKind:
    try:
        return read()
    except VerifyFault as fault:
        return fault.kind


def whole(data: bytes, content: str) -> Content:
    seen = both(data, content)
    assert isinstance(seen, Content), seen
    return seen


@pytest.mark.parametrize(
    "content", usual(ENDING, "jsonl.gz", "zst", "jsonl.bz2", "tar.xz", "csv.zip", "tar", "parquet")
)
def test_a_good_day_is_complete(content: str) -> None:
    seen = whole(made(content), content)

    checked = content not in {"tar", "parquet"}
    assert bool(seen.proof & Proof.CONTAINER) is checked
    assert bool(seen.proof & Proof.END) is not checked
    assert seen.records == {"jsonl": 4000, "csv": 2000}.get(parts(content)[0])
    assert bool(seen.proof & Proof.RECORDS) is (seen.records is not None)


@pytest.mark.parametrize(
    "content", usual(ENDING, "jsonl.gz", "zst", "jsonl.bz2", "tar.xz", "csv.zip", "tar", "parquet")
)
@pytest.mark.parametrize("missing", usual([1, 9, 700], 9))
def test_a_day_cut_short_is_truncated(content: str, missing: int) -> None:
    data = made(content)

    assert both(data[:-missing], content) is FailureKind.TRUNCATED
    assert both(b"", content) is FailureKind.TRUNCATED


@pytest.mark.parametrize(
    "content", usual(PACKED, "gz", "jsonl.zst", "csv.bz2", "tar.xz", "jsonl.zip")
)
def test_a_flipped_byte_is_damage(content: str) -> None:
    data = made(content)
    for place in range(len(data) // 10, len(data), len(data) // 5):
        flipped = data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]
        # A damaged length makes the rest look too short.
        assert both(flipped, content) in {FailureKind.CORRUPT, FailureKind.TRUNCATED}, place
    middle = len(data) // 2
    flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    assert both(flipped, content) is FailureKind.CORRUPT


def test_a_flipped_byte_in_the_checked_parts_of_tar_and_parquet_is_damage() -> None:
    data = tar(DAY)
    flipped = bytes([data[0] ^ 1]) + data[1:]
    assert both(flipped, "tar") is FailureKind.NOT_DATA
    second = 512 + (len(DAY) + 511) // 512 * 512
    flipped = data[:second] + bytes([data[second] ^ 1]) + data[second + 1 :]
    assert both(flipped, "tar") is FailureKind.CORRUPT
    table = parquet()
    length = int.from_bytes(table[-8:-4], "little")
    for place in (len(table) - 5, len(table) - 8 - length):
        flipped = table[:place] + bytes([table[place] ^ 0x40]) + table[place + 1 :]
        assert both(flipped, "parquet") is FailureKind.CORRUPT


@pytest.mark.parametrize(
    "content", usual(ENDING, "jsonl.gz", "zst", "jsonl.bz2", "tar.xz", "csv.zip", "tar", "parquet")
)
def test_bytes_after_the_end_are_a_fault(content: str) -> None:
    kind = FailureKind.TRUNCATED if content == "parquet" else FailureKind.CORRUPT

    assert both(made(content) + b"more", content) is kind
    assert both(made(content) + b"\r\n", content) in {kind, FailureKind.TRUNCATED}


@pytest.mark.parametrize("packing", PACK)
def test_a_page_is_not_data(packing: str) -> None:
    for content in (packing, f"jsonl.{packing}"):
        assert both(b"<!DOCTYPE html><title>Sorry</title>", content) is FailureKind.NOT_DATA
        assert both(b'{"error": "quota"}', content) is FailureKind.NOT_DATA
        assert both(b"PAR1 or anything else", content) is FailureKind.NOT_DATA


@pytest.mark.parametrize("content", ["csv", "csv.gz", "tar", "parquet"])
def test_a_page_is_accepted_neither_as_a_table_nor_as_an_archive(content: str) -> None:
    page = b"\n <!doctype HTML><title>Sorry</title>" + b" " * 600
    data = gzip.compress(page) if content.endswith("gz") else page

    assert both(data, content) is FailureKind.NOT_DATA


@pytest.mark.parametrize("packing", ["gz", "zst", "bz2", "xz"])
def test_any_number_of_members_is_one_file(packing: str) -> None:
    pack = small_xz if packing == "xz" else PACK[packing]
    data = b"".join(pack(DAY[start : start + 999]) for start in range(0, len(DAY), 999)) + pack(b"")

    assert whole(data, f"jsonl.{packing}").records == 4000
    assert both(data[:-1], f"jsonl.{packing}") is FailureKind.TRUNCATED


def test_skippable_frames_are_not_text() -> None:
    skippable = struct.pack("<LL", 0x184D2A53, 5) + b"hello"
    data = skippable + zst(DAY) + skippable

    assert whole(data, "jsonl.zst").proof & Proof.CONTAINER
    assert both(data[:-1], "jsonl.zst") is FailureKind.TRUNCATED


@pytest.mark.parametrize("content", ["zst", "jsonl.zst", "csv.zst", "tar.zst"])
def test_a_frame_without_a_checksum_proves_its_end_only(content: str) -> None:
    data = FORMS[parts(content)[0]]
    half = len(data) // 2
    plain = zst(data[:half], checked=False)

    for file in (plain + zst(data[half:]), zst(data[:half]) + zst(data[half:], checked=False)):
        seen = whole(file, content)
        assert seen.proof & Proof.END
        assert not seen.proof & Proof.CONTAINER
        assert both(file[:-1], content) is FailureKind.TRUNCATED


def test_xz_without_a_check_proves_its_end_only() -> None:
    seen = whole(lzma.compress(DAY, check=lzma.CHECK_NONE), "xz")

    assert seen.proof == Proof.END


def test_zeros_may_follow_xz_in_groups_of_four() -> None:
    one = lzma.compress(b"{}\n")

    assert whole(one + bytes(8) + one + bytes(4), "jsonl.xz").records == 2
    assert both(one + bytes(3) + one, "xz") is FailureKind.CORRUPT
    assert both(one + bytes(3), "xz") is FailureKind.TRUNCATED


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_each_member_of_a_zip_has_its_crc_checked(method: int) -> None:
    data = zipped(DAY, method=method, names=("a", "b/", "c"))
    assert whole(data, "zip").proof == Proof.CONTAINER

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            place = info.header_offset + 14  # the CRC
            flipped = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
            assert both(flipped, "zip") is FailureKind.CORRUPT


@pytest.mark.parametrize("large", [False, True])
def test_a_zip_may_declare_sizes_after_the_data(*, large: bool) -> None:
    for text in (DAY, b"", b"x"):
        data = streamed_zip(text, large=large)
        assert whole(data, "zip").proof == Proof.CONTAINER
        assert both(data[:-1], "zip") is FailureKind.TRUNCATED


def test_a_zip_declares_the_same_in_its_directory() -> None:
    data = zipped(DAY, names=("a", "b"))
    place = data.rindex(b"PK\1\2")
    for at in (16, 20, 24, 42, 46):  # CRC, sizes, offset, name
        flipped = data[: place + at] + bytes([data[place + at] ^ 1]) + data[place + at + 1 :]
        assert both(flipped, "zip") is FailureKind.CORRUPT, at
    with_comment = zipfile.ZipFile(file := io.BytesIO(data), "a")
    with_comment.comment = b"a comment"
    with_comment.close()
    assert whole(file.getvalue(), "zip").proof == Proof.CONTAINER
    assert both(file.getvalue()[:-1], "zip") is FailureKind.TRUNCATED


def test_a_zip_with_lines_contains_one_file() -> None:
    assert whole(zipped(DAY, names=("folder/", "folder/a")), "zip").records is None
    assert both(zipped(DAY, names=("a", "b")), "jsonl.zip") is FailureKind.NOT_DATA
    assert both(zipped(DAY, names=()), "jsonl.zip") is FailureKind.NOT_DATA
    folder = io.BytesIO()
    with zipfile.ZipFile(folder, "w") as archive:
        archive.mkdir("folder")
        archive.writestr("folder/a", DAY)
    assert whole(folder.getvalue(), "jsonl.zip").records == 4000


def test_an_unreadable_member_is_not_proven() -> None:
    data = zipped(DAY, method=zipfile.ZIP_LZMA)

    assert whole(data, "zip").proof == Proof.END
    assert both(data, "jsonl.zip") is FailureKind.CORRUPT
    assert both(data[:-1], "zip") is FailureKind.TRUNCATED


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_a_tar_ends_with_two_blocks_of_zeros(form: int) -> None:
    data = tar(DAY, form)
    end = len(data.rstrip(b"\0")) // 512 * 512 + 512

    assert whole(data, "tar").proof == Proof.END
    assert whole(data[: end + 1024], "tar")
    assert both(data[: end + 512], "tar") is FailureKind.TRUNCATED
    assert both(data[:end], "tar") is FailureKind.TRUNCATED
    assert both(data[: end + 512] + data, "tar") is FailureKind.CORRUPT
    assert both(data[: end + 512] + b"x" * 512 + bytes(1024), "tar") is FailureKind.CORRUPT
    second = 512 + (len(DAY) + 511) // 512 * 512
    flipped = data[: second + 3] + bytes([data[second + 3] ^ 1]) + data[second + 4 :]
    assert both(flipped, "tar") is FailureKind.CORRUPT


def test_a_pax_header_may_declare_a_size() -> None:
    info = tarfile.TarInfo("a")
    info.size = len(DAY)
    info.pax_headers = {"size": str(len(DAY)), "comment": "size=1"}
    header = info.tobuf(tarfile.PAX_FORMAT)
    small = bytearray(header)
    at = len(header) - 512
    small[at + 124 : at + 136] = b"00000000000\0"
    small[at + 148 : at + 156] = b"        "
    small[at + 148 : at + 156] = b"%06o\0 " % sum(small[at : at + 512])
    data = bytes(small) + DAY + bytes(-len(DAY) % 512) + bytes(1024)

    assert whole(data, "tar").proof == Proof.END


CELLS = [
    (b"a,b\n1,2\n\n \r\n3,4", 2),
    (b'a,"b\nc"\n"d","e ""f""\n\n"\n', 1),
    (b'"a\n\nb",1\n"\n"\n', 1),
    (b"a,b\n", 0),
    (b"", 0),
    (b"\n\n", 0),
    (b'5" disk,1\n2,3\n', None),
]


@pytest.mark.parametrize(("text", "rows"), CELLS)
def test_records_are_rows_below_the_header(text: bytes, rows: int | None) -> None:
    for size in range(1, len(text) + 1):
        verifier = Verifier("csv", limits=ContentLimits())
        for start in range(0, len(text), size):
            verifier.feed(text[start : start + size])
        seen = verifier.finish()
        assert seen.records == rows
        has_rows = rows is not None and bool(text.strip())
        assert seen.proof == (Proof.RECORDS if has_rows else Proof.NONE)


BLANKS = 18 << 20
FREE = 16 << 20


@cache
def blanks(packing: str) -> bytes:
    data = b" " * BLANKS
    if packing == "xz":  # the default dictionary, created in a tenth of the time
        quick = {"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 8 << 20}
        return lzma.compress(data, filters=[quick])
    return PACK[packing](data)


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("form", usual(["", "jsonl.", "csv."], ""))
def test_data_that_expands_too_much_is_refused_before_it_is_expanded(
    form: str, packing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "_FREE", FREE)  # a quarter of what it is, unpacked in less time
    for limits in (ContentLimits(max_size=1 << 20), ContentLimits(max_ratio=50)):
        verifier = Verifier(form + packing, limits=limits)
        with pytest.raises(VerifyFault, match="decompresses to more than") as caught:
            verifier.feed(blanks(packing))
        assert caught.value.kind is FailureKind.CORRUPT


def test_a_compression_window_that_takes_too_much_memory_is_refused() -> None:
    engine = zstd().ZstdCompressor(options={PARAMETER.window_log: 30})
    data = engine.compress(DAY) + engine.flush()

    with pytest.raises(VerifyFault, match="needs more than 128 MiB of memory"):
        verify_small(data, "zst", limits=ContentLimits())


@pytest.mark.parametrize("content", [content for content in CONTENTS if content not in QUICK])
def test_formats_that_are_slow_to_read_are_left_to_a_thread(content: str) -> None:
    assert verify_quick(made(content)[:50_000], content, limits=ContentLimits()) is None


@pytest.mark.parametrize(
    "content",
    usual(
        [*PACK, "jsonl.zst", "csv.zip", "tar", "parquet"],
        "gz",
        "jsonl.zst",
        "csv.zip",
        "tar",
        "parquet",
    ),
)
def test_memory_does_not_grow_with_the_file(content: str) -> None:
    packing = parts(content)[1]
    data = {"tar": tar, "parquet": lambda _: parquet(1_000_000)}.get(
        content, lambda _: blanks(packing)
    )(bytes(20 << 20))
    verifier = Verifier(content, limits=ContentLimits(max_ratio=1e9))
    tracemalloc.start()
    try:
        for start in range(0, len(data), 1 << 16):
            verifier.feed(data[start : start + (1 << 16)])
        verifier.finish()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < (12 << 20 if packing == "xz" else 4 << 20)  # xz has a dictionary of 8 MiB
