"""Queries several providers in parallel; returns the answers in the order of the questions."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from backhaul.archive.status import AtProvider, Unasked
from backhaul.errors import BackhaulError, FailureReport
from backhaul.storage.location import Location

if TYPE_CHECKING:
    from backhaul.config import JobSpec
    from backhaul.plugins.facade import Provider

_AT_ONCE = 8
Q = TypeVar("Q")
A = TypeVar("A")


def ask_each(
    questions: Sequence[Q], ask: Callable[[Q, threading.Event], A]
) -> Iterator[tuple[Q, A | BackhaulError]]:
    """Each question with its answer or the error it raised.

    Args:
        questions: what to ask about.
        ask: asks one question, in its own thread; the event tells its session to stop.
    """
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - not all commands need it

    stop = threading.Event()
    pool = ThreadPoolExecutor(min(_AT_ONCE, max(1, len(questions))), thread_name_prefix="ask")
    waiting = [pool.submit(ask, question, stop) for question in questions]
    try:
        for question, future in zip(questions, waiting, strict=True):
            try:
                yield question, future.result()
            except BackhaulError as error:
                yield question, error
    finally:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)


def ask_statuses(
    specs: "Sequence[JobSpec]",
    *,
    load: "Callable[[str], Provider]",
    make_http: Callable[..., Any],
) -> dict[tuple[Location, str], AtProvider | Unasked]:
    """What each job's provider currently says about it, or an error; by destination and name.

    Args:
        specs: the jobs.
        load: returns the Provider with a given name; raises PluginError.
        make_http: creates a provider's API session for one job.
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
        (spec.dest, spec.name): Unasked(
            FailureReport.of(found), by_provider=spec.plugin_error is None
        )
        if isinstance(found, BackhaulError)
        else found
        for spec, found in ask_each(specs, ask)
    }
