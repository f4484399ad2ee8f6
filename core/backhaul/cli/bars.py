"""Progress bars, by rich."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Final

import rich.progress
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TextColumn

from backhaul.cli import output
from backhaul.events import Event, JobEnded, Listener, Progress
from backhaul.run.result import JobResult
from backhaul.wording import clock, human

_EVERY: Final = 0.2
_MANY: Final = 12  # with more jobs than this, finished ones are hidden


@contextmanager
def bars() -> Iterator[Listener]:
    """Shows progress bars on stderr, one per job, with log lines above them."""
    progress = rich.progress.Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[files]}", justify="right"),
        TextColumn("{task.fields[size]}", justify="right"),
        TextColumn("{task.fields[rate]}", justify="right"),
        TextColumn("{task.fields[word]}"),
        console=Console(stderr=True, highlight=False, no_color=not output.colours(sys.stderr)),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
    )
    progress.start()
    try:
        yield _Bars(progress)
    finally:
        with suppress(OSError):  # the terminal may be gone
            progress.stop()


class _Bars:
    files = False

    def __init__(self, progress: rich.progress.Progress) -> None:
        self._progress = progress
        self._lines: dict[str, TaskID] = {}
        self._last: dict[str, Progress] = {}
        self._began = time.monotonic()
        self._next = 0.0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Progress):
            self._last[event.folder] = event
        elif isinstance(event, JobEnded):
            self._end(event.result)
        else:
            return
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _EVERY
        for shot in self._last.values():
            self._show(shot, visible=len(self._last) <= _MANY or not shot.ended)
        if len(self._last) > 1:
            self._show_all(now)
        with suppress(OSError):  # the terminal may be gone; the run continues
            self._progress.refresh()

    def _end(self, result: JobResult) -> None:
        last = self._last.get(result.folder)
        if last is not None:
            phase = last.phase if last.ended else result.state.value.replace("_", " ")
            size = result.bytes_fetched
            self._last[result.folder] = replace(
                last, phase=phase, bytes=size, waiting="", ended=True
            )

    def _show(self, shot: Progress, *, visible: bool) -> None:
        of = f"/{shot.total:,}" if shot.total is not None else ""
        left = ""
        if shot.seconds_left and shot.phase == "fetching":
            left = f", {clock(shot.seconds_left)} left"
        ended = shot.ended
        failed = f", {shot.failed:,} failed" if shot.failed and not ended else ""
        self._progress.update(
            self._line(shot.folder, shot.job),
            total=shot.total if shot.total is not None else (shot.done or 1) if ended else None,
            completed=shot.done if shot.done or not ended else 1,
            visible=visible,
            files=f"{shot.done:,}{of} files",
            size=human(shot.bytes),
            rate=f"{human(shot.rate)}/s" if shot.bytes and not (ended or shot.waiting) else "",
            word=shot.waiting or f"{shot.phase}{left}{failed}",
        )

    def _show_all(self, now: float) -> None:
        shots = list(self._last.values())
        size = sum(shot.bytes for shot in shots)
        known = all(shot.total is not None for shot in shots)
        left = [shot.seconds_left for shot in shots if shot.seconds_left]
        self._progress.update(
            self._line("", ""),
            total=sum(shot.total or 0 for shot in shots) if known else None,
            completed=sum(shot.done for shot in shots),
            files=f"{sum(shot.done for shot in shots):,} files",
            size=human(size),
            rate=f"{human(size / max(0.5, now - self._began))}/s" if size else "",
            word=f"{clock(max(left))} left" if left else "",
        )

    def _line(self, key: str, name: str) -> TaskID:
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = self._progress.add_task(
                escape(name) or "[bold]in all", total=None, files="", size="", rate="", word=""
            )
        return line
