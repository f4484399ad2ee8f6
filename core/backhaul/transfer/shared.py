"""What the parts of an engine share."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from backhaul.mailbox import Mailbox
from backhaul.transfer.backlog import Backlog
from backhaul.transfer.connections import Connections
from backhaul.transfer.context import JobContext
from backhaul.transfer.outcome import Outcome
from backhaul.transfer.parts import Parts
from backhaul.transfer.queues import Queues
from backhaul.transfer.rate import RateLimit
from backhaul.transfer.table import Table
from backhaul.transfer.unit import Counters
from backhaul.transfer.workers import Workers
from backhaul.verify.bounded import ContentLimits


class Shared(NamedTuple):
    """An engine's state and resources, for those who carry out its work.

    Attributes:
        report: receives outcomes.
        jobs: contexts by job.
        mailbox: calls functions on the loop.
        workers: the threads that write and verify.
        backlog: data that waits for the workers.
        limits: decompression limits.
    """

    report: Callable[[Outcome], None]
    table: Table
    queues: Queues
    connections: Connections
    parts: Parts
    jobs: Mapping[str, JobContext]
    mailbox: Mailbox
    workers: Workers
    backlog: Backlog
    rate: RateLimit
    counters: Counters
    limits: ContentLimits
