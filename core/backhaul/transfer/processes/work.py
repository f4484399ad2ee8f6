"""The work of a worker: transfers on their own thread, controlled by messages from the driver's process."""

import logging
import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

from backhaul.transfer.executor import Setup, WorkUnit
from backhaul.transfer.outcome import Done, Outcome
from backhaul.transfer.processes.packing import pack
from backhaul.transfer.processes.plain import unit_of
from backhaul.transfer.thread import TransferThread

if TYPE_CHECKING:
    from backhaul.config.settings import Settings
    from backhaul.transfer.context import JobContext

EVERY: Final = 0.1  # seconds between reports of the counters
_SETTINGS: Final = (
    "connect_timeout",
    "connections",
    "connections_per_host",
    "durable",
    "limit_rate",
    "max_file_size",
    "max_inflate_ratio",
    "max_inflated_size",
    "max_line_size",
    "retries",
    "stall_rate",
    "stall_timeout",
    "user_agent",
)


def needed(settings: "Settings") -> dict[str, Any]:
    """The settings that an Engine needs to know; the rest is not sent."""
    return {name: getattr(settings, name) for name in _SETTINGS}


class Work:
    """A transfer thread in a worker, with the messages that it receives and sends.

    Args:
        send: sends a message to the driver's process; called from any thread.
        crashed: called with an error that ends the transfer thread.
        settings: see ``needed``.
        connections, start: see Engine.

    Attributes:
        asked: jobs for which the driver's process wants to know when nothing is left to write.
    """

    def __init__(
        self,
        send: Callable[..., None],
        crashed: Callable[[BaseException], None],
        settings: dict[str, Any],
        connections: int,
        start: int,
    ) -> None:
        self._send = send
        self.asked: set[str] = set()
        self._unable: set[str] = set()
        self._told: object = None
        self._next = 0.0
        self.thread = TransferThread(
            Setup(
                self.deliver, crashed, cast("Settings", SimpleNamespace(**settings)), connections
            ),
            start=start,
        )

    def execute(self, name: str, values: Sequence[Any]) -> None:
        """Handles a message."""
        if name == "begin":
            job, context = values
            try:
                self.thread.begin(job, self.opened(job, context))
            except Exception as error:  # noqa: BLE001 - whatever a plugin's import raises
                self._unable.add(job)
                self._send("unable", job, f"{type(error).__name__}: {error}")
        elif name == "share":
            number, connections, rate = values
            self.thread.share(connections, rate, lambda: self._send("shared", number))
        elif name == "unit":
            self._submit(unit_of(values[0]))
        elif name == "submit":
            self._submit(values[0])
        elif name == "quiet":
            self.asked.add(values[0])
        else:
            getattr(self.thread, name)(*values)

    def _submit(self, unit: WorkUnit) -> None:
        if unit.job not in self._unable:  # otherwise the driver assigns it to another process
            self.thread.submit(unit)

    def opened(self, job: str, context: bytes) -> "JobContext":
        """A job's context. Raises whatever a plugin's import raises."""
        del job
        found: JobContext = pickle.loads(context)  # noqa: S301 - from the driver's process
        return found

    def look(self) -> None:
        """Answers questions and reports figures; called every few hundredths of a second."""
        for job in list(self.asked):
            if not self.at_work(job):
                self.asked.discard(job)
                self._send("quiet", job)
        now = time.monotonic()
        if now >= self._next:
            self._next = now + EVERY
            self.tell()

    def at_work(self, job: str) -> bool:
        """Whether anything is still being written for a job."""
        return self.thread.at_work(job)

    def tell(self) -> None:
        """Reports the counters and how many connections each origin allows, if they have changed."""
        found = self.thread.counters
        counters = replace(found, by_job=dict(found.by_job), held=dict(found.held))
        seen = counters, self.thread.hosts()
        if seen != self._told:
            self._told = seen
            self._send("figures", *seen)

    def deliver(self, outcomes: Sequence[Outcome]) -> None:
        """Sends outcomes; on the transfer thread."""
        if outcomes:
            self.settled(outcomes)
            self._send("outcomes", pack(outcomes))

    def settled(self, outcomes: Sequence[Outcome]) -> None:
        """Forgets verified files, which are now the driver's responsibility."""
        done: dict[str, list[str]] = {}
        for outcome in outcomes:
            if isinstance(outcome, Done):
                done.setdefault(outcome.transfer.job, []).append(outcome.transfer.file.name)
        for job, names in done.items():
            self.thread.published(job, names)


class LogHandler(logging.Handler):
    """Passes log records to the driver's process, which redacts and writes them."""

    def __init__(self, send: Callable[..., None]) -> None:
        super().__init__()
        self._told = send

    def emit(self, record: logging.LogRecord) -> None:
        """Sends a record as plain values."""
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        self._told("log", record.name, record.levelno, text, record.created)
