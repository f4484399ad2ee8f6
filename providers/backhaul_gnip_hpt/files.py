"""The files of a job, from its list of links."""

import logging
from collections.abc import Iterator, Mapping

from backhaul import RemoteFile
from backhaul_gnip_hpt.links import FileName, fallback, place_of, quick_name, read_path
from backhaul_gnip_hpt.results import Link, Repeated, Results

log = logging.getLogger(__name__)
Place = tuple[str, str]  # path and host


def files(uuid: str, results: Results) -> Iterator[RemoteFile]:
    """Each link's file, in the list's order; duplicates are yielded once.

    Links to different files may share a name. All are kept, under names that do not depend on the
    list's order.
    """
    shared = Repeated()
    suspect = _suspect(uuid, results)
    for link in results.links():
        shared.add(_quick_name(link))
    named: dict[Place, FileName] = {}  # only those that share a name
    if shared:
        for link in results.links():
            if _quick_name(link) in shared:
                named.setdefault(place_of(link.url), _name(link))
        named = _told_apart(named)
    given: set[Place] = set()
    for link in results.links():
        place = place_of(link.url)
        if place not in named:
            name = _name(link)
        elif place in given:
            continue
        else:
            given.add(place)
            name = named[place]
        if suspect is not None and suspect.name == name.name:
            suspect = None
        yield _data(link.url, name)
    if suspect is not None:
        # Its content is undocumented: keep it verbatim, as long as it is JSON.
        yield RemoteFile(suspect.name, results.suspect_url, content="json", optional=True)


def _suspect(uuid: str, results: Results) -> FileName | None:
    if not results.suspect_url:
        return None
    path = place_of(results.suspect_url)[0]
    return read_path(path) or FileName(f"{uuid}_suspectMinutes.json")


def _told_apart(named: Mapping[Place, FileName]) -> dict[Place, FileName]:
    """A unique name for each place; of those that share one, the first in sorted order keeps it."""
    apart: dict[Place, FileName] = {}
    given: set[str] = set()
    for place in sorted(named):
        path, host = place
        first = named[place]
        others = (fallback(text, first.start) for text in (path, f"//{host}{path}"))
        own = next(each for each in (first, *others) if each.name not in given)
        given.add(own.name)
        apart[place] = own
        if own is not first:
            log.warning(
                "%s: another file has the same name; storing this one as %s", first.name, own.name
            )
    return apart


def _quick_name(link: Link) -> str:
    return quick_name(place_of(link.url)[0]) or _name(link).name


def _name(link: Link) -> FileName:
    """The name from the link, so that both lists agree; else the list's name; else the path's."""
    path = place_of(link.url)[0]
    return read_path(path) or read_path(link.name) or fallback(path)


def _data(url: str, named: FileName) -> RemoteFile:
    if not named.name.endswith(".gz"):
        return RemoteFile(named.name, url, content="bytes")
    return RemoteFile(
        named.name, url, start=named.start, end=named.end, aliases=named.aliases, footer_lines=1
    )
