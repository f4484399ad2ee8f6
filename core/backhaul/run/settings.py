"""How a run goes about its work."""

from dataclasses import dataclass, field

from backhaul.ledger.waiting import WRITING
from backhaul.transfer.patience import Patience


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """Settings of the YAML and options of the command line, resolved.

    Attributes:
        connections, connections_per_host: ceilings; fewer are used when more do not help.
        limit_rate: bytes a second in all.
        retries: attempts in a row that bring too little before a file is given up.
        durable: whether files survive a power cut the moment the ledger says done.
        min_free: bytes that stay free on the destination's disk.
        disk_patience: seconds to wait for room once there is less.
        ledger_patience: seconds that another program may hold a ledger without a break.
        max_inflate_ratio, max_inflated_size: bounds of gzip files.
        max_file_size: largest file that is accepted, as stored, bytes.
        max_duration: seconds after which the run ends cleanly.
        rejected_limit: bytes of rejected bodies to keep, all jobs of a destination together; 0: none.
        only_failed: fetch only what failed before.
        refresh: ask for everything again, and replace what has changed.
        status_patience: seconds that a ready job waits for the others' first answer.
        patience: when a transfer counts as stalled.
        agent: the User-Agent of transfers; None: backhaul and its version.
    """

    connections: int = 96
    connections_per_host: int = 96
    limit_rate: int | None = None
    retries: int = 6
    durable: bool = True
    min_free: int = 64 << 20
    disk_patience: float = 600.0
    ledger_patience: float = WRITING
    max_inflate_ratio: float = 1100.0
    max_inflated_size: int = 1 << 40
    max_file_size: int = 1 << 40
    max_duration: float | None = None
    rejected_limit: int = 1 << 30
    only_failed: bool = False
    refresh: bool = False
    status_patience: float = 5.0
    patience: Patience = field(default_factory=Patience)
    agent: str | None = None
