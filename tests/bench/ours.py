"""Our side: the command line, with the benchmark's provider installed as a third party's."""

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
    """Makes the plugin's ``dist-info``; gives the environment in which it is found."""
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
    dest: Path,
    count: int,
    listing: Path | None = None,
    **settings: Any,
) -> Path:
    """Writes a configuration of one job called ``bench``; all settings at their defaults but these."""
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
    """Whether all files are there. Raises BenchError."""
    with os.scandir(dest / "bench") as entries:
        found = sum(entry.name.endswith(".jsonl.gz") for entry in entries)
    if found != count:
        raise BenchError(f"backhaul left {found} of {count} files")


def fetch(configured: Path, env: dict[str, str], *more: str) -> Measured:
    """``backhaul run``."""
    return run([*COMMAND, "run", configured, *more], cwd=configured.parent, env=env)
