"""``${VAR}`` in values."""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.messages import assert_messages, missing_facts

from backhaul import Secret
from backhaul.config import Config
from backhaul.config.interpolate import InterpolationError, interpolate
from backhaul.errors import ConfigError

ENV = {"NAME": "wren", "EMPTY": "", "PRICE": "$5 ${NAME} $$"}

FORMS = {
    "plain": "plain",
    "${NAME}": "wren",
    "a ${NAME} b ${NAME}": "a wren b wren",
    "${EMPTY}": "",
    "${NAME:-other}": "wren",
    "${NONE:-other}": "other",
    "${EMPTY:-other}": "other",
    "${NONE:-}": "",
    "${NONE:-http://x:1/?a=b#c}": "http://x:1/?a=b#c",
    "${NAME:?needed}": "wren",
    "$": "$",
    "pa$word": "pa$word",
    "$NAME": "$NAME",
    "$$": "$",
    "$$$": "$$",
    "$${NAME}": "${NAME}",
    "$$${NAME}": "$wren",
    "${PRICE}": "$5 ${NAME} $$",
    "${NONE:-a$$b}": "a$b",
    "{NAME} }{": "{NAME} }{",
}


@pytest.mark.parametrize(("text", "expected"), FORMS.items())
def test_a_reference_is_expanded(text: str, expected: str) -> None:
    assert interpolate(text, ENV) == expected


REFUSED = {
    "${NONE}": ["NONE"],
    "${NONE:?the console password}": ["NONE", "the console password"],
    "${EMPTY:?the password}": ["EMPTY", "the password"],
    "${}": [],
    "${NAME": [],
    "${1A}": [],
    "${NAME-x}": [],
    "${NAME:+x}": [],
    "${NAME:-${NONE}}": [],
    "${ NAME }": [],
}


@pytest.mark.parametrize(("text", "named"), REFUSED.items())
def test_an_invalid_reference_is_refused(text: str, named: list[str]) -> None:
    with pytest.raises(InterpolationError) as caught:
        interpolate(text, ENV)
    ((what, _),) = caught.value.faults
    assert not missing_facts(what, "", *named), what


def test_two_variables_that_are_not_set_are_both_named() -> None:
    with pytest.raises(InterpolationError, match=r"\bA\b.*\bB\b"):
        interpolate("${A}${B}", {})


def test_bytes_that_are_not_text_are_refused() -> None:
    with pytest.raises(InterpolationError, match=r"NAME .*UTF-8"):
        interpolate("${NAME}", {"NAME": "a\udcff"})


@given(st.text())
def test_a_variables_value_is_not_expanded_again(value: str) -> None:
    usable = value.replace("\0", "").encode("utf-8", "ignore").decode()
    assert interpolate("<${V}>", {"V": usable}) == f"<{usable}>"


@given(st.text())
def test_doubled_dollars_preserve_any_text(text: str) -> None:
    assert interpolate(text.replace("$", "$$"), {}) == text


@given(st.text(alphabet="$ab{}:-?N", max_size=30))
def test_any_text_is_substituted_or_refused(text: str) -> None:
    with contextlib.suppress(InterpolationError):
        done = interpolate(text, {"N": "v"})
        assert "${" in text or "$$" in text or done == text


def test_a_variable_that_is_not_set_is_an_error_at_the_value(
    problems: Callable[..., list[str]],
) -> None:
    text = (
        "sources:\n  h:\n    provider: harbor\n    user: u\n    password: ${HARBOR_PW:?ask ops}\n"
    )
    assert_messages(problems(text), ("5:15: ", "HARBOR_PW", "ask ops", "export HARBOR_PW="))


def test_a_variable_that_is_not_set_has_no_second_error(
    job_problems: Callable[..., list[str]],
) -> None:
    (message,) = job_problems("id: x\nname: ${NAME}")
    assert not missing_facts(message, "6:11: ", "NAME is not set")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("sources:\n  h:\n    provider: ${KIND}\n    user: u\n", "3:15: "),
        (
            "sources:\n  h: {provider: harbor, user: u, password: p}\n"
            "jobs:\n  j: {source: '${KIND}', id: x}\n",
            "4:15: ",
        ),
    ],
)
def test_a_name_from_a_variable_that_is_not_set_has_no_second_error(
    problems: Callable[..., list[str]], text: str, place: str
) -> None:
    (message,) = problems(text)
    assert not missing_facts(message, place, "KIND is not set")


def test_a_secret_that_ends_in_a_line_break_is_an_error_at_its_place(
    problems: Callable[..., list[str]],
) -> None:
    text = 'sources:\n  h:\n    provider: harbor\n    user: u\n    password: "p4ssw0rd\\n"\n'
    (problem,) = problems(text)
    assert problem.startswith("5:15: ")
    assert "p4ssw0rd" not in problem


TYPED = {
    "decks": ("7", 7),
    "sails": ("true", True),
    "draught": ("2.5", 2.5),
    "from": ("2016-12-01", datetime(2016, 12, 1, tzinfo=UTC)),
    "day": ("2016-12-01", datetime(2016, 12, 1, tzinfo=UTC).date()),
    "every": ("90m", timedelta(minutes=90)),
    "split": ("1048576", 1 << 20),
    "either": ("12", 12),
    "name": ("12", "12"),
}


@pytest.mark.parametrize(("key", "case"), TYPED.items())
@pytest.mark.parametrize("quotes", ["", '"'])
def test_a_field_gets_the_type_that_it_declares(
    with_job: Callable[..., Config], key: str, case: tuple[str, object], quotes: str
) -> None:
    text, expected = case
    named = "" if key == "name" else "name: Wren\n"
    config = with_job(f"{named}{key}: {quotes}${{VALUE}}{quotes}", {"VALUE": text})
    field = {"from": "start"}.get(key, key)
    assert getattr(config.jobs["wren"].options, field) == expected


def test_variables_work_in_lists_and_mappings_too(with_job: Callable[..., Config]) -> None:
    keys = 'id: x\nkinds: ["${K}"]\nparams: {a: "${N}", b: 2}\nparts: [{weight: "${N}", label: "${N}"}]'
    options = with_job(keys, {"K": "chart", "N": "7"}).jobs["wren"].options
    assert (options.kinds, options.params) == (["chart"], {"a": 7, "b": 2})
    assert (options.parts[0].weight, options.parts[0].label) == (7, "7")


@pytest.mark.parametrize(
    "value", ["12345", "no", "null", "2016-12-01", "0123", "~", "a: b", "#x", "*a"]
)
def test_a_string_stays_a_string_whatever_it_looks_like(
    load_yaml: Callable[..., Config], value: str
) -> None:
    config = load_yaml(
        "sources: {h: {provider: harbor, user: '${V}', password: '${V}'}}", {"V": value}
    )
    options = config.sources["h"].options
    assert (options.user, options.password) == (value, Secret(value))


def test_an_error_does_not_quote_a_variables_value(
    job_problems: Callable[..., list[str]],
) -> None:
    (message,) = job_problems("id: x\ndecks: ${DECKS}", {"DECKS": "sesame77"})
    assert not missing_facts(message, "6:12: jobs.wren.decks")
    assert "sesame77" not in message
    (message,) = job_problems("id: x\ndecks: ${DECKS}", {"DECKS": "21"})
    assert not missing_facts(message, "6:12: jobs.wren.decks", "20")
    assert "21" not in message


def test_an_empty_variable_counts_as_unset_where_that_is_allowed(
    with_job: Callable[..., Config],
) -> None:
    assert with_job("id: x\ndecks: ${DECKS:-}").jobs["wren"].options.decks is None


def test_keys_are_not_expanded(problems: Callable[..., list[str]]) -> None:
    text = "sources: {h: {provider: harbor, user: u, password: p, '${USER}': x}}"
    assert '"${USER}"' in problems(text, {"USER": "api_version"})[0]


def test_a_variable_cannot_change_the_structure(load_yaml: Callable[..., Config]) -> None:
    env = {"V": "x\n  evil: {provider: harbor}\n"}
    config = load_yaml("sources: {h: {provider: harbor, user: '${V}', password: p}}", env)
    assert list(config.sources) == ["h"]
    assert config.sources["h"].options.user == env["V"]


def test_offline_the_credentials_may_be_missing(load_yaml: Callable[..., Config]) -> None:
    text = "sources: {h: {provider: harbor, user: '${U}', password: '${P:?ask}'}}"
    assert load_yaml(text, offline=True).sources["h"].options.user == "${U}"
    with pytest.raises(ConfigError, match=r"\bDEST\b"):
        load_yaml(text + "\nsettings: {dest: '${DEST}'}", offline=True)


def test_offline_a_variable_that_is_not_set_is_named_where_its_value_is_needed(
    load_yaml: Callable[..., Config],
) -> None:
    text = "sources: {h: {provider: harbor, user: u, password: p, api_version: '${V}'}}"
    with pytest.raises(ConfigError) as caught:
        load_yaml(text, offline=True)
    (message,) = caught.value.problems
    assert not missing_facts(message, "c.yaml:1:68: ", "V is not set", "export V=")
