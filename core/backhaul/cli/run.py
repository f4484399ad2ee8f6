"""``backhaul run``: fetches and verifies files."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

import backhaul
from backhaul.cli import completing, library, output
from backhaul.cli.common import Configs, JobNames, Json, LimitRate, command
from backhaul.cli.complaints import Verbosity, complain, no_jobs, note_down
from backhaul.cli.events import option, written
from backhaul.cli.interrupts import interruptible
from backhaul.cli.plan import show_plan
from backhaul.cli.progress import watching
from backhaul.cli.selecting import selecting
from backhaul.cli.summary import summary
from backhaul.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from backhaul import JobResult, RunResult
    from backhaul.selection import Selection

_SHOWN: Final = 10  # maximum number of failed files listed per job

DryRun = Annotated[
    bool, typer.Option("--dry-run", "-n", help="Fetch nothing; same as `backhaul plan`.")
]
OnlyFailed = Annotated[
    bool,
    typer.Option("--only-failed", help="Only files that failed or went missing in an earlier run."),
]
Refresh = Annotated[
    bool,
    typer.Option(
        "--refresh",
        help="Check every file with the provider again and download those that have changed. Queues deliver data only once and are skipped.",
    ),
]
Connections = Annotated[
    int | None, typer.Option(metavar="N", help="Maximum number of connections.")
]
Workers = Annotated[
    str | None,
    typer.Option(metavar="N", help="Number of processes that fetch and verify, or auto."),
]
Cluster = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Dask scheduler whose workers fetch and verify."),
]
Wait = Annotated[
    str | None,
    typer.Option(
        metavar="TIME", help="Maximum time to wait for jobs that are not ready, e.g. 12h."
    ),
]
MaxDuration = Annotated[
    str | None, typer.Option(metavar="TIME", help="Stop cleanly after this time, e.g. 6h.")
]
Events = Annotated[str | None, option("the summary")]
SameArchive = Annotated[
    list[str] | None,
    typer.Option(
        "--same-archive",
        metavar="NAME",
        autocompletion=completing.jobs,
        help="Keep the files stored under this job's name even though its account or id has changed in"
        " the YAML; may be repeated.",
    ),
]


@command
@selecting
def run(
    configs: Configs,
    *,
    job: JobNames = None,
    dry_run: DryRun = False,
    only_failed: OnlyFailed = False,
    refresh: Refresh = False,
    connections: Connections = None,
    limit_rate: LimitRate = None,
    workers: Workers = None,
    cluster: Cluster = None,
    wait: Wait = None,
    max_duration: MaxDuration = None,
    same_archive: SameArchive = None,
    selection: "Selection",
    events: Events = None,
    json: Json = False,
) -> int:
    """Fetch missing files and verify them.

    Examples:
      backhaul run hpt.yaml
      backhaul run *.yaml --since -7d --limit-rate 20M --wait 12h
      backhaul run hpt.yaml --events events.jsonl
      backhaul run hpt.yaml --events - | jq -r .event
    """
    if only_failed and refresh:
        raise ConfigError("--refresh and --only-failed cannot be combined")
    if events == "-" and json:
        raise ConfigError("--events - and --json both need stdout: write the events to a file")
    if events is not None and dry_run:
        raise ConfigError("--dry-run has no events: leave out --events")
    archive = backhaul.load(*configs)
    no_jobs(archive.configs)
    if dry_run:
        archive.settings.override(
            connections=connections,
            workers=_count(workers),
            cluster=cluster,
            wait=wait,
            max_duration=max_duration,
        )
        found = archive.plan(
            job or (),
            limit_rate=limit_rate,
            refresh=refresh,
            same_archive=same_archive or (),
            selection=selection,
        )
        return show_plan(found, json=json)
    with (
        written(events) as log,
        watching(quiet=Verbosity.level < 0) as listener,
        interruptible(archive.stop),
    ):
        result = archive.run(
            job or (),
            on_event=library.both(listener, log),
            only_failed=only_failed,
            refresh=refresh,
            same_archive=same_archive or (),
            selection=selection,
            connections=connections,
            limit_rate=limit_rate,
            workers=_count(workers),
            cluster=cluster,
            wait=wait,
            max_duration=max_duration,
        )
        if log is not None:
            log.ended(result)
    print_result(result, " ".join(map(str, configs)), json=json, alone=events != "-")
    return result.exit_code


def _count(workers: str | None) -> str | int | None:
    """The option's value, a number if YAML would read it as one."""
    return int(workers) if workers is not None and workers.isdecimal() else workers


def print_result(result: "RunResult", files: str, *, json: bool, alone: bool = True) -> None:
    """Print the summary; with --json or a redirected stdout, list failures on stderr as well.

    Args:
        result: of the run.
        files: the YAML files as they were given.
        json: print JSON instead.
        alone: whether stdout is for the summary; otherwise only the failures are listed.
    """
    unseen = json or not alone or output.is_put_away(output.Stdout.stream())
    say = complain if unseen else note_down
    for job in result.jobs:
        for note in job.failures:
            if note.file is None:
                say(f"{job.job}: {note.message}")
        if unseen:
            _name_failed_files(job)
        if job.exit_code is ExitCode.NOT_READY:
            say(f"{job.job}: not ready: {job.message}")
    if not alone:
        return
    try:
        if json:
            output.as_json(result.as_json())
        else:
            for line in summary(result, files):
                output.line(line)
        output.flush()
    except BrokenPipeError:  # the run's exit code still applies
        output.reader_is_gone()


def _name_failed_files(job: "JobResult") -> None:
    """List the first failed files on stderr; with -v, each was already reported when it failed."""
    if Verbosity.level > 0:
        return
    failed = [note for note in job.failures if note.file is not None]
    for note in failed[:_SHOWN]:
        complain(
            f"{job.job}: {note.file}: {note.message} ({note.kind.value})", logged=Verbosity.json
        )
    if len(failed) > _SHOWN:
        complain(f"{job.job}: and {len(failed) - _SHOWN:,} more files", logged=Verbosity.json)
