"""Formats rows as text and Markdown, and puts them into a page."""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.nginx import WORKERS, find
from tests.bench.row import Row

_HEAD = ("#", "work", "against", "ours", "theirs", "reached", "must be", "")


def text(row: Row) -> str:
    """A row for the terminal."""
    if row.passed is None:
        return f"{row.number:>2}  {row.verdict}: {row.note}"
    lines = [f"{row.number:>2}  {row.work}", f"      ours    {row.ours}"]
    if row.theirs:
        lines.append(f"      theirs  {row.theirs}  ({row.against})")
    lines.append(f"      {row.reached}, must be {row.limit}: {row.verdict.upper()}")
    if row.note:
        lines.append(f"      {row.note}")
    return "\n".join(lines)


def markdown(rows: Sequence[Row]) -> str:
    """A table for the docs."""
    found = [
        (
            str(row.number), row.work, row.against, row.ours, row.theirs, row.reached, row.limit,
            f"{row.verdict}{f': {row.note}' if row.passed is None else ''}",
        )
        for row in rows
    ]  # fmt: skip
    return grid(_HEAD, found)


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Any Markdown table."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines)


def circumstances(rounds: int | None, scale: float = 1.0, *, stolen: float | None = None) -> str:
    """The date, the machine and the programs, for the line below the table; without the host's name.

    ``stolen``: share of the processors' time taken by other guests of the host.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    share = "" if scale == 1 else f" Only a share of {scale:g} of the files was used."
    lost = "" if not stolen else (
        f" Of the time in which the processors had work, other machines on the same host had"
        f" {stolen:.0%} (steal)."
    )  # fmt: skip
    turns = "" if rounds is None else (
        f" Medians of {rounds} alternating runs; in brackets the least and the largest ratio of a pair."
    )  # fmt: skip
    return (
        f"{datetime.now(UTC):%Y-%m-%d}; {os.cpu_count()} cores ({platform.machine()}),"
        f" {memory:.0f} GiB of memory, {platform.system()} {platform.release()};"
        f" {', '.join(_versions())}; nginx with {WORKERS} worker on loopback,"
        f" its keep-alive at the default of 1,000 requests.{turns}{share}{lost}"
    )


def write(page: Path, name: str, content: str) -> None:
    """Put text between a page's markers of that name; append them if they do not exist."""
    start, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
    block = f"{start}\n\n{content}\n\n{end}"
    old = page.read_text() if page.exists() else ""
    pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
    if pattern.search(old):
        new = pattern.sub(lambda _: block, old)
    else:
        new = f"{old.rstrip()}\n\n{block}\n".lstrip()
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(new)


def _versions() -> list[str]:
    found = [f"Python {platform.python_version()}"]
    script = "import pycurl; print(pycurl.version)"
    commands = {
        "pycurl": [sys.executable, "-c", script],
        "curl": ["curl", "--version"],
        "aria2": ["aria2c", "--version"],
        "rclone": ["rclone", "--version"],
        "nginx": [find() or "nginx", "-v"],
    }
    for name, command in commands.items():
        with suppress(OSError):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            pattern = r"libcurl/([\d.]+)" if name == "pycurl" else r"(\d+\.\d+\.\d+)"
            match = re.search(pattern, done.stdout + done.stderr)
            if match is not None:
                found.append(f"{'libcurl' if name == 'pycurl' else name} {match[1]}")
    return found
