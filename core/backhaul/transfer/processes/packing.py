"""Outcomes as sent by a worker: without the transfers, which the driver's process has kept."""

from collections.abc import Callable, Iterable
from typing import Any

from backhaul.transfer.outcome import (
    Done,
    Failed,
    Outcome,
    Retrying,
    Stale,
    Unchanged,
    Withdrawn,
)
from backhaul.transfer.processes.plain import content_of, plain_content
from backhaul.transfer.unit import Transfer

_KINDS = (Done, Failed, Retrying, Stale, Unchanged)
_DONE = _KINDS.index(Done)


def pack(outcomes: Iterable[Outcome]) -> list[tuple[Any, ...]]:
    """Makes outcomes small: name and job replace the transfer, and data that only a check needs is left out."""
    return [_packed(outcome) for outcome in outcomes]


def _packed(outcome: Outcome) -> tuple[Any, ...]:
    if isinstance(outcome, Withdrawn):
        return (-1, *outcome)
    transfer = outcome.transfer
    rest: list[Any] = list(outcome[1:])
    if isinstance(outcome, Done):
        rest[0] = plain_content(outcome.content)
    return (_KINDS.index(type(outcome)), transfer.job, transfer.file.name, *rest)


def unpack(
    packed: Iterable[tuple[Any, ...]], transfer_of: Callable[[str, str], Transfer | None]
) -> list[Outcome]:
    """The outcomes; ``transfer_of`` returns the transfer with a job and name, if it is still wanted."""
    outcomes: list[Outcome] = []
    for kind, job, name, *rest in packed:
        if kind < 0:
            outcomes.append(Withdrawn(job, name, *rest))
        elif (transfer := transfer_of(job, name)) is not None:
            if kind == _DONE:
                rest[0] = content_of(rest[0])
            outcomes.append(_KINDS[kind](transfer, *rest))
    return outcomes
