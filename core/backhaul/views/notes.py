"""Notes on a job, shown with its counts."""

from collections.abc import Iterator

from backhaul.ledger.rows import JobRow, moment
from backhaul.wording import refused


def notes(row: JobRow) -> Iterator[str]:
    """That the provider refused when it was last asked, and that silence is not proven."""
    refusal = row.refused_with()
    if refusal is not None:
        yield refused(*refusal, moment(row.refused))
    if row.doubt:
        yield doubtful(row.doubt)


def doubtful(doubt: str) -> str:
    """That silence is not proven, and why."""
    return f"which slots are silent is not known: {doubt}"
