"""Which configurations share a destination."""

import subprocess
import sys
from pathlib import Path

import backhaul
from backhaul.config.destinations import settle_destinations

COME_AND_GO = "import os, sys\nwhile True:\n os.mkdir(sys.argv[1])\n os.rmdir(sys.argv[1])\n"


def test_a_destination_may_be_created_while_it_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "backhaul.yaml"
    path.write_text(
        "version: 1\n"
        "settings: {dest: archive}\n"
        "sources: {hours: {provider: http-series, url: 'http://127.0.0.1/{start:%Y-%m-%d}.json',"
        " every: 1d}}\n"
        "jobs: {days: {source: hours, from: 2015-01-01, to: 2015-01-03}}\n"
    )
    (config,) = backhaul.load(path).configs
    archive = tmp_path / "archive"
    other = subprocess.Popen([sys.executable, "-c", COME_AND_GO, archive])
    try:
        seen: set[bool] = set()
        number = 0
        while number < 4_000 or seen != {True, False}:  # the other may start late
            number += 1
            seen.add(archive.exists())
            (settled,) = settle_destinations([config])
            assert settled.dest == config.dest
    finally:
        other.kill()
        other.wait()
