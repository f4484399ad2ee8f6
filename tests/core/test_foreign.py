"""Sanitizing of foreign text."""

import pytest

from backhaul.foreign import LONGEST, line, printable, quote
from backhaul.redact import MASK, own_values, redact

LINK = "https://h.example/f.gz?Expires=1700000000&Signature=SIGNed0987abc%2Fdef%2B&Key-Pair-Id=K1"


@pytest.mark.parametrize(
    "char", ["\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\u200b", "\ufeff", "\ud83d", "\u2028"]
)
def test_control_and_invisible_characters_are_escaped(char: str) -> None:
    shown = line(f"a{char}b")
    assert shown.isprintable()
    assert shown in {"a b", f"a{char.encode('unicode_escape').decode()}b"}


def test_a_line_break_forges_no_second_line() -> None:
    assert line("first\r\nerror: second\n") == "first error: second"


def test_emoji_and_accents_stay() -> None:
    assert line("café 🎉 日本語") == "café 🎉 日本語"


def test_a_secret_across_the_cut_is_masked_completely() -> None:
    own = own_values(LINK)
    text = line("x" * (LONGEST - 10) + " SIGNed0987abc%2Fdef%2B and more", own=own)
    assert "SIGN" not in text


def test_a_secret_across_the_end_of_the_examined_text_is_not_shown() -> None:
    assert "SIGN" not in line("y" * 65_530 + "SIGNed0987abc/def+", own=own_values(LINK))


@pytest.mark.parametrize(
    "spelling",
    [
        "SIGNed0987abc%2Fdef%2B",
        "SIGNed0987abc%2fdef%2b",
        "SIGNed0987abc/def+",
        "SIGNed0987abc%252Fdef%252B",
        r"SIGNed0987abc\/def+",
        "SIGNed0987abc&#x2F;def&#43;",
        r"SIGNed0987abc\u002fdef\u002b",
    ],
)
def test_a_signature_of_the_present_request_is_masked_however_it_is_spelled(spelling: str) -> None:
    assert line(f"The signature {spelling} is not valid", own=own_values(LINK)) == (
        f"The signature {MASK} is not valid"
    )


def test_user_and_password_of_the_present_request_are_masked() -> None:
    own = own_values("https://h.example/", user="bob@example.org", password="pass/word")
    for spelling in (
        "bob@example.org",
        "bob%40example.org",
        "pass%2Fword",
        "Ym9iQGV4YW1wbGUub3JnOnBhc3Mvd29yZA",
    ):
        assert line(f"no {spelling} here", own=own) == f"no {MASK} here", spelling


def test_short_values_of_a_query_are_not_taken_for_secrets() -> None:
    assert own_values("https://h.example/?page=2&format=json") == ()


@pytest.mark.parametrize(
    "unit",
    [
        "a.",
        "http://",
        "http://a?b=c",
        "/a",
        "/?",
        "&#x2F;",
        "%25",
        "\\\\",
        "cookie ",
        "x@",
        "password=",
    ],
)
def test_a_very_long_text_of_any_kind_is_shown_in_bounded_length(unit: str) -> None:
    text = unit * (400_000 // len(unit))
    assert len(line(text, own=own_values(LINK))) <= LONGEST + 1
    assert redact(text)  # untruncated, as in a log line


def test_markup_is_left_out_of_a_quoted_page() -> None:
    page = b"<!doctype html><html><style>b{}</style><h1>Sorry</h1><p>back soon\x1b[2J</html>"
    assert quote(page) == r'"Sorry back soon\x1b[2J"'


def test_an_unterminated_tag_does_not_slow_down_a_quote() -> None:
    assert len(quote(b"<" + b"<a " * 20_000)) < 300


def test_binary_is_not_quoted() -> None:
    assert quote(b"\x1f\x8b\x08\0\0") == "(5 bytes of binary data)"


def test_printable_leaves_printable_text_alone() -> None:
    assert printable("as it is") == "as it is"
