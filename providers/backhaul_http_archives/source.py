"""Keys that the sources of this package share."""

from pydantic import Field

from backhaul import SourceOptions
from backhaul_http_archives.auth import Auth
from backhaul_http_archives.keys import Contact, Rate


class ArchiveSource(SourceOptions):
    """How an archive wants to be asked."""

    auth: Auth | None = Field(
        default=None,
        description="Credentials: `basic: [USER, PASSWORD]`, `bearer: TOKEN` or `header: {NAME: KEY}`.",
        examples=[{"basic": ["me", "${ARCHIVE_PASSWORD}"]}],
    )
    pace: Rate | None = Field(
        default=None,
        description="Requests at most, over all connections: `2/s`, `30/m`.",
        examples=["2/s"],
    )
    contact: Contact | None = Field(
        default=None,
        description="Where the archive reaches you; added to the user agent.",
        examples=["ops@example.org"],
    )
