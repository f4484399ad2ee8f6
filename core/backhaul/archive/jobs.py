"""Reads jobs from the ledger and the disk, without contacting any server."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backhaul.archive.fingerprint import Fingerprint, another
from backhaul.errors import UnknownJobError
from backhaul.ledger.ledger import Ledger, inspected
from backhaul.ledger.rows import JobRow
from backhaul.storage.destination import Destination
from backhaul.storage.job import looked_at
from backhaul.storage.location import Location

if TYPE_CHECKING:
    from backhaul.config import Config, JobSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownJob:
    """A job of the YAML with its data in the ledger.

    Attributes:
        name, source, provider: as in the YAML.
        config: the configuration file.
        dest: the destination.
        row: the ledger's row; None if the job never ran.
        ledger: the destination's ledger.
        folder: where its files are; None if there are none yet.
    """

    name: str
    source: str
    provider: str
    config: "Config"
    dest: Location
    row: JobRow | None
    ledger: Ledger
    folder: Destination | None

    @property
    def spec(self) -> "JobSpec":
        """The job's configuration."""
        return self.config.jobs[self.name]


def known_jobs(
    configs: "Sequence[Config]", only: Sequence[str] = (), *, again: bool = False
) -> Iterator[KnownJob]:
    """The jobs in turn, each with its ledger open during the iteration.

    Args:
        configs: the configurations.
        only: names of jobs; empty for all.
        again: they were read a moment ago. The first time, the ledgers are checked for damage, and a
            warning is given if a job's files belong to another archive than the YAML names.

    Raises:
        UnknownJobError: a name in ``only`` is not a job.
        LedgerError: a ledger is damaged.
    """
    UnknownJobError.check(only, (name for config in configs for name in config.jobs))
    if not again:
        for dest in dict.fromkeys(config.dest for config in configs):
            inspected(dest.workspace, readonly=True).abandon()
    for config in configs:
        for job in config.jobs.values():
            if only and job.name not in only:
                continue
            dest = config.dest
            with (
                looked_at(dest, job.name) as folder,
                Ledger(dest.workspace, readonly=True) as ledger,
            ):
                row = ledger.jobs.get(job.name)
                if not again and (conflict := conflict_of(job, ledger, row)):
                    log.warning("%s: %s", job.name, conflict)
                yield KnownJob(
                    name=job.name,
                    source=job.source.name,
                    provider=job.source.provider,
                    config=config,
                    dest=dest,
                    row=row,
                    ledger=ledger,
                    folder=folder,
                )


def conflict_of(job: "JobSpec", ledger: Ledger, row: JobRow | None) -> str:
    """Says that the job's files belong to another archive than the YAML now names; '' if they do not."""
    if row is None or not ledger.files.has_any(row.id):
        return ""
    kept = Fingerprint.kept(row)
    source, own = (
        {key: given[key].reveal() for key in known.keys() & given.keys()}
        for given, known in ((job.source.given, kept.source), (job.given, kept.job))
    )
    now = Fingerprint(provider=job.source.provider, source=source, job=own)
    differs = now.differs(kept)
    return another(job.dest, job.name, differs) if differs else ""
