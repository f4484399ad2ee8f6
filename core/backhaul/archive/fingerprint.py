"""Fingerprints: two fingerprints are two archives, whatever the job is called."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, Self

from backhaul.storage.job import url_of
from backhaul.storage.location import Location

if TYPE_CHECKING:
    from backhaul.ledger.rows import JobRow

_SHOWN = 60  # maximum characters of a value in a message


class Fingerprint(NamedTuple):
    """A job's identity. Keys known for only one of two fingerprints do not distinguish them.

    Attributes:
        provider: the provider's name.
        source, job: the keys that the provider marks as identity, with their values.
        location: scheme, host and port of the service; '' if unknown. Not part of the identity.
    """

    provider: str
    source: Mapping[str, str] = {}
    job: Mapping[str, str] = {}
    location: str = ""

    @classmethod
    def kept(cls, row: "JobRow") -> Self:
        """A job's fingerprint in the ledger; contains at least the provider."""
        try:
            found = json.loads(row.fingerprint or "")
            return cls(
                provider=str(found["provider"]),
                source=dict(found["source"]),
                job=dict(found["job"]),
                location=str(found["location"]),
            )
        except (ValueError, KeyError, TypeError):
            return cls(provider=row.provider)

    def text(self) -> str:
        """Serializes it for the ledger."""
        return json.dumps(self._asdict(), sort_keys=True)

    def after(self, kept: Self) -> Self:
        """This fingerprint, with values known only from the stored one."""
        return type(self)(
            provider=self.provider,
            source={**kept.source, **self.source},
            job={**kept.job, **self.job},
            location=self.location or kept.location,
        )

    def differs(self, kept: Self) -> str:
        """The difference, such as ``account "new" instead of "old"``; '' if there is none."""
        return ", ".join(
            f"{key} {_quoted(now)} instead of {_quoted(before)}"
            for key, now, before in self._pairs(kept)
            if now != before
        )

    def is_same_job(self, kept: Self) -> bool:
        """Whether both certainly stand for the same archive, or for parts of it."""
        return bool(self.source or self.job) and (self.provider, self.source, self.job) == (
            kept.provider,
            kept.source,
            kept.job,
        )

    def moved(self, kept: Self) -> bool:
        """Whether the service is known to have changed its host or port."""
        return bool(self.location and kept.location and self.location != kept.location)

    def _pairs(self, kept: Self) -> Iterator[tuple[str, str, str]]:
        yield "provider", self.provider, kept.provider
        if self.provider != kept.provider:
            return  # keys of different providers are not comparable
        for mine, theirs in ((self.source, kept.source), (self.job, kept.job)):
            for key in mine.keys() & theirs.keys():
                yield key, mine[key], theirs[key]


def another_archive(dest: Location, job: str, differs: str) -> str:
    """The error message if a job's folder contains another archive's files.

    Args:
        dest: the destination.
        job: the job's name.
        differs: the difference (see Fingerprint.differs).
    """
    return (
        f"{url_of(dest, job)} contains files of another account or job: the configuration now has {differs}."
        " Give this job another name or dest; or, if both are the same archive, run once with"
        f" --same-archive {job}"
    )


def _quoted(value: str) -> str:
    return '"' + (value if len(value) <= _SHOWN else value[: _SHOWN - 3] + "...") + '"'
