"""Keys common to all sources of this package."""

from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import Field, ValidationInfo

from backhaul import Moment, SourceOptions
from backhaul_http_archives.auth import Auth
from backhaul_http_archives.keys import Contact, MissingStatuses, Rate

Source = TypeVar("Source", bound=SourceOptions)


class PoliteSource(SourceOptions):
    """Request limits of an archive, and the contact that it may require."""

    pace: Rate | None = Field(
        default=None,
        description="Maximum rate of all the source's requests together: `2/s`, `30/m`.",
        examples=["2/s"],
    )
    contact: Contact | None = Field(
        default=None,
        description="Contact address; added to the user agent.",
        examples=["ops@example.org"],
    )


class ArchiveSource(PoliteSource):
    """The same, for archives over HTTP, which may require a contact."""

    auth: Auth | None = Field(
        default=None,
        description="Credentials: `basic: [USER, PASSWORD]`, `bearer: TOKEN` or `header: {NAME: KEY}`.",
        examples=[{"basic": ["me", "${ARCHIVE_PASSWORD}"]}],
    )
    missing: MissingStatuses = Field(
        default=[404],
        description="Statuses that mean that a slot, a file or an index does not exist.",
        examples=[[403, 404]],
    )


def source_of(info: ValidationInfo, kind: type[Source]) -> Source | None:
    """The source of the job being validated, if it is known and valid."""
    context: Any = info.context or {}
    source = context.get("source")
    return source if isinstance(source, kind) else None


def check_period(start: Moment, end: Moment) -> None:
    """Raises ValueError if a period does not end after its start."""
    now = datetime.now(UTC)
    if end.at(now) <= start.at(now):
        raise ValueError(f"must be after from ({start}): the period is [from, to)")
