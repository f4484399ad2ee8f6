"""What the threads of a job reach of the run."""

from dataclasses import dataclass

from backhaul.run.calls import Calls
from backhaul.run.chunked_files import ChunkedFiles
from backhaul.run.job_coordinator import JobCoordinator
from backhaul.run.start_barrier import StartBarrier
from backhaul.run.transfer_events import TransferEvents
from backhaul.verify.verifier import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """Handed to each job's threads.

    Attributes:
        calls: carries messages to the driver's thread.
        jobs, files, streams: whose methods are called there, and only there.
        answers: lets jobs wait for one another's first answer.
        limits: bounds of what files may become when they are unpacked.
        durable: whether what is said to be here outlives a power cut.
    """

    calls: Calls
    jobs: JobCoordinator
    files: TransferEvents
    streams: ChunkedFiles
    barrier: StartBarrier
    limits: Limits
    durable: bool
