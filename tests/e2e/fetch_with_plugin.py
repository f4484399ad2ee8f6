"""``python fetch_with_plugin.py NAME``: a run from YAML with an installed plugin, against its own emulator."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from backhaul.testing.serve import emulator


def main(name: str) -> int:
    with tempfile.TemporaryDirectory() as folder, emulator(name) as started:
        config = Path(folder) / "jobs.yaml"
        jobs = {job: {"source": "source", **keys} for job, keys in started.jobs().items()}
        config.write_text(
            yaml.safe_dump({"version": 1, "sources": {"source": started.source()}, "jobs": jobs})
        )
        for wanted in ("fetched", "skipped"):
            done = subprocess.run(
                [sys.executable, "-m", "backhaul", "run", str(config), "--json"],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                sys.stderr.write(done.stderr)
                return done.returncode
            for job in json.loads(done.stdout)["jobs"]:
                files = job["files"]
                assert files["verified"] == files[wanted] > 0, job
        sys.stdout.write(f"{name}: fetched, verified, and nothing fetched twice\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
