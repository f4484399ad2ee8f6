"""The JSON Schema of the lines that ``--events`` writes."""

from typing import Any, Final

from backhaul.errors import FailureKind
from backhaul.run.result import FileCounts, JobOutcome

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_NUMBER: Final[Schema] = {"type": "number", "minimum": 0}
_YES_NO: Final[Schema] = {"type": "boolean"}
_EXIT: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": 255}
_KIND: Final[Schema] = {"enum": [kind.value for kind in FailureKind]}
_STATE: Final[Schema] = {"enum": [state.value for state in JobOutcome]}

_JOB: Final = {
    "job": (_TEXT, "The job's name."),
    "folder": (_TEXT, "Location of the job's files."),
}
_FILE: Final = {**_JOB, "file": (_TEXT, "The file's name, relative to the folder.")}
# An event's keys besides event and time, each with its schema and meaning.
_EVENTS: Final[dict[str, tuple[str, dict[str, tuple[Schema, str]]]]] = {
    "job_started": (
        "The job starts.",
        {
            **_JOB,
            "source": (_TEXT, "The name of its source."),
            "provider": (_TEXT, "The name of its provider."),
        },
    ),
    "file_done": (
        "A file has been verified, has its final name, and is in the ledger.",
        {
            **_FILE,
            "size": (_COUNT, "Bytes as stored."),
            "sha256": ({"type": "string", "pattern": "^[0-9a-f]{64}$"}, "SHA-256 of these bytes."),
            "records": (
                {"type": ["integer", "null"], "minimum": 0},
                "Number of records; null if the file does not consist of records.",
            ),
            "suspect": (
                _YES_NO,
                "The provider marks the file as doubtful, or some of its records cannot be parsed.",
            ),
        },
    ),
    "file_failed": (
        "A file could not be fetched or verified; the other files continue.",
        {
            **_FILE,
            "kind": (_KIND, "The kind of failure."),
            "message": (_TEXT, "What happened, on one line."),
            "gap": (_YES_NO, "An optional file does not exist: not a failure of the job."),
        },
    ),
    "links_renewed": (
        "Links were refused, so the provider is asked for a new list.",
        {**_JOB, "round": (_COUNT, "How often this has happened in this run of the job.")},
    ),
    "progress": (
        "The progress of a running job: about once a second, and whenever its phase changes.",
        {
            **_JOB,
            "phase": (_TEXT, "What the job is doing, or how it ended; for people."),
            "done": (_COUNT, "Finished files."),
            "failed": (_COUNT, "Number of these that failed, not counting gaps."),
            "total": (
                {"type": ["integer", "null"], "minimum": 0},
                "Files of the job; null while unknown.",
            ),
            "bytes": (_COUNT, "Bytes fetched so far, including partial files."),
            "rate": (_NUMBER, "Average bytes per second since the job started."),
            "seconds_left": (
                {"type": ["number", "null"], "minimum": 0},
                "Estimated seconds left; null while unknown.",
            ),
            "waiting": (_TEXT, "Why the job is paused while the disk is full; otherwise empty."),
            "ended": (_YES_NO, "Whether the job has ended."),
        },
    ),
    "job_ended": (
        "The job has ended; every job has this event, even if it never started.",
        {**_JOB, "result": ({"$ref": "#/$defs/result"}, "As in `run --json`, with `exit_code`.")},
    ),
    "run_ended": (
        "The run has ended; the last line.",
        {
            "exit_code": (_EXIT, "The exit code of the run."),
            "interrupted": (_YES_NO, "The run was stopped, for example by Ctrl-C."),
            "seconds": (_NUMBER, "Duration in seconds."),
            "jobs": (
                {"type": "array", "items": {"$ref": "#/$defs/job"}},
                "Each job with `job`, `folder`, `state` and `exit_code`.",
            ),
        },
    ),
    "events_dropped": (
        "Events are missing here, because they were not read fast enough.",
        {"count": ({"type": "integer", "minimum": 1}, "How many.")},
    ),
}


def event_schema() -> Schema:
    """JSON Schema (draft 2020-12) of one line. Readers should ignore keys that they do not know."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "backhaul events",
        "description": "One line of `backhaul run --events`, and of `watch` and `demo`.",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in _EVENTS],
        "$defs": {
            **{name: _event(name, *fields) for name, fields in _EVENTS.items()},
            "job": _object({"job": _TEXT, "folder": _TEXT, "state": _STATE, "exit_code": _EXIT}),
            "result": _result(),
            "time": {
                "type": "string",
                "format": "date-time",
                "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
            },
        },
    }


def _event(name: str, meaning: str, keys: dict[str, tuple[Schema, str]]) -> Schema:
    described = {
        key: {**schema, "description": description} for key, (schema, description) in keys.items()
    }
    common = {"event": {"const": name}, "time": {"$ref": "#/$defs/time"}}
    return {"description": meaning, **_object({**common, **described})}


def _object(properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _result() -> Schema:
    failure = {
        "file": {"type": ["string", "null"]},
        "kind": _KIND,
        "message": _TEXT,
        "rejected": {"type": ["string", "null"]},
    }
    return _object(
        {
            "job": _TEXT,
            "source": _TEXT,
            "provider": _TEXT,
            "state": _STATE,
            "files": _object(dict.fromkeys(FileCounts.__dataclass_fields__, _COUNT)),
            "bytes_fetched": _COUNT,
            "records": _COUNT,
            "failures": {"type": "array", "items": _object(failure)},
            "warnings": {"type": "array", "items": _TEXT},
            "message": _TEXT,
            "folder": _TEXT,
            "exit_code": _EXIT,
        }
    )
