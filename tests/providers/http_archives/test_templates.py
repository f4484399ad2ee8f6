"""Templates can access only their own fields; errors say what to write."""

from datetime import UTC, datetime, timedelta

import pytest

from backhaul_http_archives.keys import parse_url
from backhaul_http_archives.template import Template
from backhaul_http_archives.values import in_url

START = datetime(2026, 3, 5, 7, 8, 9, tzinfo=UTC)
END = START + timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{start:%Y-%m-%d}-{start:%-H}.json.gz", "2026-03-05-7.json.gz"),
        ("{start:%Y/%m/%d}", "2026/03/05"),
        ("{start:%F}T{start:%H%M%S}", "2026-03-05T070809"),
        ("{end:%y%j}", "26065"),
        ("{start:%-m}/{start:%-d}/{start:%-M}/{start:%-S}/{start:%-j}", "3/5/8/9/64"),
        ("{start:%B %b %A %a}", "March Mar Thursday Thu"),
        ("{start:%G-W%V-%u} Q{start:%q}", "2026-W10-4 Q1"),
        ("{start:%s}", "1772694489"),
        ("{start:100%%}", "100%"),
        ("{{start:%Y}}", "{start:%Y}"),
        ("a{start:}b".replace(":}", ":%Y}"), "a2026b"),
    ],
)
def test_fields_are_filled_in(text: str, filled: str) -> None:
    assert Template.parse(text).fill(START, END) == filled


@pytest.mark.parametrize(
    ("text", "write"),
    [
        ("{start.year}", "{start:%Y-%m-%d}"),
        ("{start.__class__}", "{start:%Y-%m-%d}"),
        ("{start[0]}", "{start:%Y-%m-%d}"),
        ("{start!r}", "{start:%Y-%m-%d}"),
        ("{start:{end}}", "{{"),
        ("{}", "{start:%Y-%m-%d}"),
        ("{0}", "{start:%Y-%m-%d}"),
        ("{start}", "{start:%Y-%m-%d}"),
        ("{start:}", "{start:%Y-%m-%d}"),
        ("{start:Y}", "{start:%Y-%m-%d}"),
        ("{start:%Q}", "%Y"),
        ("{start:%}", "%Y"),
        ("{strat:%Y}", "{start:%Y}"),
        ("{symbol:>10}", "{symbol}"),
        ("a{b", "{{"),
        ("a}b", "}}"),
    ],
)
def test_anything_else_is_refused_with_advice(text: str, write: str) -> None:
    with pytest.raises(ValueError, match="write") as caught:
        Template.parse(text)
    assert write in str(caught.value)


def test_bound_values_are_never_parsed_as_templates() -> None:
    template = Template.parse("{a}/{start:%Y}/{b}")
    assert template.texts == ("a", "b")
    bound = template.bind({"a": "{start:%m}", "b": "%Y"})
    assert bound.fill(START, END) == "{start:%m}/2026/%Y"
    assert template.bind({"a": "x"}).texts == ("b",)


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("ftp://h/{start:%Y}", "http"),
        ("h/{start:%Y}", "http"),
        ("https://{h}/{start:%Y}", "host"),
        ("https://a.{h}/{start:%Y}", "host"),
        ("https://me:pw@h/{start:%Y}", "auth"),
        ("https://h h/{start:%Y}", "'h h'"),
        ("https://h/a b/{start:%Y}", "%20"),
        ("https://h/ä/{start:%Y}", "%C3%A4"),
        ("https://h/{start:%Y}#x", "%23"),
        ("https://h/{name}/{start:%Y}", "{name}"),
    ],
)
def test_an_invalid_url_is_refused(url: str, word: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is checked below
        parse_url(url)
    assert word in str(caught.value)


def test_a_value_cannot_end_the_path_of_a_url() -> None:
    assert in_url({"a": "x?y#z%2F ä"}) == {"a": "x%3Fy%23z%252F%20%C3%A4"}
