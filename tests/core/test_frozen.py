"""Values made by our own ``dataclass`` behave as the standard library's do."""

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, field, fields, is_dataclass, replace
from typing import Any

import pytest

from backhaul import Content, RemoteFile, Request, frozen


@dataclasses.dataclass(frozen=True, slots=True)
class Usual:
    name: str
    size: int = 3
    meta: dict[str, int] = field(default_factory=dict, kw_only=True)
    url: str = field(default="", repr=False, compare=False, kw_only=True)


@frozen.dataclass(frozen=True, slots=True)
class Value:
    name: str
    size: int = 3
    meta: dict[str, int] = field(default_factory=dict, kw_only=True)
    url: str = field(default="", repr=False, compare=False, kw_only=True)


@frozen.dataclass(frozen=True, slots=True, order=True)
class Place:
    line: int
    column: int = 0


@frozen.dataclass(slots=True)
class Counter:
    count: int = 0


@frozen.dataclass(frozen=True, slots=True, eq=False)
class Thing:
    type: str


@frozen.dataclass(frozen=True, slots=True)
class Nothing:
    pass


class Child(Value):
    """With room for more than its parent has."""


@pytest.mark.parametrize("made", [Value, Child])
def test_nothing_can_be_set_once_it_is_made(made: type[Value]) -> None:
    value = made("a")
    with pytest.raises(FrozenInstanceError):
        value.name = "b"  # type: ignore[misc]  # what is tested
    with pytest.raises(FrozenInstanceError):
        del value.name
    assert (type(value), value.name) == (made, "a")


@pytest.mark.parametrize("made", [Value, Child])
def test_defaults_are_those_of_the_fields_and_each_value_has_its_own(made: type[Value]) -> None:
    one, other = made("a"), made("a")
    assert (one.size, one.meta) == (3, {})
    one.meta["x"] = 1
    assert other.meta == {}
    assert made("a", 4, meta={"y": 2}).meta == {"y": 2}


@pytest.mark.parametrize(
    ("words", "named"),
    [((), {}), (("a", 1, {}), {}), (("a",), {"nmae": "b"}), (("a",), {"name": "b"})],
)
def test_wrong_arguments_are_refused_in_the_usual_words(words: Any, named: Any) -> None:
    with pytest.raises(TypeError) as usual:
        Usual(*words, **named)
    with pytest.raises(TypeError) as ours:
        Value(*words, **named)
    assert str(ours.value).replace("Value", "Usual") == str(usual.value)


@pytest.mark.parametrize(
    "twin", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))]
)
def test_a_copy_is_an_equal_value_and_as_frozen(twin: Callable[[Value], Value]) -> None:
    value = Value("a", meta={"x": 1}, url="u")
    same = twin(value)
    assert same == value
    assert (type(same), same.url) == (Value, "u")
    with pytest.raises(FrozenInstanceError):
        same.name = "b"  # type: ignore[misc]  # what is tested


def test_it_reads_like_a_dataclass() -> None:
    value, usual = Value("a", meta={"x": 1}), Usual("a", meta={"x": 1})
    assert is_dataclass(value)
    assert replace(value, size=9) == Value("a", 9, meta={"x": 1})
    assert asdict(value) == asdict(usual)
    assert repr(value).replace("Value", "Usual") == repr(usual)
    assert Value.__match_args__ == Usual.__match_args__
    assert not hasattr(value, "__dict__")


def test_equal_are_values_of_one_class_whose_compared_fields_are_equal() -> None:
    assert Value("a", url="one") == Value("a", url="other")
    assert Value("a") != Value("b")
    assert Value("a") != Child("a")
    assert hash(Place(1, 2)) == hash(Place(1, 2))
    assert Nothing() == Nothing()
    assert Thing("a") != Thing("a")
    assert len({Thing("a"), Thing("a")}) == 2


def test_order_is_that_of_the_fields() -> None:
    places = [Place(2, 1), Place(1, 9), Place(1)]
    assert sorted(places) == [Place(1), Place(1, 9), Place(2, 1)]
    with pytest.raises(TypeError):
        _ = Place(1) < 2  # type: ignore[operator]  # what is tested


def test_what_is_not_frozen_can_be_set_and_has_no_hash() -> None:
    counter = Counter()
    counter.count += 1
    assert counter == Counter(1)
    with pytest.raises(TypeError):
        hash(counter)


@pytest.mark.parametrize("made", [RemoteFile, Request, Content])
def test_the_signature_is_that_of_the_fields(made: Any) -> None:
    known = inspect.signature(made).parameters
    assert list(known) == [each.name for each in fields(made)]
    assert {n: p.kind is p.KEYWORD_ONLY for n, p in known.items()} == {
        each.name: each.kw_only for each in fields(made)
    }


def test_a_class_without_slots_is_sent_to_the_standard_library() -> None:
    with pytest.raises(TypeError, match="use dataclasses"):
        frozen.dataclass(slots=False)
