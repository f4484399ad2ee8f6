"""The text output of ``backhaul rollup``."""

from backhaul import ExitCode
from backhaul.commands import output, wording
from backhaul_rollup.gaps import Gap
from backhaul_rollup.result import JobRollup, Outcome, OutputResult

_SHOWN = 8  # gaps and notes of one output; --json has all


def output_line(each: OutputResult) -> None:
    """Shows one output, with its first gaps and notes."""
    words = {
        Outcome.WRITTEN: ("written", "good"),
        Outcome.UP_TO_DATE: ("up to date", "dim"),
        Outcome.REFUSED: ("refused", "bad"),
        Outcome.NOT_DUE: ("not due yet", "dim"),
        Outcome.DAMAGED: ("damaged", "bad"),
        Outcome.LINE_TOO_LONG: ("line too long", "bad"),
        Outcome.UNREADABLE: ("unreadable", "bad"),
        Outcome.FAILED: ("failed", "bad"),
        Outcome.EMPTY: ("nothing here", "warn"),
    }
    word, colour = words[each.outcome]
    what = ""
    if each.records is not None:
        what = f"  {wording.count(each.records, 'record')} of {wording.count(each.files, 'file')}"
    gaps = f", {wording.count(len(each.gaps), 'gap')}" if each.gaps else ""
    message = f"  {output.words(each.message)}" if each.message else ""
    output.line(f"  {each.file}  {output.colour(word, colour)}{what}{gaps}{message}")
    for gap in each.gaps[:_SHOWN]:
        output.line(f"    {_gap(gap)}")
    for note in each.notes[:_SHOWN]:
        output.line(f"    {output.words(note)}")
    left = max(0, len(each.gaps) - _SHOWN) + max(0, len(each.notes) - _SHOWN)
    if left:
        output.line(f"    and {left:,} more; see --json or the manifest")


def _gap(gap: Gap) -> str:
    shown = gap.as_json()
    file = f"  {gap.file}" if gap.file else ""
    reason = f"  {output.words(gap.reason)}" if gap.reason else ""
    period = f"{wording.day_or_time(shown['start'])} to {wording.day_or_time(shown['end'])}"
    return f"{period}  {gap.state}{file}{reason}"


def end(result: JobRollup) -> None:
    """Shows a job's summary after its outputs."""
    if result.message and result.failure in {ExitCode.OK, ExitCode.INCOMPLETE}:
        output.line(f"  {result.message}")
    elif result.left_out:
        what = (
            "it has no records or no period"
            if result.left_out == 1
            else "they have no records or no period"
        )
        output.line(f"  {wording.count(result.left_out, 'file')} left out: {what}")
    later = sum(1 for each in result.outputs if each.outcome is Outcome.NOT_DUE)
    if later:
        output.line(
            f"  {wording.count(later, 'output')} left for later: the period is not fully due yet"
        )
    refused = sum(1 for each in result.outputs if each.outcome is Outcome.REFUSED)
    if refused:
        output.line(
            f"  {wording.count(refused, 'output')} refused: run the job again, or use --allow-gaps"
        )
