"""Queries several providers in parallel; returns the answers in the order of the questions."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from backhaul.archive.status import AtProvider, NoStatus
from backhaul.errors import BackhaulError, FailureReport
from backhaul.mailbox import answer
from backhaul.stopping import Stopped, never, raise_if_stopped
from backhaul.storage.location import Location

if TYPE_CHECKING:
    from concurrent.futures import Future

    from backhaul.config import JobSpec
    from backhaul.plugins.facade import Provider

_AT_ONCE = 8
_SLICE = 0.1  # seconds between checks for a stop
Q = TypeVar("Q")
A = TypeVar("A")


def ask_each(
    questions: Sequence[Q], ask: Callable[[Q, threading.Event], A], stopped: Stopped = never
) -> Iterator[tuple[Q, A | BackhaulError]]:
    """Each question with its answer or the error it raised.

    Args:
        questions: what to ask about.
        ask: asks one question, in its own thread; the event tells its session to stop.
        stopped: whether to end now. A question that hangs is abandoned in its thread, which does
            not keep the process alive.

    Raises:
        InterruptedRunError: ``stopped``.
    """
    from concurrent.futures import Future  # noqa: PLC0415 - not all commands need it

    stop = threading.Event()
    asked: list[tuple[Q, Future[A]]] = [(question, Future()) for question in questions]
    waiting = iter(asked)

    def work() -> None:
        for question, future in waiting:
            if stop.is_set():
                return
            answer(future, ask, question, stop)

    try:
        for _ in range(min(_AT_ONCE, len(asked))):
            threading.Thread(target=work, name="ask", daemon=True).start()
        for question, future in asked:
            try:
                yield question, _awaited(future, stopped)
            except BackhaulError as error:
                raise_if_stopped(stopped)
                yield question, error
    finally:
        stop.set()


def _awaited(future: "Future[A]", stopped: Stopped) -> A:
    while True:
        raise_if_stopped(stopped)
        try:
            return future.result(_SLICE)
        except TimeoutError:
            if future.done():
                raise


def ask_statuses(
    specs: "Sequence[JobSpec]",
    *,
    load: "Callable[[str], Provider]",
    make_http: Callable[..., Any],
    stopped: Stopped,
) -> dict[tuple[Location, str], AtProvider | NoStatus]:
    """What each job's provider currently says about it, or an error; by destination and name.

    Args:
        specs: the jobs.
        load: returns the Provider with a given name; raises PluginError.
        make_http: creates a provider's API session for one job.
        stopped: whether to end now; raises InterruptedRunError.
    """

    def ask(spec: "JobSpec", stop: threading.Event) -> AtProvider:
        if spec.plugin_error is not None:
            raise spec.plugin_error
        provider = load(spec.source.provider)
        with make_http(provider, stop) as http:
            if spec.source.pace is not None:
                http.keep_pace(spec.source.pace)
            return AtProvider.now(provider.get_status(http, spec.source.options, spec.options))

    return {
        (spec.dest, spec.name): NoStatus(
            FailureReport.of(found), by_provider=spec.plugin_error is None
        )
        if isinstance(found, BackhaulError)
        else found
        for spec, found in ask_each(specs, ask, stopped)
    }
