"""The interface between the driver, which owns the ledger, and executors of transfers."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from backhaul.transfer.context import JobContext
from backhaul.transfer.unit import Counters, Transfer, origin
from backhaul.types import Pace

if TYPE_CHECKING:
    from backhaul.config.settings import Settings
    from backhaul.transfer.outcome import Outcome

MANY = 250  # maximum files of a unit
LARGE = 256 << 20  # approximate maximum bytes of a unit


class WorkUnit(NamedTuple):
    """Transfers of one job from one host: the unit of work, which any process could carry out.

    Plain and picklable; its times are wall-clock times.

    Attributes:
        job: the job's key.
        transfers: in the order in which to start them.
        partials: names of those that have a part from an earlier run.
    """

    job: str
    transfers: tuple[Transfer, ...]
    partials: frozenset[str] = frozenset()


def units(transfers: Sequence[Transfer], partials: Collection[str] = ()) -> Iterator[WorkUnit]:
    """Splits transfers of one job into units, in order; ``partials``: names that may have a part."""
    some: list[Transfer] = []
    size, host = 0, ""
    for transfer in transfers:
        its = host_of(transfer)
        if some and (its != host or size >= LARGE or len(some) >= MANY):
            yield _unit(some, partials)
            some, size = [], 0
        host = its
        some.append(transfer)
        size += transfer.file.size or 0
    if some:
        yield _unit(some, partials)


def host_of(transfer: Transfer) -> str:
    """The origin that a transfer belongs to; empty if its URL is invalid."""
    try:
        return origin(transfer.request.url)
    except ValueError:  # reported by the executor
        return ""


def _unit(transfers: Sequence[Transfer], partials: Collection[str]) -> WorkUnit:
    left = [each.file.name for each in transfers if each.file.name in partials] if partials else ()
    return WorkUnit(transfers[0].job, tuple(transfers), frozenset(left))


class Setup(NamedTuple):
    """The arguments of every executor.

    Attributes:
        deliver: receives outcomes, on one of the executor's threads; must not block.
        crashed: called on such a thread with an error that ends the executor.
        settings: the user's.
        connections: maximum number of connections.
    """

    deliver: "Callable[[Sequence[Outcome]], None]"
    crashed: Callable[[BaseException], None]
    settings: "Settings"
    connections: int


class Executor(Protocol):
    """Carries out transfers; used by one thread, which it never blocks.

    It delivers outcomes in order, from any thread, to a function passed on creation, so that the driver
    waits in one place for everything.
    """

    @property
    def counters(self) -> Counters:
        """Read-only statistics."""
        ...

    def begin(self, job: str, context: JobContext) -> None:
        """Announces a job before its first unit."""

    def end(self, job: str) -> None:
        """The job has no transfers left."""

    def submit(self, unit: WorkUnit) -> None:
        """Accepts a unit; delivers one outcome for each of its transfers, but see ``cancel``."""

    def withdraw(self, job: str) -> None:
        """Withdraws a job's transfers that have not started; they are delivered as Withdrawn."""

    def published(self, job: str, names: Collection[str]) -> None:
        """These files are published, or never will be."""

    def cancel(self, jobs: Collection[str] | None) -> None:
        """Stops the transfers of some jobs (None: all) immediately, keeping large files for later.

        No more outcomes are delivered for them, except for files that are already verified.
        """

    def forget(self, job: str) -> None:
        """Discards data kept for a job's files that will not be submitted again."""

    def hold(self, jobs: Collection[str]) -> None:
        """Starts no more transfers of some jobs; see Engine.hold."""

    def release(self, job: str) -> None:
        """Resumes a held job."""

    def at_work(self, job: str) -> bool:
        """Whether files of a job are still being verified, written or kept."""
        ...

    def pace(self, origin: str, pace: Pace) -> None:
        """Limits requests to an origin to the provider's pace."""

    def remember(self, hosts: Mapping[str, int]) -> None:
        """Sets the number of connections that origins allowed in an earlier run."""

    def hosts(self) -> list[tuple[str, int]]:
        """How many connections each origin allows."""
        ...

    def received(self, job: str, size: int) -> None:
        """Counts bytes that were received by other means."""

    def close(self) -> None:
        """Shuts down, after delivering files that are being verified."""
