"""The values that pass between a provider and the core.

All are frozen and slotted; the first one or two fields may be positional, the rest are
keyword-only. Times are aware datetimes in UTC; periods are half-open, ``[start, end)``. Sizes are
in bytes. Creating a value with an invalid field raises `checks.FieldError`.
"""

from backhaul.types.files import IDLE, Chunk, Content, Problem, RemoteFile, Request
from backhaul.types.jobs import JobStatus, RemoteJob, Slots, Totals
from backhaul.types.providers import Pace, ProviderInfo
from backhaul.types.states import (
    CONTENTS,
    HERE,
    MISSING,
    PACKINGS,
    PROVES_END,
    JobState,
    Proof,
    SlotState,
)

__all__ = [
    "CONTENTS",
    "HERE",
    "IDLE",
    "MISSING",
    "PACKINGS",
    "PROVES_END",
    "Chunk",
    "Content",
    "JobState",
    "JobStatus",
    "Pace",
    "Problem",
    "Proof",
    "ProviderInfo",
    "RemoteFile",
    "RemoteJob",
    "Request",
    "SlotState",
    "Slots",
    "Totals",
]
