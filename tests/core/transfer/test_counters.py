"""Counters of several engines are added."""

from backhaul.transfer.unit import Counters


def test_the_sum_has_all_numbers_and_all_jobs() -> None:
    total = Counters(1, 2, 3, 4, 5, {"a": 6}, {"a": 0, "b": 7})
    total.add(Counters(10, 20, 30, 40, 50, {"a": 60, "b": 1}, {"b": 70, "c": 0}))
    assert total == Counters(11, 22, 33, 44, 55, {"a": 66, "b": 1}, {"a": 0, "b": 77, "c": 0})
