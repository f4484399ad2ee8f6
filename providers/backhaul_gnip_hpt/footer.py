"""The last line of a data file: ``{"info":{"message":..,"sent":..,"activity_count":895}}``.

HPT article, "Technical Details": each file has a single info footer. It is the only proof that a
file is whole: gzip's own end is also there when the provider's writer stopped early.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from backhaul import Content, FailureKind, Problem
from backhaul_gnip_hpt.numbers import whole


def check(content: Content) -> Iterator[Problem]:
    """Say what is wrong with a data file: no footer, or another count than its lines'."""
    footer = read(content.last)
    if footer is None:
        what = "its last line is something else" if content.last else "it has no line at all"
        yield Problem(f"the info footer is missing: {what}", FailureKind.TRUNCATED)
        return
    said, counted = whole(footer.get("activity_count")), content.records
    if said is None:
        yield Problem(
            f"the info footer has no readable activity_count; the file holds {counted} activities",
            FailureKind.COUNT_MISMATCH,
            fatal=False,
        )
    elif said != counted:
        yield Problem(
            f"the info footer says {said} activities, the file holds {counted}",
            FailureKind.COUNT_MISMATCH,
        )


def read(line: bytes) -> Mapping[str, Any] | None:
    """The footer's ``info`` object; None when the line is no footer (an activity has an ``id``)."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or "id" in document:
        return None
    info = document.get("info")
    return info if isinstance(info, dict) else None
