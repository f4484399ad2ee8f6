"""The minimum of a second run: look up each file in the ledger and on disk.

Run it as ``bare_second.py LISTING DEST``. The names come from a text file and
the rows by one statement; nothing is compared with what a provider lists, nothing is written.
"""

import os
import sqlite3
import sys
from pathlib import Path


def main(listing: str, dest: str) -> None:
    """Run the script."""
    names = Path(listing).read_text().split()
    ledger = sqlite3.connect(Path(dest) / ".backhaul" / "ledger.sqlite")
    rows = dict(ledger.execute("SELECT name, size FROM files WHERE state = 'verified'"))
    folder = os.open(Path(dest) / "bench", os.O_RDONLY | os.O_DIRECTORY)
    wrong = sum(os.stat(name, dir_fd=folder).st_size != rows.get(name) for name in names)
    if wrong:
        raise SystemExit(f"{wrong} files are not as the ledger has them")


if __name__ == "__main__":
    main(*sys.argv[1:])
