"""The parameters of the Stream Meta API, named as there, and validated.

Source: "Stream Meta API" page (standard, top tweets, hashtags, links, contributors, topics,
moments). ``networks`` and those after ``top_moments_count`` are from later editions, which do not
specify the values of some; these are passed through unchanged.
"""

import re
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from backhaul import JobOptions

DEFAULTS = {"num_minutes": 60, "num_hours": 24, "num_days": 365}
_MILLISECONDS = 100_000_000_000


def _joined(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = ",".join(value)
    if not isinstance(value, str):
        raise ValueError("must be a quoted string such as 'a,2012070412', or a list of strings")  # noqa: TRY004 - pydantic reads ValueError
    return value


def _periods(value: Any) -> str:
    text = _joined(value)
    for period in text.split(","):
        if period != "a" and not _is_period(period):
            raise ValueError(
                f"{period!r} is neither 'a' (all time) nor a UTC day or hour such as 20120704 or "
                "2012070412"
            )
    return str(text)


def _is_period(text: str) -> bool:
    if not re.fullmatch(r"\d{8}(\d\d)?", text):
        return False
    try:
        datetime.strptime(text.ljust(10, "0"), "%Y%m%d%H")  # noqa: DTZ007 - only whether it parses
    except ValueError:
        return False
    return True


def _hours_ago(value: Any) -> str:
    numbers = value if isinstance(value, list) else [value]
    if all(isinstance(one, int) and not isinstance(one, bool) for one in numbers):
        value = [str(one) for one in numbers]
    text = _joined(value)
    if not re.fullmatch(r"\d+(,\d+)*", text):
        raise ValueError("must be hours ago such as '1,2,3', or a list of integers")
    return str(text)


def _words(value: Any) -> str:
    text = _joined(value)
    if not all(word.strip() for word in text.split(",")):
        raise ValueError("must be comma-separated words such as 'obama,romney'")
    return str(text)


def _csv(example: str) -> WithJsonSchema:
    text = {"type": ["string", "integer"], "examples": [example]}
    return WithJsonSchema({"anyOf": [text, {"type": "array", "items": text}]})


Count = Annotated[int, Field(gt=0)]
Bit = Annotated[int, Field(ge=0, le=1)]  # not a Literal: True equals 1 and would be sent as True
Periods = Annotated[str, BeforeValidator(_periods), _csv("a,2012070412")]
HoursAgo = Annotated[str, BeforeValidator(_hours_ago), _csv("1,2,3")]
Words = Annotated[str, BeforeValidator(_words), _csv("obama,romney")]


class MetaParams(JobOptions):
    """Query parameters. Any that are not set use the API's default."""

    num_minutes: Count | None = Field(default=None, description="Minutes of activity; default 60.")
    num_hours: Count | None = Field(default=None, description="Hours of activity; default 24.")
    num_days: Count | None = Field(default=None, description="Days of activity; default 365.")
    activity: Bit | None = Field(default=None, description="0 omits activity and count.")
    finish: Annotated[int, Field(gt=0)] | None = Field(
        default=None,
        description="Unix time in seconds at which activity ends; replaces `to` and `every`.",
        examples=[1349278694],
    )
    networks: Bit | None = Field(default=None, description="1 adds networks.")
    top_periods: Periods | None = Field(default=None, description="Periods of the top tweets.")
    top_periods_relative: HoursAgo | None = Field(
        default=None, description="Periods in hours before now, instead of top_periods."
    )
    top_count: Count | None = Field(default=None, description="Tweets per period; default 5.")
    num_hashtags: Count | None = Field(default=None, description="Hashtags; default 10.")
    num_links: Count | None = Field(default=None, description="Links; default 10.")
    num_contributors: Count | None = Field(default=None, description="Contributors; default 10.")
    num_trends: Count | None = Field(default=None, description="Trends per bucket; default 30.")
    disregard: Words | None = Field(default=None, description="Trends to leave out.")
    top_moments: Periods | None = Field(default=None, description="Periods of the top moments.")
    top_moments_relative: HoursAgo | None = Field(
        default=None, description="Periods in hours before now, instead of top_moments."
    )
    top_moments_count: Count | None = Field(
        default=None, description="Moments per period; default 1."
    )
    all_topics: Bit | None = Field(default=None, description="1 adds all topics.")
    sort: str | None = Field(default=None, min_length=1, description="Passed through unchanged.")
    percent: str | int | None = Field(default=None, description="Passed through unchanged.")
    precision: Annotated[int, Field(ge=0)] | None = Field(default=None, description="Digits.")
    tweet_mode: str | None = Field(
        default=None, min_length=1, description="Passed through unchanged."
    )
    sources: str | int | None = Field(default=None, description="Passed through unchanged.")

    @field_validator("finish")
    @classmethod
    def _in_seconds(cls, value: int | None) -> int | None:
        if value is not None and value >= _MILLISECONDS:
            raise ValueError(f"is in milliseconds; in seconds it is {value // 1000}")
        return value

    @field_validator("top_periods_relative", "top_moments_relative")
    @classmethod
    def _one_form(cls, value: str | None, info: ValidationInfo) -> str | None:
        other = str(info.field_name).removesuffix("_relative")
        if value is not None and info.data.get(other) is not None:
            raise ValueError(f"cannot be combined with {other}: the API accepts only one of them")
        return value

    def query(self, finish: datetime) -> str:
        """The query string; ``finish`` is always present, and last."""
        given = self.model_dump(exclude_none=True, exclude={"finish"})
        pairs = {**given, "finish": int(finish.timestamp())}
        return urlencode(pairs, safe=",", quote_via=quote)

    def length(self, name: str) -> int:
        """The number of items requested by ``num_minutes``, ``num_hours`` or ``num_days``."""
        value = getattr(self, name)
        return DEFAULTS[name] if value is None else int(value)
