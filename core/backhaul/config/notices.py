"""The settings that notify others of a run: commands and a webhook."""

import string
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Final, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from backhaul.config.diagnostics import nearest
from backhaul.options import Duration
from backhaul.secret import Secret

A = TypeVar("A")  # an argument of a command

JOB_FIELDS: Final = (
    "job", "source", "provider", "folder", "state", "exit_code", "listed", "verified", "fetched",
    "failed", "missing", "records", "bytes_fetched",
)  # fmt: skip
FILES_FIELDS: Final = ("job", "source", "provider", "folder", "count")

_STRICT: Final = ConfigDict(
    extra="forbid",
    strict=True,
    frozen=True,
    hide_input_in_errors=True,
    defer_build=True,  # they are validated as parts of Settings
)
_TimeLimit = Annotated[
    Duration,
    Field(
        ge=timedelta(seconds=1),
        le=timedelta(days=7),
        description="Time limit, after which the command is terminated.",
    ),
]
_NO_URL: Final = "should be an http or https URL, such as https://hooks.example.com/backhaul"
_Fail = Literal["warn", "fail"]


def _argument(fields: tuple[str, ...]) -> Callable[[str], str]:
    """Checks that an argument has only these fields, each as ``{name}``. Raises ValueError."""
    known = ", ".join(f"{{{name}}}" for name in fields)

    def check(text: str) -> str:
        if "\0" in text:
            raise ValueError("should not contain a NUL character")
        try:
            parts = list(string.Formatter().parse(text))
        except ValueError:
            raise ValueError("has a single brace; write {{ or }} for a brace itself") from None
        for _, name, spec, conversion in parts:
            if name is None or (name in fields and not spec and not conversion):
                continue
            near = nearest(name, fields)
            hint = f"did you mean {{{near}}}?" if near else f"known fields: {known}"
            shown = name if len(name) <= 40 else f"{name[:40]}..."  # noqa: PLR2004 - for a message
            raise ValueError(
                f'has the unknown field "{{{shown}}}"; {hint} (write {{{{ for a brace itself)'
            )
        return text

    return check


def _program(words: list[str]) -> list[str]:
    """Checks that the program is the same for every job. Raises ValueError."""
    if not words[0]:
        raise ValueError("should begin with the name of a program")
    if any(name is not None for _, name, _, _ in string.Formatter().parse(words[0])):
        raise ValueError("should begin with a program without fields; fields are for its arguments")
    return words


_Command = Annotated[list[A], Field(min_length=1), AfterValidator(_program)]


def _about_command(fields: tuple[str, ...], given: str) -> str:
    known = ", ".join(f"`{{{name}}}`" for name in fields)
    return (
        "The program and its arguments. It runs without a shell, in the folder of this file, with"
        f" {given}. Arguments may contain the fields {known}; `{{{{` and `}}}}` stand for braces."
    )


class OnJob(BaseModel):
    """A command that runs when a job ends."""

    model_config = _STRICT

    command: _Command[Annotated[str, AfterValidator(_argument(JOB_FIELDS))]] = Field(
        description=_about_command(JOB_FIELDS, "the job's result as JSON on stdin"),
        examples=[["notify", "{job}", "{state}", "{exit_code}"]],
    )
    timeout: _TimeLimit = timedelta(minutes=10)
    on_error: _Fail = Field(
        default="warn",
        description="Effect on the job if the command fails, cannot be run or exceeds the timeout: a warning"
        " in its result (`warn`), or a failure (`fail`, exit code 3).",
    )


class OnFiles(BaseModel):
    """A command that runs for finished files, a batch at a time."""

    model_config = _STRICT

    command: _Command[Annotated[str, AfterValidator(_argument(FILES_FIELDS))]] = Field(
        description=_about_command(
            FILES_FIELDS, "the files' names on stdin, relative to the job's folder"
        ),
        examples=[["rsync", "-a", "--files-from=-", "{folder}/", "backup:/archive/{job}/"]],
    )
    separator: Literal["newline", "nul"] = Field(
        default="newline", description="The character that ends each name on stdin."
    )
    batch: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="Maximum number of files per batch, all of one job. While the command runs, up to 100,000"
        " further files are collected for the next batches.",
    )
    wait: Annotated[Duration, Field(ge=timedelta(0), le=timedelta(days=1))] = Field(
        default=timedelta(seconds=5),
        description="Maximum time to wait for a full batch. After it, and when the job ends, the command runs for fewer files.",
    )
    timeout: _TimeLimit = timedelta(minutes=10)
    on_error: _Fail = Field(default="warn", description="As for `on_job`.")


def refused(url: str) -> str | None:
    """Why a URL cannot be posted to, without quoting it; None if it can."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return _NO_URL
    if not fits or not url.isascii() or not url.isprintable() or " " in url:
        return _NO_URL
    if "@" in parts.netloc:
        return "should not contain a user or password; put them into headers"
    return None


def _posted_to(url: Secret) -> Secret:
    if url.is_read and "${" not in url.reveal():  # a variable may be unset where nothing is posted
        reason = refused(url.reveal())
        if reason is not None:
            raise ValueError(reason)
    return url


class Webhook(BaseModel):
    """A URL that is notified when a job or the run has ended."""

    model_config = _STRICT

    url: Annotated[Secret, AfterValidator(_posted_to)] = Field(
        description="An http or https URL. It is treated as a secret: messages show only its host.",
        examples=["${WEBHOOK_URL:?from the chat's settings}"],
    )
    headers: dict[str, Secret] = Field(
        default={},
        description="Additional headers; their values are secrets.",
        examples=[{"Authorization": "Bearer ${WEBHOOK_TOKEN}"}],
    )
    per: Literal["job", "run"] = Field(
        default="job",
        description="What to post: `job_ended` for each job that ends, or `run_ended` once.",
    )
    timeout: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(minutes=10))] = Field(
        default=timedelta(seconds=30), description="Maximum time to wait for a response."
    )
    retries: int = Field(
        default=5,
        ge=0,
        le=100,
        description="Maximum number of retries after a transient error, with increasing delays.",
    )
