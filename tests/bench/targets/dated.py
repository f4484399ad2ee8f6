"""Targets 12 to 15: archives that are described by YAML alone."""

import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.bench import archives, loop_latency, ours
from tests.bench.measure import BenchError, Measured, run
from tests.bench.place import Place
from tests.bench.row import Row, compared, numbers
from tests.bench.versus import Side, alternate, memory, wall

ENTRIES = 200_000
SLOTS = 1_000_000
HOURS = 8_760
SMALL, LARGE = 4_000, 6
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_JOB = "kj4r26m0qx"
_FOLDER = f"historical/powertrack/accounts/acme/publishers/twitter/jobs/{_JOB}"
_LATE = 0.05


def long_index(place: Place) -> Iterator[Row]:
    """12: ``plan`` reads an index of many entries."""
    count = place.scaled(ENTRIES)
    with (place.www / "index.txt").open("w") as index:
        for number in range(count):
            index.write(f"4096 {number:032x} files/{number:07d}.jsonl.gz\n")
    source = {
        "provider": "http-index",
        "url": f"{place.server.plain}/index.txt",
        "reader": "lines",
        "lines": {"pattern": r"(?P<size>\d+) (?P<md5>\w+) (?P<url>\S+)"},
    }
    yield from _planned(
        place, 12, source, {}, count=count, what="an index of", seconds=10.0, peak=100e6
    )


def long_template(place: Place) -> Iterator[Row]:
    """13: ``plan`` expands a template of many slots."""
    count = place.scaled(SLOTS)
    source = {
        "provider": "http-series",
        "url": f"{place.server.plain}/{{start:%Y/%m/%d/%H%M}}.jsonl.gz",
        "name": "{start:%Y/%m/%d/%H%M}.jsonl.gz",
        "every": "10m",
    }
    end = _FIRST + count * timedelta(minutes=10)
    job = {"from": f"{_FIRST:%Y-%m-%dT%H:%M:%SZ}", "to": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
    yield from _planned(place, 13, source, job, count=count, what="a template of", seconds=30.0)


def year_of_hours(place: Place) -> Iterator[Row]:
    """14: files of a template, against the same files listed by gnip-hpt."""
    count = place.scaled(HOURS)
    names = place.small(count)
    url = place.server.plain
    hours = [_FIRST + number * timedelta(hours=1) for number in range(count)]
    for hour, name in zip(hours, names, strict=True):
        _link(place, name, f"hours/{hour:%Y-%m-%d}-{hour.hour}.jsonl.gz")
    series = {
        "provider": "http-series",
        "url": f"{url}/hours/{{start:%Y-%m-%d}}-{{start:%-H}}.jsonl.gz",
        "every": "1h",
    }
    end = _FIRST + timedelta(hours=count)
    job = {"from": f"{_FIRST:%Y-%m-%d}", "to": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
    hpt = {
        "provider": "gnip-hpt",
        "account": "acme",
        "username": "u",
        "password": "p",
        "base_url": url,
    }
    _write_hpt(place, names)
    pair = alternate(
        _side(place, "ours", series, job, count),
        _side(place, "theirs", hpt, {"id": _JOB}, count),
        rounds=place.rounds,
    )
    yield compared(
        14,
        pair,
        work=f"{count:,} hours of 4 KB by http-series",
        against="gnip-hpt, as many files of the same bytes",
        files=count,
        limit=1.1,
    )


def beside_bz2(place: Place) -> Iterator[Row]:
    """15: latency of the transfer loop while the run also verifies bz2 archives."""
    count = place.scaled(SMALL)
    for number, name in enumerate(place.small(count)):
        _link(place, name, f"quick/{number:05d}.jsonl.gz")
    packed = archives.packed_slowly(place.www / "packed", LARGE)
    _list(place, "quick", [f"quick/{number:05d}.jsonl.gz" for number in range(count)])
    _list(place, "packed", [f"packed/{name}" for name in packed])
    alone = _latency(place, "quick")
    beside = _latency(place, "quick", "packed")
    yield Row(
        number=15,
        work=f"{count:,} files of 4 KB beside {LARGE} bz2 archives: the 99th percentile of the loop's delay",
        against="the same without bz2",
        ours=f"{beside * 1e3:.1f} ms",
        theirs=f"{alone * 1e3:.1f} ms",
        reached=f"{beside * 1e3:.1f} ms",
        limit=f"at most {_LATE * 1e3:.0f} ms",
        passed=beside <= _LATE,
    )


def _planned(
    place: Place,
    number: int,
    source: dict[str, Any],
    job: dict[str, Any],
    *,
    count: int,
    what: str,
    seconds: float,
    peak: float | None = None,
) -> Iterator[Row]:
    configured = _config(place, place.fresh("ours"), source, job)
    plan = run([*ours.COMMAND, "plan", configured, "--json"], cwd=place.home, env=place.env)
    listed = json.loads(plan.output[plan.output.index("{") :])["jobs"][0]["listed"]
    if listed != count:
        raise BenchError(f"{listed} of {count} files were planned")
    most = "" if peak is None else f" and {peak / 1e6:.0f} MB"
    yield Row(
        number=number,
        work=f"{what} {count:,}, planned",
        against="",
        ours=numbers([plan], count),
        reached=f"{wall([plan]):.1f} s, {memory([plan]) / 1e6:.0f} MB",
        limit=f"at most {seconds:g} s{most}",
        passed=plan.wall <= seconds and (peak is None or plan.memory <= peak),
    )


def _side(
    place: Place, folder: str, source: dict[str, Any], job: dict[str, Any], count: int
) -> Side:
    def side() -> Measured:
        dest = place.fresh(folder)
        measured = ours.fetch(_config(place, dest, source, job), place.env)
        found = sum(each.name.endswith(".gz") for each in os.scandir(dest / "bench"))
        if found != count:
            raise BenchError(f"{source['provider']} left {found} of {count} files")
        return measured

    return side


def _config(place: Place, dest: Path, source: dict[str, Any], job: dict[str, Any]) -> Path:
    path = place.home / "dated.yaml"
    document = {
        "version": 1,
        "settings": {"dest": str(dest)},
        "sources": {"server": source},
        "jobs": {"bench": {"source": "server", **job}},
    }
    path.write_text(json.dumps(document))  # JSON is YAML
    return path


def _link(place: Place, name: str, other: str) -> None:
    path = place.www / other
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        os.link(place.www / "small" / name, path)


def _write_hpt(place: Place, names: list[str]) -> None:
    """A job like Historical PowerTrack's, as files of the server."""
    slots = [archives.FIRST + number * archives.SLOT for number in range(len(names))]
    end = slots[-1] + archives.SLOT
    period = f"{slots[0]:%Y%m%d}-{end:%Y%m%d}_{_JOB}"
    links = []
    for slot, name in zip(slots, names, strict=True):
        path = f"customers/acme/{period}/{slot:%Y/%m/%d/%H/%M}_activities.json.gz"
        _link(place, name, path)
        links.append(f"{place.server.plain}/{path}")
    url = f"{place.server.plain}/{_FOLDER}"
    job = {
        "title": "bench",
        "status": "delivered",
        "jobURL": f"{url}.json",
        "fromDate": f"{slots[0]:%Y%m%d%H%M}",
        "toDate": f"{end:%Y%m%d%H%M}",
        "results": {"dataURL": f"{url}/results.json", "fileCount": len(names)},
    }
    folder = place.www / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    folder.with_suffix(".json").write_text(json.dumps(job))
    (folder / "results.json").write_text(json.dumps({"urlCount": len(links), "urlList": links}))


def _list(place: Place, name: str, links: list[str]) -> None:
    (place.www / f"{name}.txt").write_text("".join(f"{link}\n" for link in links))


def _latency(place: Place, *lists: str) -> float:
    command = [sys.executable, loop_latency.__file__, place.server.plain, place.fresh("ours")]
    done = run([*command, *lists], cwd=place.home, env=place.env)
    return float(done.output.split()[-1])
