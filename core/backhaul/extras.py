"""How to install what is optional, from wherever this installation came from."""

import json
import shlex
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


@cache
def how_to_install(extra: str, *, package: str = "backhaul") -> str:
    """The command that adds an extra to an installed package, for messages.

    It names what the package was installed from (PEP 610), since the package index may have
    another version or none: ``pip install -e '/src/acme[parquet]'`` for a folder in editable mode.

    Args:
        extra: the extra's name.
        package: the distribution that has it.
    """
    try:
        found = distribution(package)
        origin = _parsed(found.read_text("direct_url.json"))
        installer = (found.read_text("INSTALLER") or "").strip()
    except PackageNotFoundError:
        origin, installer = {}, ""
    pip = "uv pip" if installer == "uv" else "pip"
    return f"{pip} install {_source(origin, extra, package)}"


def _parsed(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:  # written by another tool; without it, the name has to do
        return {}
    return found if isinstance(found, dict) else {}


def _source(origin: dict[str, Any], extra: str, package: str) -> str:
    named = f"{package}[{extra}]"
    url = str(origin.get("url", ""))
    if url.startswith("file://"):
        path = unquote(urlsplit(url).path)
        if not Path(path).exists():  # a wheel that was removed since
            return f"'{named}'"
        info = origin.get("dir_info")
        editable = isinstance(info, dict) and info.get("editable") is True
        return f"{'-e ' if editable else ''}{shlex.quote(f'{path}[{extra}]')}"
    if not url:
        return f"'{named}'"
    vcs = origin.get("vcs_info")
    prefix = f"{vcs['vcs']}+" if isinstance(vcs, dict) and "vcs" in vcs else ""
    return shlex.quote(f"{named} @ {prefix}{url}")
