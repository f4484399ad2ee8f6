"""Our side: the command line, with the benchmark's provider installed like a third party's."""

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from tests.bench.measure import BenchError, Measured, run

PLUGIN = Path(__file__).parent / "plugin"
COMMAND = shlex.split(os.environ.get("BENCH_BACKHAUL", "")) or [sys.executable, "-m", "backhaul"]


def install(folder: Path) -> dict[str, str]:
    """Create the plugin's ``dist-info``; return the environment in which it is found."""
    info = folder / "backhaul_bench_provider-1.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: backhaul-bench-provider\nVersion: 1\n"
    )
    (info / "entry_points.txt").write_text(
        "[backhaul.providers]\nbench = backhaul_bench_provider\n"
    )
    return {"PYTHONPATH": f"{PLUGIN}{os.pathsep}{folder}"}


def config(
    path: Path,
    *,
    base_url: str,
    dest: Path | str,
    count: int,
    listing: Path | None = None,
    **settings: Any,
) -> Path:
    """Write a configuration with one job, ``bench``; other settings keep their defaults."""
    job: dict[str, Any] = {"source": "server", "count": count}
    if listing is not None:
        job["listing"] = str(listing)
    document = {
        "version": 1,
        "settings": {"dest": str(dest), **settings},
        "sources": {"server": {"provider": "bench", "base_url": base_url}},
        "jobs": {"bench": job},
    }
    path.write_text(json.dumps(document, indent=1))  # JSON is YAML
    return path


def check(dest: Path, count: int) -> None:
    """Raise BenchError unless all files are there."""
    with os.scandir(dest / "bench") as entries:
        found = sum(entry.name.endswith((".jsonl.gz", ".jsonl.bz2")) for entry in entries)
    if found != count:
        raise BenchError(f"backhaul left {found} of {count} files")


def fetch(configured: Path, env: dict[str, str], *more: str) -> Measured:
    """``backhaul run``."""
    return run([*COMMAND, "run", configured, *more], cwd=configured.parent, env=env)
