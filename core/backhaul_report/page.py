"""The page: a single file that makes no requests."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from importlib.resources import files
from typing import Final

from backhaul_report.data import PageData
from backhaul_report.job import JobReport
from backhaul_report.sections import exit_codes, job_section, summary, verdict

_STYLES: Final = ("uPlot.min.css", "report.css")
_CHARTS: Final = "uPlot.iife.min.js"
_LICENCE: Final = "uPlot.LICENSE"
# In this order: each uses the ones before it.
_SCRIPTS: Final = (
    "states.js",
    "unpack.js",
    "words.js",
    "places.js",
    "paint.js",
    "map.js",
    "records.js",
    "series.js",
    "table.js",
    "main.js",
)
GENERATOR: Final = "backhaul report"


def render(jobs: Sequence[JobReport], data: PageData, *, title: str = "") -> Iterator[str]:
    """The page as text, in parts.

    Args:
        jobs: in the order in which they are shown.
        data: their slots and files.
        title: whose archive it is.
    """
    now = datetime.now(UTC)
    style = "\n".join(map(_asset, _STYLES))
    charts = f"/* uPlot, {_one_line(_asset(_LICENCE))} */\n{_asset(_CHARTS)}"
    script = '"use strict";\n{\n' + "\n".join(map(_asset, _SCRIPTS)) + "\n}\n"
    heading = f"Archive report{': ' if title else ''}{title}"
    yield f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="{GENERATOR}">
<meta http-equiv="Content-Security-Policy" content="{_policy(style, charts, script)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{escape(heading)}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{escape(heading)}</h1>
<p class="muted">As of {now:%Y-%m-%d %H:%M} UTC, by backhaul {escape(version("backhaul"))}; all times are UTC</p>
{verdict(jobs)}
</header>
<main>
{summary(jobs, now)}
"""
    for job in jobs:
        yield job_section(job, now)
    yield f"""{exit_codes()}
<p class="unseen" id="map-keys">Arrow keys move from slot to slot; N and P go to the next and the
previous problem; Home and End to the first and the last slot; plus and minus zoom; Escape shows all.
Each slot is in the table below the map, too.</p>
</main>
<footer>Made offline from the archive's ledger and a look at the files' sizes; charts by uPlot (MIT).</footer>
<script type="application/json" id="backhaul-data">"""
    yield from data.text()
    yield f"""</script>
<script>{charts}</script>
<script>{script}</script>
</body>
</html>
"""


def _policy(style: str, *scripts: str) -> str:
    allowed = " ".join(map(_hash, scripts))
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def _asset(name: str) -> str:
    return (files("backhaul_report") / "assets" / name).read_text(encoding="utf-8")


def _one_line(text: str) -> str:
    return " ".join(text.split())
