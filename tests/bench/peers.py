"""Their side: curl, aria2, rclone and the vendor's one-liner."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.bench.measure import BenchError

PACKAGES = {
    "nginx": "nginx-light",
    "curl": "curl",
    "aria2c": "aria2",
    "rclone": "rclone",
    "strace": "strace",
    "openssl": "openssl",
    "gzip": "gzip",
    "xargs": "findutils",
}
VERSION_FLAGS = {"nginx": "-v"}


def missing(tools: Sequence[str]) -> str | None:
    """Which packages to install to get these tools; None if all are installed."""
    lacking = [
        tool for tool in tools
        if not (shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/usr/local/sbin"))
    ]  # fmt: skip
    if not lacking:
        return None
    packages = " ".join(dict.fromkeys(PACKAGES[tool] for tool in lacking))
    return f"{' and '.join(lacking)} missing: apt install {packages}"


def curl_list(path: Path, *, base_url: str, names: Sequence[str], dest: Path) -> Path:
    """A file for ``curl -K``."""
    path.write_text("".join(f'url="{base_url}/{name}"\noutput="{dest}/{name}"\n' for name in names))
    return path


def curl(listed: Path, *, parallel: int, cert: Path) -> list[str]:
    """Curl at full speed: only the HTTP status is checked."""
    return [
        "curl", "--parallel", "--parallel-max", str(parallel), "--no-progress-meter", "--fail",
        "--cacert", str(cert), "-K", str(listed),
    ]  # fmt: skip


def aria2_list(path: Path, *, base_url: str, names: Sequence[str]) -> Path:
    """A file for ``aria2c -i``."""
    path.write_text("".join(f"{base_url}/{name}\n  out={name}\n" for name in names))
    return path


def aria2(listed: Path, *more: str, dest: Path, cert: Path) -> list[str]:
    """Aria2 without its progress lines."""
    return [
        "aria2c", "--no-conf", "--quiet", f"--ca-certificate={cert}", "-i", str(listed),
        "-d", str(dest), *more,
    ]  # fmt: skip


def one_liner(listed: Path) -> list[str]:
    """The vendor's command: ``xargs -P 8 -t -n2 curl -o`` on lines of name and link (HPT, "Downloading files")."""
    return ["sh", "-c", f"xargs -P 8 -t -n2 curl -sS -o < '{listed}' 2>/dev/null"]


def gzip_test(dest: Path) -> str:
    """A shell command that checks all files of a folder on two cores."""
    return f"find '{dest}' -name '*.gz' -print0 | xargs -0 -n 50 -P 2 gzip -t"


def same_checks(dest: Path, *, batch: int = 50) -> str:
    """A shell command that does what backhaul does with each file, on two cores.

    It reads every file to its end, hashes it and counts its lines, with igzip if it is installed.
    """
    unpack = "igzip" if shutil.which("igzip") else "gzip"
    checks = f'{unpack} -t "$@"; sha256sum "$@" >&2; {unpack} -dc "$@" | wc -l >&2'
    return f"find '{dest}' -name '*.gz' -print0 | xargs -0 -n {batch} -P 2 sh -e -c '{checks}' sh 2>/dev/null"


def check(dest: Path, count: int) -> None:
    """Raise BenchError unless all files are there."""
    found = sum(1 for path in dest.iterdir() if path.suffix == ".gz")
    if found != count:
        raise BenchError(f"the other side left {found} of {count} files")
