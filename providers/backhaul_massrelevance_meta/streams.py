"""API calls: the account's streams and one stream's meta."""

from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

from backhaul import ConfigError, Http, NotDataError, NotFoundError
from backhaul_massrelevance_meta.options import MassRelevanceSource

PROBE = "num_minutes=1&num_hours=1&num_days=1"


def account_streams(http: Http, source: MassRelevanceSource) -> list[dict[str, Any]]:
    """The entries of ``/{account}.json``.

    Raises:
        NotFoundError: no such account.
        NotDataError: not a list of streams.
    """
    url = f"{source.base_url}/{quote(source.account, safe='')}.json"
    try:
        document = http.get_json(url)
    except NotFoundError:
        raise NotFoundError(f"no account {source.account} at {source.base_url}") from None
    streams = document.get("streams") if isinstance(document, dict) else None
    if not isinstance(streams, list):
        raise NotDataError(f"{url} did not return a list of streams")
    return [one for one in streams if isinstance(one, dict) and isinstance(one.get("name"), str)]


def stream_meta(
    http: Http, source: MassRelevanceSource, stream: str, finish: datetime
) -> dict[str, Any]:
    """The stream's meta, with as little activity as possible.

    Raises:
        ConfigError: no such stream; suggests similar names.
        NotFoundError: no such account.
        NotDataError: not a meta object.
    """
    account = quote(source.account, safe="")
    url = f"{source.base_url}/{account}/{quote(stream, safe='')}/meta.json"
    try:
        meta = http.get_json(f"{url}?{PROBE}&finish={int(finish.timestamp())}")
    except NotFoundError:
        raise ConfigError(_unknown(http, source, stream)) from None
    if not isinstance(meta, dict):
        raise NotDataError(f"{url} did not return stream meta")
    return meta


def time_of(value: Any) -> datetime | None:
    """Parse an ISO 8601 time; None if invalid."""
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _unknown(http: Http, source: MassRelevanceSource, stream: str) -> str:
    names = [one["name"] for one in account_streams(http, source)]
    near = get_close_matches(stream, names, n=1)
    hint = (
        f" (did you mean {near[0]}?)"
        if near
        else f" (available: {', '.join(names[:10]) or 'none'})"
    )
    return f"account {source.account} has no stream {stream}{hint}: set stream to an existing one"
