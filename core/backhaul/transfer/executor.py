"""The seam between the driver, which owns the ledger, and whoever carries out transfers."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from backhaul.transfer.context import JobContext
from backhaul.transfer.unit import Counters, Transfer, origin
from backhaul.types import Pace

MANY = 250  # files of a unit, at most
LARGE = 256 << 20  # bytes of a unit, about


class WorkUnit(NamedTuple):
    """Some transfers of one job from one host: what is given out, and could be to any process.

    All in it is plain and picklable, and its times are of the wall clock.

    Attributes:
        job: the job's key.
        transfers: in the order in which they begin.
        partials: names of those of which an earlier run left a part.
    """

    job: str
    transfers: tuple[Transfer, ...]
    partials: frozenset[str] = frozenset()


def units(transfers: Sequence[Transfer], partials: Collection[str] = ()) -> Iterator[WorkUnit]:
    """Transfers of one job as units, in order; ``partials``: names of which a part may be here."""
    some: list[Transfer] = []
    size, host = 0, ""
    for transfer in transfers:
        its = _host(transfer)
        if some and (its != host or size >= LARGE or len(some) >= MANY):
            yield _unit(some, partials)
            some, size = [], 0
        host = its
        some.append(transfer)
        size += transfer.file.size or 0
    if some:
        yield _unit(some, partials)


def _host(transfer: Transfer) -> str:
    try:
        return origin(transfer.request.url)
    except ValueError:  # whoever carries it out says so
        return ""


def _unit(transfers: Sequence[Transfer], partials: Collection[str]) -> WorkUnit:
    left = [each.file.name for each in transfers if each.file.name in partials] if partials else ()
    return WorkUnit(transfers[0].job, tuple(transfers), frozenset(left))


class Executor(Protocol):
    """Carries out transfers; used by one thread, and never waits for it.

    It is made with a function to which it delivers outcomes, in order, from any thread. So the
    driver has one place where it waits, for outcomes and for all else.

    Attributes:
        counters: what it did so far; to be read only.
    """

    counters: Counters

    def begin(self, job: str, context: JobContext) -> None:
        """A job is about to submit units."""

    def end(self, job: str) -> None:
        """Nothing more comes of a job."""

    def submit(self, unit: WorkUnit) -> None:
        """Takes a unit: for each of its transfers one outcome is delivered, but see ``cancel``."""

    def withdraw(self, job: str) -> None:
        """Takes back a job's transfers that have not begun; they are delivered as Withdrawn."""

    def published(self, job: str, names: Collection[str]) -> None:
        """These files have their final names, or never will."""

    def cancel(self, jobs: Collection[str] | None) -> None:
        """Ends the transfers of some jobs (None: of all) at once; what is large is kept for later.

        Nothing more is delivered of them, but what is verified already.
        """

    def forget(self, job: str) -> None:
        """Lets go of what is kept of a job's files that will not be submitted again."""

    def hold(self, jobs: Collection[str]) -> None:
        """Begins nothing more of some jobs; see Engine.hold."""

    def release(self, job: str) -> None:
        """Resumes a job that was held."""

    def at_work(self, job: str) -> bool:
        """Whether something of a job is still being verified, written or kept aside."""
        ...

    def pace(self, origin: str, pace: Pace) -> None:
        """Has requests to an origin go out no faster than the provider likes."""

    def remember(self, hosts: Mapping[str, int]) -> None:
        """How many connections origins allowed in an earlier run."""

    def hosts(self) -> list[tuple[str, int]]:
        """How many connections each origin allows."""
        ...

    def received(self, job: str, size: int) -> None:
        """Counts bytes that came in another way."""

    def close(self) -> None:
        """Ends, once what is being verified is delivered."""
