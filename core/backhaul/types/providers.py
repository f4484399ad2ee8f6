"""What a provider says of itself."""

from dataclasses import KW_ONLY, dataclass
from inspect import isclass
from typing import TYPE_CHECKING

from backhaul import checks

if TYPE_CHECKING:
    from backhaul.options import JobOptions, SourceOptions


@dataclass(frozen=True, slots=True)
class Pace:
    """How politely a provider's API is asked.

    Attributes:
        per_second: calls a second at most, to one origin; None: no limit.
        burst: calls that may follow each other at once.
    """

    per_second: float | None = None
    _: KW_ONLY
    burst: int = 1

    def __post_init__(self) -> None:
        checks.number(self, "per_second")
        checks.count(self, "burst", least=1)


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """What a provider is: its title, its options and its manners.

    Attributes:
        title: the name for people.
        source: pydantic model of the keys of a source (an account).
        job: pydantic model of the keys of a job.
        pace: how politely the API is asked.
        call_cost: rate points that one API call costs, where the provider charges for calls (for ``plan``).
        series: key of ``RemoteFile.meta`` by which a job's files are of different kinds, each rolled
            up by itself (an archive with a file a day for each of several types of message, say).
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
