"""A provider's description of itself."""

from dataclasses import KW_ONLY, dataclass
from inspect import isclass
from typing import TYPE_CHECKING

from backhaul import checks

if TYPE_CHECKING:
    from backhaul.options import JobOptions, SourceOptions


@dataclass(frozen=True, slots=True)
class Pace:
    """Rate limit for requests to a provider's API.

    Attributes:
        per_second: maximum calls per second to one origin; None: no limit.
        burst: number of calls that may be made without a delay.
    """

    per_second: float | None = None
    _: KW_ONLY
    burst: int = 1

    def __post_init__(self) -> None:
        checks.number(self, "per_second")
        checks.count(self, "burst", least=1)


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """A provider's title, options and rate limits.

    Attributes:
        title: human-readable name.
        source: pydantic model of the keys of a source (an account).
        job: pydantic model of the keys of a job.
        pace: rate limit for API requests.
        call_cost: rate points that one API call costs, if the provider charges for calls (for ``plan``).
        series: key of ``RemoteFile.meta`` that splits a job's files into series, each rolled up
            separately (one daily file per message type, say).
        example: a commented YAML example for ``backhaul init``.
    """

    title: str
    source: "type[SourceOptions]"
    job: "type[JobOptions]"
    _: KW_ONLY
    pace: Pace | None = None
    call_cost: float | None = None
    series: str = ""
    example: str = ""

    def __post_init__(self) -> None:
        from backhaul.options import JobOptions, SourceOptions  # noqa: PLC0415 - pydantic is heavy

        checks.a(self, "title", str)
        for name, base in (("source", SourceOptions), ("job", JobOptions)):
            if not (isclass(model := getattr(self, name)) and issubclass(model, base)):
                checks.wrong(self, name, f"a class of {base.__name__}")
        checks.a(self, "pace", Pace, optional=True)
