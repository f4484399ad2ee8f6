"""``backhaul rollup``: many small files into few larger ones; offline."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from backhaul import BackhaulError, ExitCode, Selection
from backhaul.commands import (
    Config,
    Configs,
    ContentLimits,
    JobNames,
    Json,
    KnownJob,
    Plugins,
    command,
    complain,
    known_jobs,
    load_configs,
    output,
    selecting,
    worst,
)
from backhaul_rollup import show
from backhaul_rollup.formats import Format, require
from backhaul_rollup.job import roll_up_job, rollup_folder
from backhaul_rollup.period import Period
from backhaul_rollup.provided import Column, provided_by
from backhaul_rollup.request import Archive, Wish
from backhaul_rollup.result import JobRollup, failed

ToPeriod = Annotated[Period, typer.Option("--to", help="The period of one output, in UTC.")]
AsFormat = Annotated[Format, typer.Option("--format", help="How outputs are stored.")]
Into = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="DIR", help="Where JOB.rollup goes; without it: beside the job."
    ),
]
AllowGaps = Annotated[
    bool,
    typer.Option(
        "--allow-gaps", help="Roll up incomplete periods too; the manifest names the gaps."
    ),
]


@command
@selecting
def rollup(
    configs: Configs,
    *,
    to: ToPeriod,
    job: JobNames = None,
    form: AsFormat = Format.JSONL_GZ,
    into: Into = None,
    allow_gaps: AllowGaps = False,
    selection: Selection,
    json: Json = False,
) -> int:
    """Join a job's records by hour, day or month into larger files.

    Footers and blank lines are left out, and every file is verified again as it is read. A period that
    lacks something is refused; one that is not over yet is left for later. Outputs that are up to date
    are not written again.

    Examples:
      backhaul rollup hpt.yaml --to day
      backhaul rollup hpt.yaml --to month --format parquet -o rolled
    """
    wish = Wish(to=to, form=form, allow_gaps=allow_gaps, selection=selection)
    require(wish.form)
    loaded, plugins = load_configs(configs, offline=True)
    results = []
    for result in _all(loaded, plugins, wish, only=job or (), into=into, quiet=json):
        results.append(result)
        if not json:
            show.end(result)
    code = worst([result.exit_code for result in results])
    if json:
        output.as_json({"exit_code": int(code), "jobs": [result.as_json() for result in results]})
    return code


def _all(
    configs: Sequence[Config],
    plugins: Plugins,
    wish: Wish,
    *,
    only: Sequence[str],
    into: Path | None,
    quiet: bool,
) -> Iterator[JobRollup]:
    for known in known_jobs(configs, only):
        out = rollup_folder(known.dest.disk if into is None else into, known.name)
        if not quiet:
            output.line(f"{output.colour(known.name, 'bold')}: {out}")
        try:
            yield _one(plugins, known, wish, out=out, quiet=quiet)
        except (BackhaulError, OSError) as error:
            code = error.exit_code if isinstance(error, BackhaulError) else ExitCode.DISK
            _, message = failed(error)
            complain(f"{known.name}: {message}")
            yield JobRollup(job=known.name, folder=str(out), message=message, failure=code)


def _one(
    plugins: Plugins,
    known: KnownJob,
    wish: Wish,
    *,
    out: Path,
    quiet: bool,
) -> JobRollup:
    spec = known.spec
    if spec.plugin_error is not None:
        raise spec.plugin_error
    provider = plugins.load(spec.source.provider)
    result = JobRollup(job=known.name, folder=str(out))
    if known.row is None:
        result.message = "never asked for; run it first"
        return result
    provided = provided_by(known.provider)
    archive = _archive(known, out, provided.columns, provider.info.series)
    for each in roll_up_job(archive, wish, dest=known.dest, provided=provided):
        if isinstance(each, JobRollup):
            result = each
        elif not quiet:
            show.output_line(each)
    return result


def _archive(known: KnownJob, out: Path, columns: tuple[Column, ...], series: str) -> Archive:
    assert known.row is not None  # noqa: S101 - the caller has looked
    return Archive(
        ledger=known.ledger,
        row=known.row,
        folder=known.folder,
        out=out,
        columns=columns,
        series=series,
        limits=ContentLimits.of(known.config.settings),
    )
