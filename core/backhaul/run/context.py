"""The parts of the run that a job's threads may use."""

from typing import NamedTuple

from backhaul.run.calls import Calls
from backhaul.run.chunked_files import ChunkedFiles
from backhaul.run.job_coordinator import JobCoordinator
from backhaul.run.start_barrier import StartBarrier
from backhaul.run.transfer_events import TransferEvents
from backhaul.verify.bounded import ContentLimits


class RunContext(NamedTuple):
    """Passed to each job's threads.

    Attributes:
        calls: calls functions on the driver's thread.
        jobs, files, streams: their methods must only be called on that thread.
        answers: lets jobs wait for one another's first answer.
        limits: decompression limits.
        durable: whether present files must survive a power failure.
    """

    calls: Calls
    jobs: JobCoordinator
    files: TransferEvents
    streams: ChunkedFiles
    barrier: StartBarrier
    limits: ContentLimits
    durable: bool
