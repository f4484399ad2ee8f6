"""What the threads of a job reach of the run."""

from dataclasses import dataclass

from backhaul.run.calls import Calls
from backhaul.run.files import FileDesk
from backhaul.run.first_answers import FirstAnswers
from backhaul.run.job_desk import JobDesk
from backhaul.run.streams import StreamDesk
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
    jobs: JobDesk
    files: FileDesk
    streams: StreamDesk
    answers: FirstAnswers
    limits: Limits
    durable: bool
