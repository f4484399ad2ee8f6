"""What a person should know of a job beside its counts."""

from collections.abc import Iterator

from backhaul.ledger.rows import JobRow, moment
from backhaul.wording import refused


def notes(row: JobRow) -> Iterator[str]:
    """That the provider refused when it was last asked, and that silence is not proven."""
    if row.refused is not None:
        yield refused(*row.refused_with(), moment(row.refused))
    if row.doubt:
        yield doubtful(row.doubt)


def doubtful(doubt: str) -> str:
    """That silence is not proven, and why."""
    return f"which slots are silent is not known: {doubt}"
