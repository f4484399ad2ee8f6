"""Synthetic archives: gzipped JSON Lines with a footer; the same bytes every time."""

import bz2
import gzip
import json
import os
import struct
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random

SLOT = timedelta(minutes=10)
FIRST = datetime(2012, 1, 1, tzinfo=UTC)
_PACKED_LINE = 330  # bytes per line, roughly
DISTINCT = 1080  # distinct bodies; with more files, some are links to the same one

_RARE = Random(2012)
_WORDS = [_RARE.randbytes(5).translate(bytes(97 + n % 26 for n in range(256))).decode()[: _RARE.randrange(2, 6)]
          for _ in range(4000)]  # fmt: skip


def name(number: int) -> str:
    """The name of the file of a slot."""
    start = FIRST + number * SLOT
    return f"{start:%Y%m%d%H%M}-{start + SLOT:%Y%m%d%H%M}_activities.jsonl.gz"


def small(folder: Path, count: int, *, size: int = 4096) -> list[str]:
    """Write files of about ``size`` bytes as stored; return their names."""
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


def large(folder: Path, count: int, *, size: int = 330_000, distinct: int = 4) -> list[str]:
    """Write larger files: few distinct ones, each a copy of its own on disk."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [name(number) for number in range(count)]
    bodies = [body(number, size) for number in range(min(count, distinct))]
    for number, one in enumerate(names):
        (folder / one).write_bytes(bodies[number % len(bodies)])
    return names


def huge(folder: Path, count: int, *, size: int) -> list[str]:
    """Write files of hundreds of megabytes, piece by piece."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [name(number) for number in range(count)]
    lines = list(_lines(Random(7), 2000))
    text = b"".join(lines)
    # A full flush resets the compressor, so the same text gives the same blocks again.
    packer = zlib.compressobj(6, wbits=-15)
    blocks = packer.compress(text) + packer.flush(zlib.Z_FULL_FLUSH)
    times = max(1, round(size / len(blocks)))
    footer = _footer(times * len(lines))
    packer = zlib.compressobj(6, wbits=-15)
    crc = 0
    with (folder / names[0]).open("wb") as out:
        out.write(b"\x1f\x8b\x08\0\0\0\0\0\0\xff")
        for _ in range(times):
            out.write(blocks)
            crc = zlib.crc32(text, crc)
        out.write(packer.compress(footer) + packer.flush())
        length = times * len(text) + len(footer)
        out.write(struct.pack("<II", zlib.crc32(footer, crc), length & 0xFFFFFFFF))
    for other in names[1:]:
        os.link(folder / names[0], folder / other)
    return names


def packed_slowly(folder: Path, count: int, *, size: int = 40 << 20) -> list[str]:
    """Write identical bz2 archives of ``size`` bytes of text; return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = b"".join(_lines(Random(7), 2000))
    times = max(1, size // len(lines))
    packed = bz2.compress(lines) * times + bz2.compress(_footer(times * 2000))  # several streams
    names = [f"{number:03d}.jsonl.bz2" for number in range(count)]
    for name in names:
        (folder / name).write_bytes(packed)
    return names


def body(seed: int, size: int) -> bytes:
    """One file of about ``size`` bytes as stored, compressed in one go, like a provider's."""
    lines: list[bytes] = []
    more = _lines(Random(seed), 1 << 30)
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


def _lines(random: Random, count: int) -> Iterator[bytes]:
    """Activities of about 2 KB, mostly alike, as real ones are."""
    for number in range(count):
        user = random.getrandbits(30)
        post = random.getrandbits(60)
        text = " ".join(random.choices(_WORDS, k=14))
        sent = (FIRST + timedelta(seconds=number % 600)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        activity = {
            "id": f"tag:search.example,2005:{post}",
            "objectType": "activity",
            "actor": {
                "objectType": "person",
                "id": f"id:example:{user}",
                "link": f"http://www.posts.example/{user:x}",
                "displayName": " ".join(random.choices(_WORDS, k=2)),
                "postedTime": f"20{random.randrange(6, 12):02}-03-09T17:42:11.000Z",
                "image": f"http://a0.images.example/profile_images/{random.getrandbits(32)}/me_normal.jpg",
                "summary": " ".join(random.choices(_WORDS, k=8)),
                "links": [{"href": None, "rel": "me"}],
                "friendsCount": random.randrange(2000),
                "followersCount": random.randrange(5000),
                "listedCount": random.randrange(40),
                "statusesCount": random.randrange(90000),
                "twitterTimeZone": random.choice(("London", "Eastern Time (US & Canada)", None)),
                "verified": False,
                "utcOffset": random.choice(("0", "-18000", None)),
                "preferredUsername": f"{random.choice(_WORDS)}{user % 1000}",
                "languages": ["en"],
            },
            "verb": random.choice(("post", "share")),
            "postedTime": sent,
            "generator": {"displayName": "web", "link": "http://posts.example"},
            "provider": {
                "objectType": "service",
                "displayName": "Posts",
                "link": "http://www.posts.example",
            },
            "link": f"http://www.posts.example/{user:x}/statuses/{post}",
            "body": text,
            "object": {
                "objectType": "note",
                "id": f"object:search.example,2005:{post}",
                "summary": text,
                "link": f"http://www.posts.example/{user:x}/statuses/{post}",
                "postedTime": sent,
            },
            "twitter_entities": {"user_mentions": [], "hashtags": [], "urls": [], "symbols": []},
            "retweetCount": random.randrange(9),
            "gnip": {
                "matching_rules": [{"value": "goal OR keeper", "tag": "sport"}],
                "language": {"value": "en"},
            },
        }
        yield json.dumps(activity, separators=(",", ":")).encode() + b"\r\n"
