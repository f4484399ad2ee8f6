"""Many files with mixed faults: ``python -m tests.safety.soak [FILES]``."""

import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.safety.command import published, write_config

from backhaul_gnip_hpt.emulator import GnipHptEmulator

FAULTS = (
    "503:1% 429:0.5% 500:0.5% drop:1% reset:0.5% truncated:0.3% corrupt:0.3% xml_200:0.3%"
    " html_200:0.3% expired:0.01% changed:0.3%"
)
MEMORY = 250  # MB


def main(arguments: list[str]) -> int:
    """Runs it and prints the result; returns 0 if everything holds."""
    files = int(arguments[0]) if arguments else 20_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with GnipHptEmulator(slots=files, silent=0.0, faults=FAULTS) as emulator:
            config = write_config(folder, emulator, settings={"retries": 6})
            begun = time.monotonic()
            command = "import sys; from backhaul.cli.main import main; sys.exit(main())"
            ran = subprocess.run(
                [sys.executable, "-c", command, "run", str(config), "--json", "-q"],
                stdout=subprocess.PIPE,
                check=False,
            )
            seconds = time.monotonic() - begun
            hits = emulator.faults.hits()
            emulator.faults.replace("")
            clean = folder / "clean"
            clean.mkdir()
            plain = write_config(clean, emulator)
            undisturbed = subprocess.run(
                [sys.executable, "-c", command, "run", str(plain), "--json", "-q"],
                stdout=subprocess.PIPE,
                check=False,
            )
        job = json.loads(ran.stdout)["jobs"][0]
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
        same = same_content(folder / "archive", clean / "archive")
        sys.stdout.write(
            f"{files} files, {hits} faults, {seconds:.0f} s, at most {memory} MB: exit {ran.returncode},"
            f" {job['files']['verified']} verified, content {'right' if same else 'WRONG'}\n"
        )
        good = ran.returncode == 0 and undisturbed.returncode == 0 and same and memory < MEMORY
        return 0 if good and job["files"]["verified"] == files else 1


def same_content(one: Path, other: Path) -> bool:
    """Equal hashes, or equal text for objects that were compressed again."""
    hashes, others = published(one), published(other)
    if hashes.keys() != others.keys():
        return False
    return all(
        gzip.decompress((one / name).read_bytes()) == gzip.decompress((other / name).read_bytes())
        for name in hashes
        if hashes[name] != others[name]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
