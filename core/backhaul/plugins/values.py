"""Whether what a hook gave back keeps its contract: each function returns what is wrong, or None."""

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from backhaul.errors import FailureKind
from backhaul.secret import Secret
from backhaul.types import (
    CONTENTS,
    MISSING,
    Chunk,
    JobState,
    JobStatus,
    Problem,
    RemoteFile,
    RemoteJob,
    Request,
    Slots,
    SlotState,
    Totals,
)
from backhaul.verify.digest import HEX_DIGITS, missing_package

_CHECKSUM = re.compile(
    "|".join(f"{kind}:[0-9a-f]{{{digits}}}" for kind, digits in HEX_DIGITS.items()), re.IGNORECASE
)
_LARGEST = (1 << 63) - 1  # what the ledger can hold
_TRUTHS = (True, False)
_REFUSALS = range(400, 500)
_HTTP = ("http://", "https://")

Check = Callable[[Any], str | None]


def in_file(file: object) -> str | None:
    """Of a RemoteFile. Called for each of a million files: the plain case comes first."""
    if (
        type(file) is RemoteFile
        and type(file.name) is str
        and file.name
        and type(file.url) is str
        and (file.size is None or (type(file.size) is int and 0 <= file.size <= _LARGEST))
        and (file.records is None or (type(file.records) is int and 0 <= file.records <= _LARGEST))
        and file.checksum is None is file.version is file.checksum_url
        and file.content in CONTENTS
        and file.aliases == ()
        and file.split is None
        and file.recheck in _TRUTHS
        and type(file.footer_lines) is int
        and type(file.meta) is dict
        and (file.start is None is file.end or _are_moments(file.start, file.end))
    ):
        return None
    return next(_of_file(file), None)


def in_job(job: object) -> str | None:
    """Of a RemoteJob."""
    return next(_of_job(job), None)


def in_status(status: object) -> str | None:
    """Of a JobStatus."""
    return next(_of_status(status), None)


def in_request(request: object) -> str | None:
    """Of a Request."""
    return next(_of_request(request), None)


def in_chunk(chunk: object) -> str | None:
    """Of a Chunk."""
    return next(_of_chunk(chunk), None)


def in_problem(problem: object) -> str | None:
    """Of what check_file gives: a Problem or a text."""
    return next(_of_problem(problem), None)


def _are_moments(start: object, end: object) -> bool:
    return (
        type(start) is datetime
        and type(end) is datetime
        and start.tzinfo is UTC
        and end.tzinfo is UTC
        and start <= end
    )


def _of_file(file: object) -> Iterator[str]:
    if not isinstance(file, RemoteFile):
        yield f"gave {_type(file)} instead of a RemoteFile"
        return
    if type(file.name) is not str or not file.name:
        yield f"gave a RemoteFile whose name is {file.name!r} instead of a text"
    name = repr(file.name)
    if file.url is not None and type(file.url) is not str:
        yield f"{name}: url is {_type(file.url)} instead of a text"
    if file.size is not None and _bad_count(file.size):
        yield f"{name}: size is {file.size!r}, which is not a number of bytes"
    if file.records is not None and _bad_count(file.records):
        yield f"{name}: records is {file.records!r}, which is not a count"
    for wrong in _of_period(file.start, file.end):
        yield f"{name}: {wrong}"
    yield from _of_details(file, name)


def _of_details(file: RemoteFile, name: str) -> Iterator[str]:
    if file.content not in CONTENTS:
        yield f"{name}: content is {file.content!r} instead of one of {', '.join(CONTENTS)}"
    yield from _of_checksum(file.checksum, name)
    if file.checksum_url is not None and not _is_http(file.checksum_url):
        yield f"{name}: checksum_url is not an http or https URL"
    if file.version is not None and type(file.version) is not str:
        yield f"{name}: version is {_type(file.version)} instead of a text"
    if type(file.recheck) is not bool:
        yield f"{name}: recheck is {_type(file.recheck)} instead of True or False"
    if not isinstance(file.meta, Mapping):
        yield f"{name}: meta is {_type(file.meta)} instead of a mapping"
    if type(file.aliases) is not tuple or not all(type(alias) is str for alias in file.aliases):
        yield f"{name}: aliases is not a tuple of texts"
    if _bad_count(file.footer_lines):
        yield f"{name}: footer_lines is {file.footer_lines!r}, which is not a count"
    if file.split is not None and (_bad_count(file.split) or not file.split):
        yield f"{name}: split is {file.split!r}, which is not a number of bytes"


def _is_http(url: object) -> bool:
    return type(url) is str and url.lower().startswith(_HTTP)


def _of_checksum(checksum: object, name: str) -> Iterator[str]:
    if checksum is None:
        return
    if not _CHECKSUM.fullmatch(str(checksum)):
        kinds = ", ".join(f"{kind}:HEX" for kind in HEX_DIGITS)
        yield f"{name}: checksum is {checksum!r} instead of one of {kinds}"
    elif missing := missing_package(str(checksum)):
        yield f"{name}: {missing}"


def _of_job(job: object) -> Iterator[str]:
    if not isinstance(job, RemoteJob):
        yield f"gave {_type(job)} instead of a RemoteJob"
        return
    if type(job.id) is not str or not job.id:
        yield f"gave a RemoteJob whose id is {job.id!r} instead of a text"
    if type(job.title) is not str:
        yield f"job {job.id!r}: title is {_type(job.title)} instead of a text"
    if not isinstance(job.state, JobState):
        yield f"job {job.id!r}: state is {job.state!r} instead of a JobState"
    for wrong in _of_period(job.start, job.end):
        yield f"job {job.id!r}: {wrong}"


def _of_status(status: object) -> Iterator[str]:
    if not isinstance(status, JobStatus):
        yield f"gave {_type(status)} instead of a JobStatus"
        return
    if not isinstance(status.state, JobState):
        yield f"state is {status.state!r} instead of a JobState"
    if status.percent is not None and _bad_number(status.percent):
        yield f"percent is {status.percent!r} instead of a number"
    if status.retry_after is not None and _bad_number(status.retry_after):
        yield f"retry_after is {status.retry_after!r} instead of a number of seconds"
    if _bad_count(status.missing_run):
        yield f"missing_run is {status.missing_run!r}, which is not a count"
    for name in ("message", "doubt"):
        if type(getattr(status, name)) is not str:
            yield f"{name} is {_type(getattr(status, name))} instead of a text"
    if status.expires is not None:
        yield from _of_time("expires", status.expires)
    yield from _of_parts(status)


def _of_parts(status: JobStatus) -> Iterator[str]:
    if not isinstance(status.totals, Totals | None):
        yield f"totals is {_type(status.totals)} instead of a Totals"
    for name in ("slots", "warnings"):
        if type(getattr(status, name)) is not tuple:
            yield f"{name} is not a tuple"
    for slots in status.slots:
        yield from _of_slots(slots)
    identity: Any = status.identity
    if not isinstance(identity, Mapping) or not all(
        type(word) is str for pair in identity.items() for word in pair
    ):
        yield "identity is not a mapping of texts to texts"


def _of_slots(slots: object) -> Iterator[str]:
    if not isinstance(slots, Slots):
        yield f"slots holds {_type(slots)} instead of Slots"
        return
    for name in ("start", "end"):
        if getattr(slots, name) is None:
            yield f"slots without {name}"
    yield from _of_period(slots.start, slots.end)
    if slots.state is not None and not isinstance(slots.state, SlotState):
        yield f"a slot's state is {slots.state!r} instead of a SlotState"
    if slots.every is not None and slots.every.total_seconds() <= 0:
        yield "a slot's length is not positive"


def _of_request(request: object) -> Iterator[str]:
    if not isinstance(request, Request):
        yield f"gave {_type(request)} instead of a Request"
        return
    if type(request.url) is not str or not request.url.lower().startswith(_HTTP):
        yield "gave a Request whose url is not http or https"
    if not isinstance(request.headers, Mapping):
        yield "gave a Request whose headers are not a mapping"
    for name, value in request.headers.items():
        text = value.reveal() if isinstance(value, Secret) else value
        if type(name) is not str or type(text) is not str:
            yield f"gave a Request whose header {name!r} is not a text"
        elif not {"\r", "\n", "\0"}.isdisjoint(name + text):
            yield f"gave a Request whose header {name!r} holds a line break"
    if request.auth is not None and not _is_auth(request.auth):
        yield "gave a Request whose auth is not (user, Secret)"
    if request.expires is not None:
        yield from _of_time("expires", request.expires)
    if request.missing is not MISSING and not _are_statuses(request.missing):
        yield "gave a Request whose missing is not a set of statuses between 400 and 499"


def _of_chunk(chunk: object) -> Iterator[str]:
    if not isinstance(chunk, Chunk):
        yield f"gave {_type(chunk)} instead of a Chunk"
        return
    if not isinstance(chunk.data, bytes):
        yield f"gave a Chunk whose data is {_type(chunk.data)} instead of bytes"
    if chunk.cursor is not None and type(chunk.cursor) is not str:
        yield f"gave a Chunk whose cursor is {_type(chunk.cursor)} instead of a text"
    if type(chunk.damaged) is not bool:
        yield f"gave a Chunk whose damaged is {_type(chunk.damaged)} instead of True or False"


def _of_problem(problem: object) -> Iterator[str]:
    if type(problem) is str:
        return
    if not isinstance(problem, Problem):
        yield f"gave {_type(problem)} instead of a Problem or a text"
        return
    if type(problem.message) is not str:
        yield f"gave a Problem whose message is {_type(problem.message)} instead of a text"
    if problem.kind is not None and not isinstance(problem.kind, FailureKind):
        yield f"gave a Problem whose kind is {problem.kind!r} instead of a FailureKind"


def _of_period(start: object, end: object) -> Iterator[str]:
    moments = [("start", start), ("end", end)]
    wrong = [w for name, moment in moments if moment is not None for w in _of_time(name, moment)]
    yield from wrong
    if not wrong and isinstance(start, datetime) and isinstance(end, datetime) and end < start:
        yield "end is before start"


def _of_time(name: str, moment: object) -> Iterator[str]:
    if not isinstance(moment, datetime):
        yield f"{name} is {_type(moment)} instead of a datetime"
    elif moment.utcoffset() is None:
        yield f"{name} is {moment.isoformat()} without a time zone: say tzinfo=UTC"


def _are_statuses(found: object) -> bool:
    return isinstance(found, Collection) and all(
        type(each) is int and each in _REFUSALS for each in found
    )


def _is_auth(auth: object) -> bool:
    match auth:
        case (str(), Secret()):
            return isinstance(auth, tuple)
        case _:
            return False


def _bad_count(value: Any) -> bool:
    return type(value) is not int or not 0 <= value <= _LARGEST


def _bad_number(value: Any) -> bool:
    return isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value)


def _type(value: object) -> str:
    return f"a {type(value).__name__}" if value is not None else "None"
