"""``backhaul rollup``: many small files into few larger ones; offline."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from backhaul.archive.jobs import KnownJob, known_jobs
from backhaul.cli import output
from backhaul.cli.common import Configs, JobNames, Json, command
from backhaul.cli.complaints import complain
from backhaul.cli.configs import load_configs
from backhaul.config import Config
from backhaul.errors import BackhaulError, ExitCode, worst
from backhaul.oserrors import describe
from backhaul.plugins.discovery import Plugins
from backhaul.rollup.formats import Format, require
from backhaul.rollup.gaps import Gap
from backhaul.rollup.job import roll_up_job, rollup_folder
from backhaul.rollup.period import Period
from backhaul.rollup.request import Archive, Wish
from backhaul.rollup.result import JobRollup, Outcome, OutputResult
from backhaul.types import Column
from backhaul.verify.verifier import Limits
from backhaul.wording import count, day_or_time

_SHOWN = 8  # gaps and notes of one output; --json has all


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
    typer.Option("--allow-gaps", help="Roll up what there is; the manifest names what is missing."),
]


@command
def rollup(
    configs: Configs,
    *,
    to: ToPeriod,
    job: JobNames = None,
    form: AsFormat = Format.JSONL_GZ,
    into: Into = None,
    allow_gaps: AllowGaps = False,
    json: Json = False,
) -> int:
    """Join a job's records by hour, day or month into larger files.

    Footers and blank lines stay behind. Every file is verified again while it is read. A period with a slot that is neither verified
    nor silent is refused. What is up to date is left as it is.

    Examples:
      backhaul rollup hpt.yaml --to day
      backhaul rollup hpt.yaml --to month --format parquet -o rolled
    """
    wish = Wish(to=to, form=form, allow_gaps=allow_gaps)
    require(wish.form)
    loaded, plugins = load_configs(configs, offline=True)
    results = []
    for result in _all(loaded, plugins, wish, only=job or (), into=into, quiet=json):
        results.append(result)
        if not json:
            _end(result)
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
        out = rollup_folder(known.dest if into is None else into, known.name)
        if not quiet:
            output.line(f"{output.colour(known.name, 'bold')}: {out}")
        try:
            yield _one(plugins, known, wish, out=out, quiet=quiet)
        except (BackhaulError, OSError) as error:
            code, message = _of(error)
            complain(f"{known.name}: {message}")
            yield JobRollup(job=known.name, folder=str(out), message=message, failure=code)


def _of(error: BackhaulError | OSError) -> tuple[ExitCode, str]:
    """What a job's roll-up ends with, and why."""
    if isinstance(error, BackhaulError):
        return error.exit_code, error.message
    place = f"{error.filename}: " if error.filename else ""
    return ExitCode.DISK, f"{place}{describe(error)}"


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
    archive = _archive(known, out, provider.info.columns, provider.info.series)
    for each in roll_up_job(
        archive,
        wish,
        dest=known.dest,
        provider=provider,
        source=spec.source.options,
        job=spec.options,
    ):
        if isinstance(each, JobRollup):
            result = each
        elif not quiet:
            _show(each)
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
        limits=Limits.of(known.config.settings),
    )


def _show(each: OutputResult) -> None:
    told = {
        Outcome.WRITTEN: ("written", "good"),
        Outcome.UP_TO_DATE: ("up to date", "dim"),
        Outcome.REFUSED: ("refused", "bad"),
        Outcome.DAMAGED: ("damaged", "bad"),
        Outcome.FAILED: ("failed", "bad"),
        Outcome.EMPTY: ("nothing here", "warn"),
    }
    word, colour = told[each.outcome]
    what = ""
    if each.records is not None:
        what = f"  {count(each.records, 'record')} of {count(each.files, 'file')}"
    gaps = f", {count(len(each.gaps), 'gap')}" if each.gaps else ""
    message = f"  {output.words(each.message)}" if each.message else ""
    output.line(f"  {each.file}  {output.colour(word, colour)}{what}{gaps}{message}")
    for gap in each.gaps[:_SHOWN]:
        output.line(f"    {_gap(gap)}")
    for note in each.notes[:_SHOWN]:
        output.line(f"    {output.words(note)}")
    left = max(0, len(each.gaps) - _SHOWN) + max(0, len(each.notes) - _SHOWN)
    if left:
        output.line(f"    and {left:,} more; --json and the manifest have all")


def _gap(gap: Gap) -> str:
    shown = gap.as_json()
    file = f"  {gap.file}" if gap.file else ""
    reason = f"  {output.words(gap.reason)}" if gap.reason else ""
    period = f"{day_or_time(shown['start'])} to {day_or_time(shown['end'])}"
    return f"{period}  {gap.state}{file}{reason}"


def _end(result: JobRollup) -> None:
    if result.message and result.failure in {ExitCode.OK, ExitCode.INCOMPLETE}:
        output.line(f"  {result.message}")
    if result.left_out:
        what = (
            "it holds no records or covers no period"
            if result.left_out == 1
            else "they hold no records or cover no period"
        )
        output.line(f"  {count(result.left_out, 'file')} left out: {what}")
    refused = sum(1 for each in result.outputs if each.outcome == "refused")
    if refused:
        output.line(
            f"  {count(refused, 'output')} refused: run the job again, or give --allow-gaps"
        )
