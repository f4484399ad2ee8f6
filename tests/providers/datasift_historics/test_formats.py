"""Converting pull responses to JSON Lines."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.messages import assert_messages

from backhaul import NotDataError
from backhaul_datasift_historics.formats import to_lines

ODD = '{"n":0.10,"big":12345678901234567890123,"e":1E-07,"u":"\\u00e9 \\/","x":"灯\u2028","z":-0}'


def wrapped(elements: str, kind: str) -> bytes:
    text = {
        "json_array": f"[{elements}]",
        "json_meta": f'{{"id":"s","interactions":[{elements}],"count":{elements.count("z")}}}',
    }[kind]
    return text.encode()


@pytest.mark.parametrize("kind", ["json_array", "json_meta"])
def test_the_text_of_an_interaction_is_kept_unchanged(kind: str) -> None:
    assert to_lines(wrapped(f"{ODD},{ODD}", kind), kind) == f"{ODD}\n{ODD}\n".encode()


@pytest.mark.parametrize("kind", ["json_array", "json_meta"])
def test_a_pretty_printed_interaction_becomes_one_line(kind: str) -> None:
    pretty = json.dumps({"a": [1, {"b": "two\nlines"}], "z": 1}, indent=2).replace("\n", "\r\n")
    (line, end) = to_lines(wrapped(f" {pretty} \n", kind), kind).split(b"\n")
    assert end == b""
    assert json.loads(line) == json.loads(pretty)


def test_json_new_line_is_kept_byte_for_byte_except_for_the_last_line_end() -> None:
    body = f'{ODD}\r\n\n {{"z": 2}} '.encode()
    assert to_lines(body, "json_new_line") == body + b"\n"
    assert to_lines(body + b"\n", "json_new_line") == body + b"\n"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"[]", "json_array"),
        (b' {"count":0,"interactions": [ ] }', "json_meta"),
        (b"", "json_new_line"),
    ],
)
def test_a_batch_may_be_empty(body: bytes, kind: str) -> None:
    assert to_lines(body, kind) == b""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'[{"a":1},{"b":2}]', b'{"a":1}\n{"b":2}\n'),
        (b'{"count":1,"interactions":[{"a":1}]}', b'{"a":1}\n'),
        (b'{\n"count":1,\n"interactions":[{"a":1}]}', b'{"a":1}\n'),
        (b'{"a":1}\n{"b":2}\n', b'{"a":1}\n{"b":2}\n'),
        (b'{"a":1}', b'{"a":1}\n'),
    ],
)
@pytest.mark.parametrize("named", ["", "json_something_else"])
def test_without_a_known_name_the_content_decides(body: bytes, expected: bytes, named: str) -> None:
    assert to_lines(body, named) == expected


@pytest.mark.parametrize("kind", ["json_array", "json_meta", "json_new_line"])
@pytest.mark.parametrize(
    "body",
    [
        b"<html>Please log in</html>",
        b'[{"a":1},{"b":',
        b'{"count":1,"interactions":[{"a":1}',
        b'{"error":"no","interactions":7}x',
        b'"text"',
        b"[" * 100_000,
        b'{"a":1}\n{"b":2',
        b"\xff\xfe",
    ],
)
def test_truncated_data_or_data_without_interactions_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(NotDataError):
        to_lines(body, kind)


def test_a_damaged_line_in_the_middle_is_refused_unless_it_is_damaged_every_time() -> None:
    body = b'{"a":1}\n{"b":\xff}\n{"c":3}\n'
    with pytest.raises(NotDataError):
        to_lines(body, "json_new_line")
    assert to_lines(body, "json_new_line", strict=False) == body


def test_bytes_that_are_not_utf8_pass_unchanged_when_not_strict() -> None:
    assert to_lines(b'[{"a":"\xff"}]', "json_array", strict=False) == b'{"a":"\xff"}\n'


def test_a_differing_count_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        to_lines(b'{"count":3,"interactions":[{"a":1}]}', "json_meta")
    assert_messages([each.getMessage() for each in caplog.records], ("", "3", "1"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    objects=st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=5),
    indent=st.sampled_from([None, 0, 2]),
    escaped=st.booleans(),
    meta=st.booleans(),
)
def test_any_interactions_survive_conversion(
    objects: list[dict[str, object]], indent: int | None, *, escaped: bool, meta: bool
) -> None:
    value = {"count": len(objects), "interactions": objects, "id": "s"} if meta else objects
    body = json.dumps(value, indent=indent, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    try:
        body.decode()
    except UnicodeDecodeError:
        return
    lines = to_lines(body, "json_meta" if meta else "json_array").split(b"\n")
    assert lines.pop() == b""
    assert [json.loads(line) for line in lines] == objects
