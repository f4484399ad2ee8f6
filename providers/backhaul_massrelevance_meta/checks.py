"""What is worth saying of a job and of a snapshot."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from backhaul import FailureKind, Problem
from backhaul_massrelevance_meta.options import MINUTE, MetaJob

ARRAYS = {"minute": "num_minutes", "hourly": "num_hours", "daily": "num_days"}
KINDS = ("total", "rejected", "pending", "approved")
_UNITS = {"minute": "minutes", "hourly": "hours", "daily": "days"}


def warnings(job: MetaJob, *, created: datetime | None) -> Iterator[str]:
    """What a person should know before the snapshots are taken."""
    covered = job.params.length("num_minutes") * MINUTE
    if job.every is not None and job.params.activity != 0 and covered < job.every:
        yield (
            f"num_minutes covers {covered // MINUTE} of the {job.every // MINUTE} minutes between "
            "snapshots: the minutes in between are in none"
        )
    if job.finish > job.now:
        yield "what ends after now is left out; a later run fetches it"
    if created is not None and job.start is not None and job.start < created:
        yield f"the stream began on {created:%Y-%m-%d}, after from"
    if job.params.top_periods_relative is not None or job.params.top_moments_relative is not None:
        yield "relative periods count from the time of the request, not from finish"


def json_problems(job: MetaJob, document: bytes) -> Iterator[Problem]:
    """Problems of a JSON snapshot; a difference in length is reported and not fatal."""
    try:
        meta = json.loads(document)
    except (ValueError, RecursionError):
        meta = None
    if not isinstance(meta, dict) or not ({"name", "activity", "count"} & meta.keys()):
        yield Problem("not a stream's meta", FailureKind.NOT_DATA)
        return
    yield from _name_problems(job, meta.get("name"))
    if job.params.activity == 0:
        return
    activity = meta.get("activity")
    if not isinstance(activity, dict):
        yield Problem("has no activity", FailureKind.COUNT_MISMATCH, fatal=False)
        return
    differences = [
        difference
        for key, parameter in ARRAYS.items()
        if (difference := _difference(key, activity.get(key), job.params.length(parameter)))
    ]
    if differences:
        yield Problem("; ".join(differences), FailureKind.COUNT_MISMATCH, fatal=False)


def xml_problems(job: MetaJob, document: bytes) -> Iterator[Problem]:
    """Problems of an XML snapshot. Its elements are not documented: only a name is compared."""
    from defusedxml import DefusedXmlException  # noqa: PLC0415 - only when there is XML
    from defusedxml.ElementTree import ParseError, fromstring  # noqa: PLC0415 - as above

    try:
        name = fromstring(document).findtext("name")
    except (ParseError, DefusedXmlException, ValueError) as error:
        yield Problem(f"not safe XML: {error}", FailureKind.NOT_DATA)
        return
    yield from _name_problems(job, name)


def _name_problems(job: MetaJob, name: Any) -> Iterator[Problem]:
    if isinstance(name, str) and name.casefold() != job.stream.casefold():
        yield Problem(f"is of the stream {name!r}", FailureKind.NOT_DATA)


def _difference(key: str, arrays: Any, asked: int) -> str:
    """What the arrays have instead of the items asked for; empty when they have these."""
    found = arrays if isinstance(arrays, dict) else {}
    lengths = {kind: len(found[kind]) for kind in KINDS if isinstance(found.get(kind), list)}
    missing = [kind for kind in KINDS if kind not in lengths]
    if missing:
        return f"{key} has no {', '.join(missing)}"
    given = set(lengths.values())
    if given == {asked}:
        return ""
    if len(given) == 1:
        return f"{key} has {given.pop()} of the {asked} {_UNITS[key]} asked for"
    text = ", ".join(f"{kind} {length}" for kind, length in lengths.items())
    return f"{key} has arrays of different lengths: {text}; asked for {asked} {_UNITS[key]}"
