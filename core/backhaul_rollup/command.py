"""``backhaul rollup``: joins many small files into few larger ones; offline."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from backhaul import BackhaulError, ExitCode, Selection
from backhaul.commands import (
    Beside,
    Config,
    Configs,
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
from backhaul_rollup.provided import provided_by
from backhaul_rollup.request import Archive, RollupRequest
from backhaul_rollup.result import JobRollup, failed

ToPeriod = Annotated[Period, typer.Option("--to", help="Period of each output file, in UTC.")]
AsFormat = Annotated[Format, typer.Option("--format", help="Format of the output files.")]
Into = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="DIR", help="Folder for JOB.rollup; default: next to the job."
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

    Footers and blank lines are left out, and every file is verified again as it is read. Incomplete
    periods are refused, and a period that has not ended is left for a later run. Outputs that are up
    to date are not rewritten.

    Examples:
      backhaul rollup hpt.yaml --to day
      backhaul rollup hpt.yaml --to month --format parquet -o rolled
    """
    request = RollupRequest(to=to, form=form, allow_gaps=allow_gaps, selection=selection)
    require(request.form)
    loaded, plugins = load_configs(configs, offline=True)
    results = []
    for result in _all(loaded, plugins, request, only=job or (), into=into, quiet=json):
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
    request: RollupRequest,
    *,
    only: Sequence[str],
    into: Path | None,
    quiet: bool,
) -> Iterator[JobRollup]:
    for known in known_jobs(configs, only):
        out = rollup_folder(known.dest.disk if into is None else into, known.name)
        try:
            with ExitStack() as held:
                store = None
                if into is None and known.dest.folder is None:
                    store = held.enter_context(Beside(known.dest, out.name))
                if not quiet:
                    where = out if store is None else store.url
                    output.line(f"{output.colour(known.name, 'bold')}: {where}")
                yield _one(plugins, known, request, out=out, store=store, quiet=quiet)
        except (BackhaulError, OSError) as error:
            code = error.exit_code if isinstance(error, BackhaulError) else ExitCode.DISK
            _, message = failed(error)
            complain(f"{known.name}: {message}")
            yield JobRollup(job=known.name, folder=str(out), message=message, failure=code)


def _one(
    plugins: Plugins,
    known: KnownJob,
    request: RollupRequest,
    *,
    out: Path,
    store: Beside | None,
    quiet: bool,
) -> JobRollup:
    spec = known.spec
    if spec.plugin_error is not None:
        raise spec.plugin_error
    provider = plugins.load(spec.source.provider)
    result = JobRollup(job=known.name, folder=str(out) if store is None else store.url)
    if known.row is None:
        result.message = "not requested yet; run it first"
        return result
    provided = provided_by(known.provider)
    archive = Archive(
        job=known,
        row=known.row,
        out=out,
        store=store,
        columns=provided.columns,
        series=provider.info.series,
    )
    for each in roll_up_job(archive, request, provided=provided):
        if isinstance(each, JobRollup):
            result = each
        elif not quiet:
            show.output_line(each)
    return result
