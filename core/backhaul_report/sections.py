"""The parts of the page that work without scripts."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Final
from urllib.parse import unquote

from backhaul import ExitCode, Proof, SlotState
from backhaul.commands import HERE, RejectedBody, redact, wording, worst
from backhaul_report import links
from backhaul_report.columns import ORDER
from backhaul_report.job import Gap, JobReport, Standing
from backhaul_report.problems import Group
from backhaul_report.rejects import Rejects

LETTERS: Final = {
    SlotState.PARTIAL: "½",
    SlotState.SUSPECT: "S",
    SlotState.MISSING: "M",
    SlotState.FAILED: "F",
    SlotState.CORRUPT: "C",
    SlotState.LOST: "L",
    SlotState.UNKNOWN: "?",
}
_TONES: Final = {
    Standing.COMPLETE: "good",
    Standing.PARTIAL: "warn",
    Standing.NOT_READY: "warn",
    Standing.FAILED: "bad",
    Standing.UNKNOWN: "muted",
}


def verdict(jobs: Sequence[JobReport]) -> str:
    """One line: the overall state, and the corresponding exit code of a run."""
    standings = Counter(job.standing for job in jobs)
    code = worst(job.exit_code for job in jobs)
    if not jobs:
        return '<p class="verdict muted">No jobs.</p>'
    if standings[Standing.COMPLETE] == len(jobs):
        lost = sum(job.slots[SlotState.MISSING] for job in jobs)
        but = (
            f"; {wording.count(lost, 'slot')} that the provider does not have"
            if lost
            else " and verified"
        )
        return (
            f'<p class="verdict good">✓ All of {_jobs(len(jobs))} complete{but} (exit code 0)</p>'
        )
    parts = ", ".join(f"{number} {standing}" for standing, number in standings.most_common())
    tone = "bad" if standings[Standing.FAILED] else "warn"
    ends = f"; exit code {int(code)}: {escape(code.meaning)}" if code else ""
    return f'<p class="verdict {tone}">{_jobs(len(jobs))}: {parts}{ends}</p>'


def summary(jobs: Sequence[JobReport], now: datetime) -> str:
    """One row per job."""
    head = ("job", "source", "state", "files", "records", "bytes", "open slots", "expires")
    right = {"files", "records", "bytes", "open slots"}
    cells = "".join(
        f'<th scope="col"{_class("number" if name in right else "")}>{name}</th>' for name in head
    )
    rows = "".join(_summary_row(job, now) for job in jobs)
    return (
        f'<div class="card"><h2 id="jobs">Jobs</h2><div class="scroll whole" tabindex="0" role="region" aria-labelledby="jobs"><table id="summary"><thead><tr>{cells}'
        f"</tr></thead><tbody>{rows}</tbody></table></div></div>"
    )


def _summary_row(job: JobReport, now: datetime) -> str:
    open_slots = sum(
        number
        for state, number in job.slots.items()
        if state not in (SlotState.VERIFIED, SlotState.SILENT)
    )
    return (
        f'<tr><th scope="row"><a href="#job-{escape(job.name)}">{escape(job.name)}</a></th>'
        f"<td>{escape(job.source)}<br><span class=muted>{escape(job.provider)}</span></td>"
        f"<td>{_badge(job)}</td>"
        f'<td class="number">{_comparison_cell(job.counted, job.reported.files)}</td>'
        f'<td class="number">{_comparison_cell(job.records, job.reported.records) if _counted(job) else ""}</td>'
        f'<td class="number">{_comparison_cell(job.size, job.reported.bytes, size=True)}</td>'
        f'<td class="number">{open_slots:,}</td><td>{_expiry(job, now)}</td></tr>'
    )


def job_section(job: JobReport, now: datetime) -> str:
    """A job's section; scripts add the map, the chart and the table."""
    name = escape(job.name)
    head = (
        f'<section data-job="{name}" id="job-{name}" aria-labelledby="title-{name}">'
        f'<div class="titles"><h2 id="title-{name}">{name}</h2>{_badge(job)}'
        f'<span class="muted">{escape(_origin(job))}</span></div>'
    )
    if job.row is None:
        return f'{head}<p class="muted">Not requested yet: run it first.</p></section>'
    notes = [*([job.message] if job.message else []), *job.notes]
    if not job.listed_whole:
        notes.append("The provider's list is not complete yet.")
    notes.extend(f"Note: {text}" for text in job.warnings)
    if not job.names_all:
        notes.append(
            "There are too many files to list them all: verified ones are only counted."
            " backhaul files lists all of them."
        )
    return (
        head
        + "".join(f'<p class="muted">{escape(text)}</p>' for text in notes)
        + _place(job.place)
        + _figures(job, now)
        + '<h3>Slots</h3><div data-part="map"></div>'
        + _state_counts(job)
        + '<div data-part="records"></div><div data-part="series"></div>'
        + _problems(job.problems.groups())
        + '<div data-part="table"></div>'
        + _gaps(job)
        + _proofs(job.proofs)
        + _rejects(job.name, job.rejects)
        + "</section>"
    )


def _origin(job: JobReport) -> str:
    return job.source if job.source == job.provider else f"{job.source}, {job.provider}"


def _figures(job: JobReport, now: datetime) -> str:
    total = sum(job.slots.values())
    settled = job.slots[SlotState.VERIFIED] + job.slots[SlotState.SILENT]
    share = f"{100 * settled / total:.2f}".rstrip("0").rstrip(".") if total else "0"
    # Rounding to 100 would be wrong while anything is open.
    share = "99.99" if share == "100" and settled < total else share
    figures = (
        ("slots accounted for", f"{share} %", f"{settled:,} of {wording.count(total, 'slot')}"),
        ("files", f"{job.counted:,}", _compared(job.counted, job.reported.files)),
        ("records", _records(job), _compared(job.records, job.reported.records)),
        ("bytes", wording.human(job.size), _compared(job.size, job.reported.bytes, size=True)),
        ("at the provider until", _expiry(job, now), f"{job.expires:%Y-%m-%d %H:%M}" if job.expires else ""),
    )  # fmt: skip
    cells = "".join(
        f"<div><dt>{name}</dt><dd>{value}<small>{note}</small></dd></div>"
        for name, value, note in figures
    )
    return f'<dl class="figures">{cells}</dl>'


def _counted(job: JobReport) -> bool:
    return job.reported.records is not None or (job.counts_records)


def _records(job: JobReport) -> str:
    return f"{job.records:,}" if _counted(job) else '<span class="muted">not counted</span>'


def _state_counts(job: JobReport) -> str:
    rows = "".join(
        f'<tr data-state="{state}"><th scope="row">{swatch(state)} {state}</th>'
        f'<td class="number">{job.slots[state]:,}</td><td class="number">{job.files[state]:,}</td></tr>'
        for state in ORDER
        if job.slots[state] or job.files[state]
    )
    return (
        '<details class="states"><summary>Slots and files by state</summary><table><thead><tr>'
        '<th scope="col">state</th><th scope="col" class="number">slots</th>'
        f'<th scope="col" class="number">files</th></tr></thead><tbody>{rows}</tbody></table></details>'
    )


def _problems(groups: Sequence[Group]) -> str:
    if not groups:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(group.title)}</th><td class="number">{group.count:,}</td>'
        f"<td>{escape(group.advice)}</td><td>{_exit_code_cell(group)}</td><td>{_examples(group)}</td></tr>"
        for group in groups
    )
    return (
        '<h3>Problems, and what to do</h3><div class="scroll" tabindex="0" role="region" aria-label="Problems, and what to do"><table class="problems"><thead><tr>'
        '<th scope="col">kind</th><th scope="col" class="number">times</th><th scope="col">what to do</th>'
        f'<th scope="col">exit code</th><th scope="col">examples</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _exit_code_cell(group: Group) -> str:
    if group.exit_code is None:
        return '<span class="muted">0: not a failure</span>'
    return f"{int(group.exit_code)}: {escape(group.exit_code.meaning)}"


def _examples(group: Group) -> str:
    items = "".join(
        f"<li>{f'<code>{escape(file)}</code>: ' if file else ''}{escape(message)}</li>"
        for file, message in group.examples[:2]
    )
    rest = group.count - min(2, len(group.examples))
    return f"<details><summary>{wording.count(group.count, 'file') if group.examples[0][0] else 'the job'}</summary><ul>{items}</ul>{f'<p class=muted>and {rest:,} more</p>' if rest else ''}</details>"


def _gaps(job: JobReport) -> str:
    if not job.gaps:
        return ""
    rows = "".join(_gap_row(gap, job.place) for gap in job.gaps)
    more = (
        f'<p class="muted">and {job.more_gaps:,} more; <code>backhaul gaps</code> lists all.</p>'
        if job.more_gaps
        else ""
    )
    return (
        '<details class="gaps"><summary>What is not verified, and why</summary><div class="scroll"'
        f' tabindex="0" role="region" aria-label="{escape(job.name)}: what is not verified"><table>'
        '<thead><tr><th scope="col">from</th><th scope="col">to</th><th scope="col">state</th>'
        '<th scope="col" class="number">slots</th><th scope="col">file</th><th scope="col">why</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>{more}</div></details>"
    )


def _gap_row(gap: Gap, place: str) -> str:
    file = escape(gap.file or "")
    if gap.file and place and gap.state in HERE:
        file = _link(links.to_file(place, gap.file), gap.file)
    return (
        f"<tr><td>{_time(gap.start)}</td><td>{_time(gap.end)}</td><td>{swatch(gap.state)} {gap.state}</td>"
        f'<td class="number">{gap.slots:,}</td><td>{file}</td><td>{escape(gap.reason)}</td></tr>'
    )


def _place(place: str) -> str:
    return f'<p class="muted">Files: {_link(f"{place}/", unquote(place))}</p>' if place else ""


def _link(target: str, text: str) -> str:
    return f'<a href="{escape(target)}">{escape(text)}</a>'


def _proofs(proofs: Sequence[tuple[Proof, int]]) -> str:
    """What proves that the verified files are complete."""
    if not proofs:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(", ".join(proof.words()) or "none")}</th><td class="number">{number:,}</td></tr>'
        for proof, number in proofs
    )
    return (
        '<details class="proofs"><summary>What proves that files are complete</summary><table><thead><tr>'
        '<th scope="col">proof</th><th scope="col" class="number">files</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></details>"
    )


def _rejects(job: str, rejects: Rejects) -> str:
    """Downloads that failed verification."""
    if not rejects.count:
        return ""
    rows = "".join(_reject_row(each, rejects.place) for each in rejects.latest)
    left = rejects.count - len(rejects.latest)
    more = f'<p class="muted">and {left:,} older</p>' if left else ""
    return (
        f'<details class="rejects"><summary>{wording.count(rejects.count, "rejected download")} ({wording.human(rejects.size)})'
        f'</summary><div class="scroll" tabindex="0" role="region" aria-label="{escape(job)}: rejected downloads">'
        '<table><thead><tr><th scope="col">at</th><th scope="col">file</th><th scope="col" class="number">size</th>'
        '<th scope="col">kind</th><th scope="col">why</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>{more}</div></details>"
    )


def _reject_row(body: RejectedBody, place: str) -> str:
    name = redact(body.file)
    return (
        f"<tr><td>{_time(body.at)}</td><td>{_link(links.to_file(place, name), name)}</td>"
        f'<td class="number">{wording.human(body.size)}</td><td>{escape(body.kind)}</td><td>{escape(redact(body.message))}</td></tr>'
    )


def exit_codes() -> str:
    """The meaning of the exit codes."""
    rows = "".join(
        f'<tr><th scope="row">{int(code)}</th><td>{escape(code.meaning)}</td></tr>'
        for code in ExitCode
    )
    return (
        '<div class="card"><details><summary>What the exit codes mean</summary><table><thead><tr>'
        f'<th scope="col">code</th><th scope="col">meaning</th></tr></thead><tbody>{rows}</tbody></table></details></div>'
    )


def swatch(state: SlotState) -> str:
    """The state's colour and letter."""
    return f'<span class="swatch {state}" aria-hidden="true">{LETTERS.get(state, "")}</span>'


def _badge(job: JobReport) -> str:
    return f'<span class="badge {_TONES[job.standing]}">{job.standing}</span>'


def _comparison_cell(here: int, reported: int | None, *, size: bool = False) -> str:
    text = wording.human(here) if size else f"{here:,}"
    if reported is None:
        return text
    other = wording.human(reported) if size else f"{reported:,}"
    tone = "good" if here == reported else "warn"
    mark = "✓" if here == reported else "≠"
    return f'{text}<br><span class="{tone}" title="reported by the provider">{mark} {other}</span>'


def _compared(here: int, reported: int | None, *, size: bool = False) -> str:
    if reported is None:
        return "the provider reports no total"
    if here == reported:
        return '<span class="good">✓ as the provider reports</span>'
    shown = f"{reported:,}"
    if size and wording.human(reported) == wording.human(here):
        shown = f"{reported:,} bytes, {reported - here:+,}"
    elif size:
        shown = wording.human(reported)
    return f'<span class="warn">≠ provider reports {shown}</span>'


def _expiry(job: JobReport, now: datetime) -> str:
    if job.expires is None:
        return '<span class="muted">unknown</span>'
    left = (job.expires - now).total_seconds()
    tone = "bad" if left < 0 else "warn" if left < 3 * 86400 else ""
    return f"<span{_class(tone)}>{escape(wording.until(job.expires, now))}</span>"


def _jobs(number: int) -> str:
    return wording.count(number, "job")


def _time(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M}" if time else ""


def _class(names: str) -> str:
    return f' class="{names}"' if names else ""
