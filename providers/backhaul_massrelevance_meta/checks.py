"""Warnings about a job and problems of its snapshots."""

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
    """Warnings to show before the snapshots are taken."""
    covered = job.params.length("num_minutes") * MINUTE
    if job.every is not None and job.params.activity != 0 and covered < job.every:
        yield (
            f"num_minutes covers only {covered // MINUTE} of the {job.every // MINUTE} minutes "
            "between snapshots: no snapshot has the remaining minutes"
        )
    if job.finish > job.now:
        yield "skipping periods that have not ended yet; a later run fetches them"
    if created is not None and job.start is not None and job.start < created:
        yield f"the stream was created on {created:%Y-%m-%d}, after from"
    if job.params.top_periods_relative is not None or job.params.top_moments_relative is not None:
        yield "relative periods are relative to the time of the request, not to finish"


def json_problems(job: MetaJob, document: bytes) -> Iterator[Problem]:
    """Problems of a JSON snapshot; differing lengths are reported but not fatal."""
    try:
        meta = json.loads(document)
    except (ValueError, RecursionError):
        meta = None
    if not isinstance(meta, dict) or not ({"name", "activity", "count"} & meta.keys()):
        yield Problem("the document is not stream meta", FailureKind.NOT_DATA)
        return
    yield from _name_problems(job, meta.get("name"))
    if job.params.activity == 0:
        return
    activity = meta.get("activity")
    if not isinstance(activity, dict):
        yield Problem("the snapshot has no activity", FailureKind.COUNT_MISMATCH, fatal=False)
        return
    differences = [
        difference
        for key, parameter in ARRAYS.items()
        if (difference := _difference(key, activity.get(key), job.params.length(parameter)))
    ]
    if differences:
        yield Problem("; ".join(differences), FailureKind.COUNT_MISMATCH, fatal=False)


def xml_problems(job: MetaJob, document: bytes) -> Iterator[Problem]:
    """Problems of an XML snapshot. Its elements are undocumented, so only the name is checked."""
    from defusedxml import DefusedXmlException  # noqa: PLC0415 - only when there is XML
    from defusedxml.ElementTree import ParseError, fromstring  # noqa: PLC0415 - as above

    try:
        name = fromstring(document).findtext("name")
    except (ParseError, DefusedXmlException, ValueError) as error:
        yield Problem(f"not well-formed or not safe XML: {error}", FailureKind.NOT_DATA)
        return
    yield from _name_problems(job, name)


def _name_problems(job: MetaJob, name: Any) -> Iterator[Problem]:
    if isinstance(name, str) and name.casefold() != job.stream.casefold():
        yield Problem(f"the snapshot belongs to stream {name!r}", FailureKind.NOT_DATA)


def _difference(key: str, arrays: Any, asked: int) -> str:
    """How the arrays differ from the items requested; empty if they do not."""
    found = arrays if isinstance(arrays, dict) else {}
    lengths = {kind: len(found[kind]) for kind in KINDS if isinstance(found.get(kind), list)}
    missing = [kind for kind in KINDS if kind not in lengths]
    if missing:
        return f"{key} has no {', '.join(missing)}"
    given = set(lengths.values())
    if given == {asked}:
        return ""
    if len(given) == 1:
        return f"{key} has {given.pop()} of the {asked} {_UNITS[key]} requested"
    text = ", ".join(f"{kind} {length}" for kind, length in lengths.items())
    return f"{key} has arrays of different lengths: {text}; requested {asked} {_UNITS[key]}"
