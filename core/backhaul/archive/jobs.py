"""What can be told without asking anybody: the ledger and a look at the disk."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backhaul.archive.fingerprint import Fingerprint, another
from backhaul.errors import ConfigError
from backhaul.ledger.ledger import Ledger, inspected
from backhaul.ledger.rows import JobRow
from backhaul.storage.destination import Destination
from backhaul.storage.job import looked_at

if TYPE_CHECKING:
    from backhaul.config import Config, JobSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownJob:
    """A job of the YAML and what the ledger has of it.

    Attributes:
        name, source, provider: as in the YAML.
        config: the file that names it.
        dest: the destination.
        row: the ledger's; None when it was never run.
        ledger: of the destination.
        folder: where its files are; None when there is nothing yet.
    """

    name: str
    source: str
    provider: str
    config: "Config"
    dest: Path
    row: JobRow | None
    ledger: Ledger
    folder: Destination | None

    @property
    def spec(self) -> "JobSpec":
        """What the YAML says of it."""
        return self.config.jobs[self.name]


def known_jobs(
    configs: "Sequence[Config]", only: Sequence[str] = (), *, again: bool = False
) -> Iterator[KnownJob]:
    """The jobs one after the other, each with its ledger open for as long as it is looked at.

    Args:
        configs: the files.
        only: names of jobs; none: all of them.
        again: it was looked at a moment ago. A first look says on stderr when a job's files are of
            another archive than the YAML names, and finds out whether each ledger is sound.

    Raises:
        ConfigError: a name in ``only`` is no job.
        LedgerError: a ledger is damaged.
    """
    listed = [job for config in configs for job in config.jobs.values()]
    for name in only:
        if all(job.name != name for job in listed):
            known = ", ".join(job.name for job in listed) or "none"
            raise ConfigError(f"--job {name}: no such job; there are: {known}")
    if not again:
        for dest in dict.fromkeys(config.settings.dest for config in configs):
            inspected(dest, readonly=True).abandon()
    for config in configs:
        for job in config.jobs.values():
            if only and job.name not in only:
                continue
            dest = config.settings.dest
            with (
                looked_at(dest, job.name) as folder,
                Ledger(dest, readonly=True) as ledger,
            ):
                row = ledger.jobs.get(job.name)
                if not again and row is not None and ledger.files.has_any(row.id):
                    _warn_of_another(dest, job, row)
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


def _warn_of_another(dest: Path, job: "JobSpec", row: JobRow) -> None:
    """Says so when the ledger's files are of another archive than the YAML now names."""
    kept = Fingerprint.kept(row)
    source, own = (
        {key: given[key].reveal() for key in known.keys() & given.keys()}
        for given, known in ((job.source.given, kept.source), (job.given, kept.job))
    )
    now = Fingerprint(provider=job.source.provider, source=source, job=own)
    differs = now.differs(kept)
    if differs:
        log.warning("%s: %s", job.name, another(dest, job.name, differs))
