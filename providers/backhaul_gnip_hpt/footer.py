"""The last line of a data file: ``{"info":{"message":..,"sent":..,"activity_count":895}}``.

HPT article, "Technical Details": each file has a single info footer. It is the only proof that a
file is complete: if the provider's writer stopped early, the gzip trailer is still valid.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from backhaul import Content, FailureKind, Problem
from backhaul_gnip_hpt.numbers import whole


def check(content: Content) -> Iterator[Problem]:
    """Check a data file: its footer must be present and its count match the lines."""
    footer = read(content.last)
    if footer is None:
        what = "the last line is not a footer" if content.last else "the file is empty"
        yield Problem(f"the info footer is missing: {what}", FailureKind.TRUNCATED)
        return
    sent, counted = whole(footer.get("activity_count")), content.records
    if sent is None:
        yield Problem(
            f"the info footer has no valid activity_count; the file has {counted} activities",
            FailureKind.COUNT_MISMATCH,
            fatal=False,
        )
    elif sent != counted:
        yield Problem(
            f"the info footer declares {sent} activities, but the file has {counted}",
            FailureKind.COUNT_MISMATCH,
        )


def read(line: bytes) -> Mapping[str, Any] | None:
    """The footer's ``info`` object; None if the line is not a footer (an activity has an ``id``)."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or "id" in document:
        return None
    info = document.get("info")
    return info if isinstance(info, dict) else None
