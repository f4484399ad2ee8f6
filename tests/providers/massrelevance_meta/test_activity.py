"""Combining snapshots into time series."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from backhaul_massrelevance_meta import join_activity
from backhaul_massrelevance_meta.activity import Difference, Point
from backhaul_massrelevance_meta.synthetic import Stream

MINUTE = timedelta(minutes=1)
NOON = datetime(2012, 9, 26, 12, tzinfo=UTC)


def a_snapshot(total: list[int], *, approved: list[int] | None = None) -> dict[str, Any]:
    zeros = [0] * len(total)
    minute = {"total": total, "rejected": zeros, "pending": zeros, "approved": approved or zeros}
    return {"activity": {"minute": minute}}


def test_the_last_minute_ends_at_finish() -> None:
    joined = join_activity([(NOON, a_snapshot([5, 6]))])
    assert joined.minute == (
        Point(NOON - 2 * MINUTE, 5, 0, 0, 0),
        Point(NOON - MINUTE, 6, 0, 0, 0),
    )


def test_overlapping_snapshots_that_agree_become_one_series() -> None:
    joined = join_activity([(NOON, a_snapshot([1, 2])), (NOON + MINUTE, a_snapshot([2, 3]))])
    assert [point.total for point in joined.minute] == [1, 2, 3]
    assert joined.differences == ()


def test_if_they_disagree_the_later_wins_and_it_is_reported() -> None:
    snapshots = [(NOON, a_snapshot([1, 2])), (NOON + MINUTE, a_snapshot([9, 3]))]
    for order in (snapshots, snapshots[::-1]):
        joined = join_activity(order)
        assert [point.total for point in joined.minute] == [1, 9, 3]
        assert joined.differences == (
            Difference(
                resolution="minute",
                start=NOON - MINUTE,
                earlier={"total": 2},
                later={"total": 9},
                earlier_finish=NOON,
                later_finish=NOON + MINUTE,
            ),
        )


def test_gaps_between_snapshots_stay_gaps() -> None:
    joined = join_activity([(NOON, a_snapshot([1])), (NOON + 5 * MINUTE, a_snapshot([2]))])
    assert [point.start for point in joined.minute] == [NOON - MINUTE, NOON + 4 * MINUTE]


def test_arrays_of_different_lengths_are_aligned_at_their_ends() -> None:
    joined = join_activity([(NOON, a_snapshot([1, 2], approved=[7]))])
    assert [point.approved for point in joined.minute] == [None, 7]


def test_a_snapshot_without_activity_adds_nothing() -> None:
    joined = join_activity([(NOON, {"name": "x"}), (NOON, {"activity": {"minute": []}})])
    assert joined.minute == joined.hourly == joined.daily == ()


def test_daily_snapshots_rebuild_a_stream_minute_by_minute() -> None:
    stream = Stream("kindle", "", "2010-09-21T19:18:20Z", 1)
    first = datetime(2012, 9, 26, tzinfo=UTC)

    def snapshots() -> Iterator[tuple[datetime, dict[str, Any]]]:
        for day in range(1, 6):
            finish = first + timedelta(days=day)
            end = int(finish.timestamp())
            yield (
                finish,
                {
                    "activity": {
                        "minute": stream.activity(end, 1440, 60),
                        "hourly": stream.activity(end, 24, 3600),
                        "daily": stream.activity(end, 7, 86_400),
                    }
                },
            )

    joined = join_activity(snapshots())
    assert (len(joined.minute), len(joined.hourly), len(joined.daily)) == (7200, 120, 11)
    assert joined.differences == ()
    assert joined.minute[0].start == first
    day = [point.total or 0 for point in joined.minute[:1440]]
    assert sum(day) == sum(point.total or 0 for point in joined.hourly[:24]) > 0
    assert sum(day) == next(point.total for point in joined.daily if point.start == first)
