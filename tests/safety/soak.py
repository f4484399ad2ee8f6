"""Many files with mixed faults: ``python -m tests.safety.soak [FILES] [--losing-disk]``.

With ``--losing-disk``, the power fails a few times first, each time in another way; see dying/losing_disk.py.
"""

import gzip
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from tests.safety.command import published, write_config
from tests.safety.dying_process import command, ended, on_disk

from backhaul_gnip_hpt.emulator import GnipHptEmulator

FAULTS = (
    "503:1% 429:0.5% 500:0.5% drop:1% reset:0.5% truncated:0.3% corrupt:0.3% xml_200:0.3%"
    " html_200:0.3% expired:0.01% changed:0.3%"
)
MEMORY = 250  # MB
CUTS = ("undone", "zeros", "short", "lost", "mixed", "mixed")  # ways to lose what was not synced


def main(arguments: list[str]) -> int:
    """Runs it and prints the result; returns 0 if everything holds."""
    numbers = [int(each) for each in arguments if each.isdecimal()]
    files = numbers[0] if numbers else 20_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with GnipHptEmulator(slots=files, silent=0.0, faults=FAULTS) as emulator:
            config = write_config(folder, emulator, settings={"retries": 6})
            if "--losing-disk" in arguments:
                cut_power(config, files)
            begun = time.monotonic()
            ran = subprocess.run(
                [sys.executable, *command(config)],
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
                [sys.executable, *command(plain)],
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


def cut_power(config: Path, files: int) -> None:
    """Runs it until the power fails, once for each way; checks what the ledger calls verified."""
    archive = config.parent / "archive"
    archive.mkdir()
    for number, way in enumerate(CUTS):
        disk = on_disk(archive, way, number)
        # 9: it noticed what the disk had lost before it was killed.
        code = ended(command(config), **disk, DIE_AT=str(files * (number + 1) // 2))
        verified = recorded(archive / ".backhaul" / "ledger.sqlite")
        hashes = published(archive)
        bad = [name for name, sha256 in verified.items() if hashes.get(name) != sha256]
        sys.stdout.write(
            f"{way}: exit {code}, {len(verified)} verified, {len(bad)} of them wrong\n"
        )
        assert not bad, bad[:3]


def recorded(ledger: Path) -> dict[str, str]:
    """The SHA-256 of each file that a ledger calls verified; nothing if the ledger itself was lost."""
    if not ledger.exists():
        return {}
    query = "SELECT jobs.name || '/' || files.name, sha256 FROM files JOIN jobs ON jobs.id = job"
    with closing(sqlite3.connect(ledger)) as db:
        return dict(db.execute(f"{query} WHERE files.state = 'verified'").fetchall())


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
