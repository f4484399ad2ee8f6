"""Checks the limits of this process and machine."""

import platform
import resource
import tempfile
from collections.abc import Iterator
from importlib.metadata import version

from backhaul.commands import Settings, shares, wording
from backhaul_doctor.finding import Finding


def examine_machine(settings: Settings, destinations: int) -> Iterator[Finding]:
    """Checks versions, the limits on open files and file sizes, and the folder for temporary files."""
    import pycurl  # noqa: PLC0415 - heavy

    libcurl, tls = (pycurl.version_info()[at] for at in (1, 5))
    versions = f"Python {platform.python_version()}, libcurl {libcurl} with {tls}"
    yield Finding.ok("versions", f"backhaul {version('backhaul')}", versions)
    yield _open_files(settings, destinations)
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit not in {resource.RLIM_INFINITY, -1} and limit < settings.max_file_size:
        yield Finding.warning(
            "limits",
            "file size",
            f"the maximum file size is {wording.human(limit)} (ulimit -f)",
            "raise `ulimit -f`, or lower max_file_size",
        )
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        yield Finding.warning(
            "limits",
            "temporary files",
            "no folder for temporary files is writable",
            "set TMPDIR to a writable folder; `gaps`, `report` and `rollup` need it",
        )


def _open_files(settings: Settings, destinations: int) -> Finding:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = shares(settings.connections, destinations, warn=False)
    if found.connections < settings.connections:
        return Finding.warning(
            "limits",
            "open files",
            f"{limit} open files are allowed: enough for {found.connections} of"
            f" {settings.connections} connections",
            "raise `ulimit -n`, or lower connections",
        )
    return Finding.ok("limits", "open files", f"enough for {found.connections} connections")
