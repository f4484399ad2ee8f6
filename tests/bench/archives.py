"""Made-up archives: gzip JSON Lines with a footer, the same bytes every time."""

import gzip
import json
import os
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random

SLOT = timedelta(minutes=10)
FIRST = datetime(2012, 1, 1, tzinfo=UTC)
_PACKED_LINE = 105  # bytes that a line adds, about
DISTINCT = 2160  # bodies; with more files than that, some are links to the same bytes

_WORDS = [
    "fog",
    "harbour",
    "goal",
    "keeper",
    "rain",
    "corner",
    "whistle",
    "stadium",
    "crowd",
    "drum",
]


def name(number: int) -> str:
    """The name of a file, by its slot."""
    start = FIRST + number * SLOT
    return f"{start:%Y%m%d%H%M}-{start + SLOT:%Y%m%d%H%M}_activities.jsonl.gz"


def small(folder: Path, count: int, *, size: int = 4096) -> list[str]:
    """Writes files of about ``size`` bytes as stored; gives their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [name(number) for number in range(count)]
    for number, one in enumerate(names):
        path = folder / one
        if path.exists():
            continue
        if number >= DISTINCT:
            os.link(folder / names[number % DISTINCT], path)
        else:
            path.write_bytes(body(number, size))
    return names


def large(folder: Path, count: int, *, size: int = 330_000, distinct: int = 12) -> list[str]:
    """Writes larger files: few different ones, each with bytes of its own on disk."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [name(number) for number in range(count)]
    bodies = [body(number, size) for number in range(min(count, distinct))]
    for number, one in enumerate(names):
        (folder / one).write_bytes(bodies[number % len(bodies)])
    return names


def huge(folder: Path, count: int, *, size: int) -> list[str]:
    """Writes files of hundreds of megabytes, piece by piece."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [name(number) for number in range(count)]
    lines = list(_lines(Random(7), 2000, letters=600))
    step = b"".join(lines)
    packer = zlib.compressobj(1, wbits=31)
    written = activities = 0
    with (folder / names[0]).open("wb") as out:
        while written < size:
            written += out.write(packer.compress(step) + packer.flush(zlib.Z_FULL_FLUSH))
            activities += len(lines)
        out.write(packer.compress(_footer(activities)) + packer.flush())
    for other in names[1:]:
        os.link(folder / names[0], folder / other)
    return names


def body(seed: int, size: int) -> bytes:
    """One file of about ``size`` bytes as stored, packed in one go as a provider's writer does."""
    lines: list[bytes] = []
    more = _lines(Random(seed), 1 << 30, letters=60)
    packed = b""
    missing = size
    while missing > size // 50:
        lines.extend(islice(more, max(1, missing // _PACKED_LINE)))
        packed = gzip.compress(b"".join([*lines, _footer(len(lines))]), 6, mtime=0)
        missing = size - len(packed)
    return packed


def _footer(activities: int) -> bytes:
    info = {"message": "Replay Request Completed", "activity_count": activities}
    return json.dumps({"info": info}, separators=(",", ":")).encode() + b"\n"


def _lines(random: Random, count: int, *, letters: int) -> Iterator[bytes]:
    for _ in range(count):
        activity = {
            "id": f"tag:search.example,2005:{random.getrandbits(60)}",
            "objectType": "activity",
            "actor": {"id": random.getrandbits(30), "preferredUsername": random.choice(_WORDS)},
            "body": f"{' '.join(random.choices(_WORDS, k=9))} {random.randbytes(letters // 2).hex()}",
            "link": f"http://posts.example/{random.getrandbits(40):x}",
            "retweetCount": random.randrange(9),
        }
        yield json.dumps(activity, separators=(",", ":")).encode() + b"\r\n"
