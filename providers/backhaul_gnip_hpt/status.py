"""Convert the job object to a JobStatus. Only ``status`` decides; percentage and message are shown.

``percentComplete`` applies to the current phase (it can be 100 while estimating), and the messages
are documented as subject to change.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import Any

from backhaul import JobState, JobStatus, NotDataError, NotFoundError, ProviderError, Slots, Totals
from backhaul_gnip_hpt.links import SLOT
from backhaul_gnip_hpt.numbers import instant, minute, number, whole
from backhaul_gnip_hpt.results import Results

_STATES = {
    "open": JobState.PENDING,
    "opened": JobState.PENDING,
    "estimating": JobState.PENDING,
    "quoted": JobState.PENDING,
    "accepted": JobState.PENDING,
    "running": JobState.RUNNING,
    "completed": JobState.RUNNING,
    "delivered": JobState.READY,
    "finished": JobState.READY,
    "expired": JobState.READY,  # undocumented; decided by whether the links still work
    "failed": JobState.FAILED,
    "rejected": JobState.FAILED,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHORTEST = timedelta(0)
_LONGEST = timedelta(days=36525)  # anything longer is a typo and would have too many slots
_HINTS = {
    "open": "waiting for the provider's quote",
    "opened": "waiting for the provider's quote",
    "estimating": "the provider is preparing the quote",
    "quoted": "accept or reject the quote in the console",
    "accepted": "quote accepted; waiting to start",
    "completed": "the run has finished; the provider is validating it before delivery",
    "rejected": "the quote was rejected, so the job will never run",
    "failed": "the job failed at the provider",
}


def state_of(document: Mapping[str, Any]) -> JobState:
    """The state for the job's ``status``; an unknown one counts as running."""
    return _STATES.get(_word(document), JobState.RUNNING)


def from_job(document: Mapping[str, Any]) -> JobStatus:
    """The status according to the job object alone.

    Raises:
        NotDataError: the object has no ``status``.
    """
    word = _word(document)
    if not word:
        raise NotDataError("the job object has no status")
    found = document.get("results")
    results = found if isinstance(found, Mapping) else {}
    slots, warnings = _slots(document)
    percent = number(document.get("percentComplete"))
    return JobStatus(
        state_of(document),
        None if percent is None else min(max(percent, 0.0), 100.0),
        _message(word, document),
        expires=instant(results.get("expiresAt")),
        totals=Totals(whole(results.get("fileCount")), whole(results.get("activityCount"))),
        slots=slots,
        warnings=warnings,
    )


def with_results(status: JobStatus, results: Results, now: datetime) -> JobStatus:
    """A delivered job's status, completed from its list of links.

    Past the job's ``expiresAt`` it stays READY while links are listed, since they may still work.
    """
    totals, warnings = status.totals or Totals(), [*status.warnings, *results.oddities()]
    listed = results.count if results.count is not None else results.listed
    if totals.files is not None and totals.files != listed:
        warnings.append(
            f"the job reports {totals.files} files (fileCount), but its list has {listed} links"
        )
    expires = status.expires or results.expires
    if expires is not None and expires < now:
        warnings.append(f"the files expired at {expires:%Y-%m-%d %H:%M}Z; trying the links anyway")
    return replace(
        status,
        expires=expires,
        totals=Totals(
            totals.files if totals.files is not None else listed, totals.records, results.bytes
        ),
        warnings=tuple(warnings),
        doubt=results.doubt,
    )


def without_results(status: JobStatus, error: ProviderError, now: datetime) -> JobStatus:
    """A delivered job's status when its list of links is refused: expired, or not available yet.

    Raises:
        ProviderError: the refusal itself, if it is neither.
    """
    text = str(error) if error.response is None else error.response.text
    over = status.expires is not None and status.expires < now
    if "expired" in text.casefold() or over or status.message.startswith("expired:"):
        until = f" (expiresAt {status.expires:%Y-%m-%d %H:%M}Z)" if status.expires else ""
        message = f"the files have expired{until}; no links are available: {error}"
        return replace(status, state=JobState.EXPIRED, message=message)
    if not isinstance(error, NotFoundError):
        raise error
    message = f"{status.message}; links not available yet: {error}"
    return replace(status, state=JobState.RUNNING, message=message)


def _word(document: Mapping[str, Any]) -> str:
    value = document.get("status")
    return value.strip().casefold() if isinstance(value, str) else ""


def _message(word: str, document: Mapping[str, Any]) -> str:
    message = document.get("statusMessage")
    hint = _HINTS.get(
        word, "" if word in _STATES else f"unknown status {word!r}, treated as running"
    )
    quote = document.get("quote")
    if word == "quoted" and isinstance(quote, Mapping):
        size, until = whole(quote.get("estimatedActivityCount")), instant(quote.get("expiresAt"))
        hint += f" (about {size} activities)" if size is not None else ""
        hint += f" until {until:%Y-%m-%d %H:%M}Z" if until else ""
    own = message.strip() if isinstance(message, str) else ""
    return f"{word}: {'; '.join(part for part in (hint, own) if part) or 'no details'}"


def _slots(document: Mapping[str, Any]) -> tuple[tuple[Slots, ...], tuple[str, ...]]:
    """The ten-minute slots from ``fromDate`` to ``toDate``, widened to full ten minutes."""
    period = document.get("fromDate"), document.get("toDate")
    start, end = minute(period[0]), minute(period[1])
    if (
        start is None
        or end is None
        or end.year == MAXYEAR
        or not _SHORTEST < end - start < _LONGEST
    ):
        return (), (
            f"cannot parse the job's period (fromDate {period[0]!r}, toDate {period[1]!r})",
        )
    return (Slots(start - (start - _EPOCH) % SLOT, end + (_EPOCH - end) % SLOT, every=SLOT),), ()
