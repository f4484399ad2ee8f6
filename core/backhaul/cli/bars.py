"""Progress bars, by rich."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from backhaul.cli.snapshot import Snapshot
from backhaul.wording import clock, human

if TYPE_CHECKING:
    from backhaul.run.driver import Driver

_EVERY: Final = 0.2
_MANY: Final = 12  # jobs above which those that are over make room for the others


@contextmanager
def bars() -> "Iterator[Callable[[Driver], None]]":
    """Bars on stderr while it lasts, a line a job; log lines appear above them."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[files]}", justify="right"),
        TextColumn("{task.fields[size]}", justify="right"),
        TextColumn("{task.fields[rate]}", justify="right"),
        TextColumn("{task.fields[word]}"),
        console=Console(stderr=True, highlight=False),
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
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lines: dict[str, TaskID] = {}
        self._next = 0.0

    def __call__(self, driver: "Driver") -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _EVERY
        shots = [(job, Snapshot(job, driver, now)) for job in driver.all_jobs]
        for job, shot in shots:
            visible = len(shots) <= _MANY or not job.ended
            self._show(job.key, job.spec.name, shot, visible=visible)
        if len(shots) > 1:
            self._show_all([shot for _, shot in shots], driver, now)
        with suppress(OSError):  # the terminal may be gone; the run continues
            self._progress.refresh()

    def _show(self, key: str, name: str, shot: Snapshot, *, visible: bool) -> None:
        of = f"/{shot.total:,}" if shot.total is not None else ""
        left = f", {clock(shot.left)} left" if shot.left and shot.word == "fetching" else ""
        failed = f", {shot.failed:,} failed" if shot.failed and not shot.ended else ""
        line = self._line(key, name)
        ended = shot.ended
        self._progress.update(
            line,
            total=shot.total if shot.total is not None else (shot.done or 1) if ended else None,
            completed=shot.done if shot.done or not ended else 1,
            visible=visible,
            files=f"{shot.done:,}{of} files",
            size=human(shot.bytes),
            rate=f"{human(shot.rate)}/s" if shot.bytes and not (ended or shot.waits) else "",
            word=shot.waits or f"{shot.word}{left}{failed}",
        )

    def _show_all(self, shots: list[Snapshot], driver: "Driver", now: float) -> None:
        size = sum(shot.bytes for shot in shots)
        known = all(shot.total is not None for shot in shots)
        left = [shot.left for shot in shots if shot.left]
        self._progress.update(
            self._line("", ""),
            total=sum(shot.total or 0 for shot in shots) if known else None,
            completed=sum(shot.done for shot in shots),
            files=f"{sum(shot.done for shot in shots):,} files",
            size=human(size),
            rate=f"{human(size / max(0.5, now - driver.started))}/s" if size else "",
            word=f"{clock(max(left))} left" if left else "",
        )

    def _line(self, key: str, name: str) -> TaskID:
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = self._progress.add_task(
                escape(name) or "[bold]in all", total=None, files="", size="", rate="", word=""
            )
        return line
