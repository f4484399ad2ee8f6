"""Every provider with every fault that its protocol allows, through the real command over sockets."""

import gzip
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.event_lines import read
from tests.safety.command import published, run, unfinished, write_config

from backhaul.testing.serve import emulator

QUICK = {"retries": 1, "stall_timeout": "1s", "api_timeout": "2s", "connect_timeout": "2s"}
SCALES: Mapping[str, Mapping[str, Any]] = {
    "gnip-hpt": {"slots": 6, "silent": 0.0},
    "stocktwits-backup": {"records": 40},
    "massrelevance-meta": {},
    "datasift-historics": {"interactions": 300},
}
JOBS: Mapping[str, Mapping[str, Any]] = {
    "stocktwits-backup": {"from": "2016-12-01", "to": "2016-12-07", "file_types": ["activity"]},
    "massrelevance-meta": {
        "from": "2012-09-26",
        "to": "2012-09-29",
        "every": "1d",
        "formats": ["json"],
    },
}
# Additional requests for faults that each file shows once: one per file.
ASKED: Mapping[str, int] = {"gnip-hpt": 6, "stocktwits-backup": 6}
# One file of each provider, for permanent faults.
ONE = {
    "gnip-hpt": "@*/00/10_*",
    "stocktwits-backup": "@*2016*12*03*",
    "massrelevance-meta": "@*finish=1348790400*",
    "datasift-historics": "",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A fault and its expected effects.

    Attributes:
        provider: the provider.
        fault: in the emulator's syntax.
        code: the exit status.
        kinds: the failure kinds.
        lost: number of files missing at the end; -1: all.
        suspect: number of files kept although some of their records are bad.
        asked: requests for files beyond those of an undisturbed run; None: any number.
        slow: only in the long mode.
    """

    provider: str
    fault: str
    code: int = 0
    kinds: frozenset[str] = frozenset()
    lost: int = 0
    suspect: int = 0
    asked: int | None = None
    slow: bool = False

    @property
    def name(self) -> str:
        """For display."""
        return f"{self.provider} {self.fault}"


@dataclass(frozen=True, slots=True)
class Seen:
    """The actual effects of a fault.

    Attributes:
        code, kinds: reported by the command.
        state: the job's state.
        counts: its file counts.
        asked: requests for files beyond those of an undisturbed run.
        here, files: number of published files, and of all files.
        wrong: number of published files with wrong content.
        parts: number of partial files left.
        retried: exit status of a run without the fault afterwards.
        whole: after that run, all files are present with the right content.
        err: stderr of the faulty run.
        events: lines of its --events, each checked against the schema.
    """

    code: int
    kinds: frozenset[str]
    state: str
    counts: Mapping[str, int]
    asked: int
    here: int
    files: int
    wrong: tuple[str, ...]
    parts: int
    retried: int
    whole: bool
    err: str
    events: list[dict[str, Any]]


def contents(dest: Path) -> dict[str, bytes]:
    """The decompressed contents of published files, which do not depend on the compression."""
    found = {}
    for name in published(dest):
        data = (dest / name).read_bytes()
        if data[:2] == b"\x1f\x8b":
            try:
                data = gzip.decompress(data)
            except (OSError, EOFError):
                data = b"not whole: " + data
        found[name] = data
    return found


@cache
def undisturbed(provider: str) -> tuple[dict[str, bytes], int]:
    """The provider's contents, fetched without faults, and the number of requests."""
    with tempfile.TemporaryDirectory() as folder, emulator(provider, **SCALES[provider]) as running:
        config = write_config(Path(folder), running, settings=QUICK, jobs=jobs(provider, running))
        assert run(config).code == 0
        return contents(Path(folder) / "archive"), len(running.requests.at(running.files_at))


def jobs(provider: str, running: Any) -> dict[str, dict[str, Any]]:
    """The provider's job that the matrix uses."""
    name, keys = next(iter(running.jobs().items()))
    return {name: {**keys, **JOBS.get(provider, {})}}


def play(row: Row, *options: str, source: Mapping[str, Any] | None = None) -> Seen:
    """Runs the command with the fault, and again without.

    ``options`` and the keys of ``source`` are those of both runs.
    """
    good, usual = undisturbed(row.provider)
    scale = SCALES[row.provider]
    with tempfile.TemporaryDirectory() as name, emulator(row.provider, **scale) as running:
        folder = Path(name)
        keys = jobs(row.provider, running)
        config = write_config(folder, running, settings=QUICK, source=source, jobs=keys)
        running.faults.replace(row.fault)
        events = folder / "events.jsonl"
        first = run(config, "--events", str(events), *options)
        asked = len(running.requests.at(running.files_at)) - usual
        here = contents(folder / "archive")
        wrong = tuple(file for file, data in here.items() if good.get(file) != data)
        parts = len(unfinished(folder / "archive"))
        running.faults.replace("")
        retried = run(config, *options)
        return Seen(
            code=first.code,
            kinds=frozenset(first.kinds),
            state=first.job["state"],
            counts=first.job["files"],
            asked=asked,
            here=len(here),
            files=len(good),
            wrong=wrong,
            parts=parts,
            retried=retried.code,
            whole=contents(folder / "archive") == good,
            err=first.err,
            events=read(events),
        )


_PASSING = (
    "429 500 502 503 503=1 504 drop reset truncated corrupt xml_200 html_200 expired stall changed"
    " 409 421 423 425 507 token_expired gcs_expired r2_expired azure_expired b2_expired"
    " b2_bad_token gone page_403 weak bare_206:2 half_206"
)
_LASTING = {
    "429": (6, "throttled"),
    "500": (6, "unreachable"),
    "502": (6, "unreachable"),
    "503": (6, "throttled"),
    "503=1": (6, "throttled"),
    "503=3600": (6, "throttled"),
    "504": (6, "timeout"),
    "402": (4, "denied"),
    "409": (6, "unreachable"),
    "421": (6, "unreachable"),
    "423": (6, "unreachable"),
    "425": (6, "unreachable"),
    "451": (4, "denied"),
    "501": (3, "failed"),
    "507": (6, "unreachable"),
    "511": (8, "not_data"),
    "drop": (8, "truncated"),
    "reset": (6, "unreachable"),
    "truncated": (8, "truncated"),
    "corrupt": (8, "corrupt"),
    "xml_200": (8, "not_data"),
    "html_200": (8, "not_data"),
    "not_found": (3, "not_found"),
    "denied": (4, "denied"),
    "expired": (7, "expired"),
    "token_expired": (7, "expired"),
    "gcs_expired": (7, "expired"),
    "r2_expired": (7, "expired"),
    "azure_expired": (7, "expired"),
    "b2_expired": (7, "expired"),
    "b2_bad_token": (4, "denied"),
    "gone": (3, "not_found"),
    "page_403": (4, "denied"),
    "skewed": (4, "skewed"),
    "stall": (6, "timeout"),
    "changed": (8, "truncated"),
    "redirect_loop": (8, "not_data"),
    "no_length": (0, ""),
    "coded": (0, ""),
    "gzip_encoding": (0, ""),
    "brotli": (8, "not_data"),
    "one_byte": (8, "truncated"),
    "half_206": (8, "not_data"),
}
_API = {
    "429": (6, "throttled"),
    "500": (6, "unreachable"),
    "503=1": (6, "unreachable"),
    "503=3600": (6, "unreachable"),
    "drop": (6, "unreachable"),
    "reset": (6, "unreachable"),
    "truncated": (8, "not_data"),
    "xml_200": (8, "not_data"),
    "html_200": (8, "not_data"),
    "not_found": (3, "not_found"),
    "denied": (4, "denied"),
    "unauthorized": (4, "denied"),
    "stall": (6, "timeout"),
    "redirect_loop": (3, "failed"),
}
_HARMLESS = frozenset({"no_length", "coded", "gzip_encoding", "brotli"})
# Effects that depend on the provider's protocol; None: cannot occur.
_DIALECTS: Mapping[str, None] = dict.fromkeys(
    (
        "expired", "token_expired", "gcs_expired", "r2_expired", "azure_expired", "b2_expired",
        "b2_bad_token", "gone", "page_403",
    )
)  # fmt: skip
_OWN: Mapping[str, Mapping[str, tuple[int, str] | None]] = {
    "gnip-hpt": {"bad_footer": (8, "count_mismatch")},
    "stocktwits-backup": {
        "not_found": (0, ""), "gone": (0, ""),  # a day without a file is a gap
        # The API redirects, and a redirect has no body to damage.
        "api/not_found": None, "api/drop": None, "api/reset": None, "api/truncated": None, "api/stall": None,
        "api/redirect_loop": (8, "not_data"),
    },
    "massrelevance-meta": {
        # Snapshots are generated on request: they cannot be resumed, and links do not expire.
        "truncated": (8, "corrupt"), "skewed": None, "changed": None, **_DIALECTS,
        "gzip_encoding": (8, "not_data"),  # plain JSON is not stored gzip
        "bare_206:2": None,
    },
    "datasift-historics": {
        "504": (6, "timeout"), "503": (6, "unreachable"), "503=1": (6, "unreachable"), "503=3600": (6, "unreachable"),
        "drop": (6, "unreachable"), "truncated": (8, "not_data"), "corrupt": None, "skewed": None, **_DIALECTS,
        "changed": None, "redirect_loop": (3, "failed"), "gzip_encoding": (8, "not_data"),
        "brotli": (0, ""),  # despite the label, it is the requested JSON
        "bare_206:2": None, "one_byte": (6, "unreachable"), "half_206": (6, "unreachable"),
    },
}  # fmt: skip
# Faults inside records, for JSON Lines files fetched by link: only parsing the records detects them.
_RECORDS: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "gnip-hpt": {
        "glued": (8, "count_mismatch"), "cut_record": (8, "truncated"), "page_inside": (8, "not_data"),
    },
    "stocktwits-backup": {
        "zeros": (0, ""), "glued": (0, ""), "cut_record": (8, "truncated"), "page_inside": (8, "not_data"),
    },
}  # fmt: skip
# Rows of the quick mode; the long mode runs all.
_QUICK: Mapping[str, str] = {
    "gnip-hpt": "429 503 423 drop truncated xml_200 expired azure_expired gone bad_footer not_found denied skewed page_inside"
    " bare_206 one_byte coded"
    " api/unauthorized api/503=3600",
    "stocktwits-backup": "drop expired page_403 not_found zeros cut_record api/unauthorized",
    "massrelevance-meta": "truncated not_found",
    "datasift-historics": "drop denied half_206 api/unauthorized",
}


def rows() -> Iterator[Row]:
    """All rows."""
    for provider, one in ONE.items():
        own = _OWN[provider]
        for fault in _PASSING.split():
            if own.get(fault, ()) is not None:
                kind, _, times = fault.partition(":")
                asked = ASKED[provider] * int(times or 1) if provider in ASKED else None
                yield Row(provider, fault, asked=asked, slow=_slow(provider, kind))
        for fault, usual in {**_LASTING, **own}.items():
            if fault.startswith("api/"):
                continue
            expected = own.get(fault, usual)
            if expected is not None:
                yield _row(provider, f"{fault}:all", one, expected)
        for fault, expected in _RECORDS.get(provider, {}).items():
            yield _row(provider, f"{fault}:all", one, expected)
        for fault, usual in _API.items():
            expected = own.get(f"api/{fault}", usual)
            if expected is not None:
                yield _row(provider, f"api/{fault}:all", "", expected)


def _row(provider: str, fault: str, where: str, expected: tuple[int, str]) -> Row:
    code, kinds = expected
    kind = fault.partition(":")[0]
    suspect = int(kind in _RECORDS.get(provider, {}) and not code)
    lost = 1
    if kind.startswith("api/"):
        lost = -1
    elif suspect or (kind in _HARMLESS and not code):
        lost = 0
    return Row(
        provider,
        fault + where,
        code,
        frozenset(kinds.split()),
        lost=lost,
        suspect=suspect,
        slow=_slow(provider, kind),
    )


def _slow(provider: str, kind: str) -> bool:
    return kind not in _QUICK[provider].split()
