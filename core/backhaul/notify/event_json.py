"""Events as JSON, one line each; ``event_schema`` describes them."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Final

from backhaul.events import (
    Event,
    FileDone,
    FileFailed,
    JobEnded,
    JobStarted,
    LinksRenewed,
    Progress,
)
from backhaul.redact import redact
from backhaul.run.result import JobResult, RunResult

NAMES: Final[dict[type, str]] = {
    JobStarted: "job_started",
    FileDone: "file_done",
    FileFailed: "file_failed",
    LinksRenewed: "links_renewed",
    Progress: "progress",
    JobEnded: "job_ended",
}
_KEYS: Final = {kind: tuple(field.name for field in fields(kind)) for kind in NAMES}


def event_json(event: Event, at: float) -> dict[str, Any]:
    """An event as a JSON object.

    Args:
        event: the event.
        at: when it happened, in seconds since the epoch.
    """
    kind = type(event)
    found: dict[str, Any] = {"event": NAMES[kind], "time": moment(at)}
    for key in _KEYS[kind]:
        found[key] = getattr(event, key)
    if isinstance(event, FileFailed):
        found["message"] = redact(event.message)
    elif isinstance(event, Progress):
        found["rate"] = round(event.rate, 1)
        if event.seconds_left is not None:
            found["seconds_left"] = round(event.seconds_left, 1)
    elif isinstance(event, JobEnded):
        found["result"] = result_json(event.result)
    return found


def run_ended_json(result: RunResult, at: float) -> dict[str, Any]:
    """The end of a run as a JSON object."""
    return {
        "event": "run_ended",
        "time": moment(at),
        "exit_code": int(result.exit_code),
        "interrupted": result.interrupted,
        "seconds": round(result.seconds, 3),
        "jobs": [
            {
                "job": job.job,
                "folder": job.folder,
                "state": job.state.value,
                "exit_code": int(job.exit_code),
            }
            for job in result.jobs
        ],
    }


def dropped_json(count: int, at: float) -> dict[str, Any]:
    """A note that events are missing from a stream at this point."""
    return {"event": "events_dropped", "time": moment(at), "count": count}


def result_json(result: JobResult) -> dict[str, Any]:
    """A job's result as in ``run --json``, with its own exit code and foreign text redacted."""
    found = result.as_json()
    for failure in found["failures"]:
        failure["message"] = redact(failure["message"])
    found["warnings"] = [redact(text) for text in found["warnings"]]
    found["message"] = redact(found["message"])
    return {**found, "exit_code": int(result.exit_code)}


def as_line(found: dict[str, Any]) -> bytes:
    """A JSON object on a line; a lone surrogate becomes the escape that stands for it in JSON."""
    return json.dumps(found, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def moment(at: float) -> str:
    """A time, ISO 8601 in UTC with milliseconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
