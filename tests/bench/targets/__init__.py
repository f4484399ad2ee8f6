"""The targets, by number."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.bench.place import Place
from tests.bench.row import Row
from tests.bench.targets import (
    adaptive,
    clusters,
    cores,
    dated,
    durable,
    large_files,
    million,
    ranges,
    second_run,
    small_files,
    startup,
    stores,
)


@dataclass(frozen=True, slots=True)
class Target:
    """A benchmark and the programs that it needs."""

    numbers: tuple[int, ...]
    run: Callable[[Place], Iterator[Row]]
    tools: tuple[str, ...] = ()


_SERVER = ("nginx", "openssl")

TARGETS = (
    Target((1,), small_files.against_curl, (*_SERVER, "curl")),
    Target((2,), small_files.against_aria2, (*_SERVER, "aria2c")),
    Target((3,), small_files.against_one_liner, (*_SERVER, "curl", "xargs")),
    Target((4, 10), large_files.against_curl, (*_SERVER, "curl", "gzip", "xargs")),
    Target((5,), ranges.against_aria2, (*_SERVER, "aria2c")),
    Target((6,), adaptive.against_curl, (*_SERVER, "curl")),
    Target((7,), second_run.against_both, (*_SERVER, "aria2c", "rclone")),
    Target((8,), million.alone, _SERVER),
    Target((9,), startup.against_python, _SERVER),
    Target((11,), durable.against_itself, _SERVER),
    Target((12,), dated.long_index, _SERVER),
    Target((13,), dated.long_template, _SERVER),
    Target((14,), dated.year_of_hours, _SERVER),
    Target((15,), dated.beside_bz2, _SERVER),
    Target(
        (16, 17),
        stores.against_curl_and_rclone,
        (*_SERVER, "curl", "gzip", "xargs", "rclone"),
    ),
    Target((18,), stores.against_a_folder, _SERVER),
    Target((19,), stores.again, _SERVER),
    Target((22,), cores.growth, _SERVER),
    Target((23,), cores.driver, _SERVER),
    Target((24,), clusters.against_processes, _SERVER),
)
