"""Asks several providers at once, and gives their answers in the order of the questions."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from backhaul.errors import BackhaulError

_AT_ONCE = 8
Q = TypeVar("Q")
A = TypeVar("A")


def ask_each(
    questions: Sequence[Q], ask: Callable[[Q, threading.Event], A]
) -> Iterator[tuple[Q, A | BackhaulError]]:
    """Each question with its answer, or with the error that it met.

    Args:
        questions: what to ask about.
        ask: asks one, in a thread of its own; the event tells its session to stop.
    """
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - not all commands ask

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
