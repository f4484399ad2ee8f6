"""Transfers of each container: a good file arrives, a bad one is reported."""

import bz2
import gzip
import hashlib
import io
import lzma
import random
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from types import FrameType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.core.transfer.collecting import Collected, fetch
from tests.core.transfer.scripted import Asked, reply, scripted
from tests.usual import usual

from backhaul.errors import FailureKind
from backhaul.transfer.body import IN_MEMORY
from backhaul.types import CONTENTS, Proof
from backhaul.verify.contents import parts
from backhaul.verify.frames import zstd

CHANCE = random.Random(3)
SMALL = b"".join(b'{"id": %d}\n' % number for number in range(500))
LARGE = b"".join(b'{"id": "%x"}\n' % CHANCE.getrandbits(4000) for _ in range(1200))


def _zip(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jsonl", data)
    return file.getvalue()


def _tar(data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("a.jsonl")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def _parquet(data: bytes) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"line": data.decode().splitlines()}), file, compression="none")
    return file.getvalue()


def _zst(data: bytes) -> bytes:
    options = {zstd().CompressionParameter.checksum_flag: 1}
    packed: bytes = zstd().compress(data, options=options)
    return packed


PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes, "gz": partial(gzip.compress, mtime=0), "zst": _zst, "bz2": partial(bz2.compress, compresslevel=1),
    "xz": partial(lzma.compress, preset=0), "zip": _zip,
    "tar": _tar, "parquet": _parquet,
}  # fmt: skip
ENDING = [name for name in CONTENTS if parts(name)[1] or name in {"tar", "parquet"}]
assert len(LARGE) // 2 > IN_MEMORY  # packed: half of the text is known
SLOW = {"BZ2Decompressor", "LZMADecompressor", "ZstdDecompressor"}


@cache
def made(content: str, data: bytes) -> bytes:
    form, packing = parts(content)
    return PACK[packing](PACK[form](data) if form in PACK else data)


def brought(answer: bytes, content: str, folder: Path, **listed: Any) -> Collected:
    """One response, whose end is only marked by closing the connection."""
    answer = reply(answer, length=-1).replace(b"HTTP/1.1", b"HTTP/1.0")
    with scripted(lambda _: answer) as server:
        return fetch(folder, {"a": f"{server.url}/a"}, content=content, listed=listed)


@pytest.mark.parametrize("text", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    "content", usual(ENDING, "jsonl.gz", "zst", "jsonl.bz2", "tar.xz", "csv.zip", "tar", "parquet")
)
def test_each_container_is_recognized(content: str, text: bytes, tmp_path: Path) -> None:
    data = made(content, text)
    place = len(data) * 2 // 3
    flipped = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
    checked = content not in {"tar", "parquet"}
    # tar and Parquet have no checksum over all bytes; an external checksum covers them.
    listed = {} if checked else {"checksum": f"sha1:{hashlib.sha1(data).hexdigest()}"}

    good = brought(data, content, tmp_path / "good")
    short = brought(data[:-1], content, tmp_path / "short")
    bad = brought(flipped, content, tmp_path / "bad", **listed)

    assert good.failures == short.proofs == bad.proofs == {}
    assert good.proofs["a"] & (Proof.CONTAINER if checked else Proof.END)
    assert short.failures["a"].kind is FailureKind.TRUNCATED
    assert bad.failures["a"].kind is FailureKind.CORRUPT


def test_nothing_slow_is_unpacked_on_the_loop(tmp_path: Path) -> None:
    names = [f"{size}.{packing}" for size in ("small", "large") for packing in ("zst", "bz2", "xz")]
    texts = {"small": SMALL, "large": LARGE}
    seen: set[int] = set()

    def watch(frame: FrameType, event: str, arg: Any) -> None:
        del frame
        if event == "c_call" and type(getattr(arg, "__self__", None)).__name__ in SLOW:
            seen.add(threading.get_ident())

    def answer(asked: Asked) -> bytes:
        size, packing = asked.path.removeprefix("/").split(".")
        return reply(made(packing, texts[size]))

    with scripted(answer) as server:
        before = sys.getprofile()
        threading.setprofile(watch)
        sys.setprofile(watch)
        try:
            found = [
                fetch(tmp_path / name, {name: f"{server.url}/{name}"}, content=f"jsonl.{name[6:]}")
                for name in names
            ]
        finally:
            sys.setprofile(before)
            threading.setprofile(before)

    assert all(one.proofs[name] & Proof.RECORDS for name, one in zip(names, found, strict=True))
    assert seen
    assert threading.get_ident() not in seen, "the engine's loop turns in this thread"
