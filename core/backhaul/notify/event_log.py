"""``--events``: the events of a run as JSON Lines, written by a separate thread."""

import logging
import queue
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event as Signal
from threading import Thread
from typing import Any, Final, Self, TypeAlias

from backhaul.errors import DiskError
from backhaul.events import Event, JobEnded, JobStarted, Progress
from backhaul.notify.event_file import EventFile
from backhaul.notify.event_json import as_line, dropped_json, event_json, run_ended_json
from backhaul.oserrors import describe
from backhaul.run.result import RunResult
from backhaul.wording import count

log = logging.getLogger(__name__)

_MOST: Final = 20_000  # events that wait to be written; further ones are dropped
_BATCH: Final = 500  # events written together
_EVERY: Final = 1.0  # seconds between the progress reports of a job
_NAP: Final = 0.2  # seconds
# Seconds without any progress at the end of the run before the rest is dropped.
_PATIENCE: Final = 2.0
_AT_LAST: Final = 30.0  # seconds in total at the end of the run

_Line: TypeAlias = Callable[[], dict[str, Any]]


class EventLog:
    """A listener that writes each event as a line, and never delays the run.

    Events wait in memory for a slow reader, up to a limit; then they are dropped, except the first
    and the last of a job. The stream says where and how many. If nothing can be written at all, a
    warning says so, and the run continues without them.

    Args:
        file: where to write.

    Raises:
        DiskError: the file cannot be opened.
    """

    def __init__(self, file: EventFile) -> None:
        self._file = file
        self._lines: queue.SimpleQueue[_Line | None] = queue.SimpleQueue()
        self._dropped = self._dropped_now = 0
        self._shown: dict[str, tuple[float, str]] = {}
        self._written = 0  # batches; shows whether there is progress
        self._over = Signal()
        self._broken = False
        self._thread = Thread(target=self._run, name="backhaul-events", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Waits until the rest is written, as long as the reader makes progress."""
        self._lines.put(None)
        end, seen = time.monotonic() + _AT_LAST, -1
        patient = 0.0
        while self._thread.is_alive():
            now = time.monotonic()
            if seen != self._written:
                seen, patient = self._written, now + _PATIENCE
            if now >= min(patient, end):
                break
            self._thread.join(_NAP / 4)
        self._over.set()
        if self._thread.is_alive() and not self._broken:
            self._warn(f"{self._file.waits}: the last events were not written")
        elif self._dropped:
            self._warn(f"is incomplete: {count(self._dropped, 'event')} left out")

    def __call__(self, event: Event) -> None:
        """Receives an event; on the thread that waits for the run."""
        if isinstance(event, Progress) and not self._is_due(event):
            return
        at = time.time()
        self._put(lambda: event_json(event, at), always=isinstance(event, JobStarted | JobEnded))

    def ended(self, result: RunResult) -> None:
        """The run has ended."""
        at = time.time()
        self._put(lambda: run_ended_json(result, at), always=True)

    def _is_due(self, event: Progress) -> bool:
        now, (before, phase) = time.monotonic(), self._shown.get(event.folder, (0.0, ""))
        if now - before < _EVERY and event.phase == phase:
            return False
        self._shown[event.folder] = now, event.phase
        return True

    def _put(self, line: _Line, *, always: bool) -> None:
        if self._broken:
            return
        if self._lines.qsize() >= _MOST and not always:
            if not self._dropped and not self._dropped_now:
                self._warn(f"{self._file.waits}; events are left out until that changes")
            self._dropped_now += 1
            return
        if self._dropped_now:
            number, at = self._dropped_now, time.time()
            self._dropped += number
            self._dropped_now = 0
            self._lines.put(lambda: dropped_json(number, at))
        self._lines.put(line)

    # -- on the thread that writes ------------------------------------------------------------------

    def _run(self) -> None:
        try:
            ended = False
            while not ended and not self._over.is_set():
                lines, ended = self._batch()
                self._file.add(b"".join(as_line(line()) for line in lines))
                while not self._over.is_set() and not self._file.write(_NAP):
                    self._over.wait(_NAP)
                self._written += 1
            self._file.close()
        except BrokenPipeError:
            self._give_up("was closed by its reader")
        except (OSError, DiskError) as error:
            self._give_up(describe(error) if isinstance(error, OSError) else error.message)
        finally:
            with suppress(OSError):  # the first error was reported
                self._file.close()

    def _batch(self) -> tuple[list[_Line], bool]:
        """Lines to be written together, and whether they are the last."""
        lines: list[_Line] = []
        line = self._lines.get()
        while line is not None:
            lines.append(line)
            if len(lines) >= _BATCH or self._lines.empty():
                return lines, False
            line = self._lines.get()
        return lines, True

    def _give_up(self, why: str) -> None:
        self._broken = True
        while not self._lines.empty():
            self._lines.get()
        self._warn(f"{why}; no more events are written, the run continues")

    def _warn(self, text: str) -> None:
        log.warning("--events %s %s", self._file.name, text)
