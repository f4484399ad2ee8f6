"""Runs checks in parallel, each with a time limit."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from backhaul import BackhaulError, ExitCode
from backhaul_doctor.finding import Finding

_SLICE = 0.1  # seconds between checks for Ctrl-C


class Check(NamedTuple):
    """A check, or several of one kind.

    Attributes:
        name, subject: for the finding if the check does not end in time.
        work: yields the findings; the event tells it to stop.
    """

    name: str
    subject: str
    work: Callable[[threading.Event], Iterable[Finding]]


def bounded(checks: Sequence[Check], *, seconds: float) -> Iterator[Finding]:
    """Yields the findings of all checks in the order of the checks, which run in parallel.

    A check that has not ended after ``seconds`` is left running in its thread: whatever it is waiting for,
    such as a hanging mount or a plugin, cannot be interrupted.
    """
    stop = threading.Event()
    deadline = time.monotonic() + seconds
    running = [_Running(check, stop) for check in checks]
    try:
        for each in running:
            while each.thread.is_alive() and time.monotonic() < deadline:
                each.thread.join(_SLICE)
            yield from each.findings()
            if each.thread.is_alive():
                yield Finding.failed(
                    each.check.name,
                    each.check.subject,
                    f"did not end within {seconds:g} s",
                    "find out what is hanging: a server, a mount or a command",
                    ExitCode.UNREACHABLE,
                )
    finally:
        stop.set()


class _Running:
    """A check in its own thread, which does not keep the process alive."""

    def __init__(self, check: Check, stop: threading.Event) -> None:
        self.check = check
        self._found: list[Finding] = []
        self._error: Exception | None = None
        self.thread = threading.Thread(
            target=self._run, args=(stop,), name=f"check {check.name}", daemon=True
        )
        self.thread.start()

    def _run(self, stop: threading.Event) -> None:
        try:
            for finding in self.check.work(stop):
                self._found.append(finding)
        except BackhaulError as error:
            self._found.append(Finding.of_error(self.check.name, self.check.subject, error))
        except Exception as error:  # noqa: BLE001 - raised again by the waiting thread
            self._error = error

    def findings(self) -> list[Finding]:
        """The findings so far. Raises what the check raised."""
        if self._error is not None:
            raise self._error
        return list(self._found)
