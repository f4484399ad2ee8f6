"""From the list of links to the files of a job."""

import logging
from collections.abc import Iterator

from backhaul import RemoteFile
from backhaul_gnip_hpt.links import FileName, fallback, path_of, read_path
from backhaul_gnip_hpt.results import Link, Results

log = logging.getLogger(__name__)


def files(uuid: str, results: Results) -> Iterator[RemoteFile]:
    """Each link's file, in the list's order; one that is listed twice comes once.

    Two links of one name and different paths are both kept, the later under a name from its path.
    """
    paths: dict[str, str] = {}
    for link in results.links:
        path = path_of(link.url)
        named = _name(link, path)
        if named.name in paths:
            if paths[named.name] == path:
                continue
            log.warning("%s: another link has this name; kept under one of its own", named.name)
            named = fallback(path)
            if named.name in paths:
                continue
        paths[named.name] = path
        yield _data(link.url, named)
    if results.suspect_url:
        path = path_of(results.suspect_url)
        named = read_path(path) or FileName(f"{uuid}_suspectMinutes.json")
        if named.name not in paths:
            # What it holds is documented nowhere: kept verbatim, as long as it is JSON.
            yield RemoteFile(named.name, results.suspect_url, content="json", optional=True)


def _name(link: Link, path: str) -> FileName:
    """From the link, so that both lists give the same name; else the list's own name; else the path's."""
    return read_path(path) or read_path(link.name) or fallback(path)


def _data(url: str, named: FileName) -> RemoteFile:
    if not named.name.endswith(".gz"):
        return RemoteFile(named.name, url, content="bytes")
    return RemoteFile(
        named.name,
        url,
        start=named.start,
        end=named.end,
        aliases=named.aliases,
        footer_lines=1,
    )
