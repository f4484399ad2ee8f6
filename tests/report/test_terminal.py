"""Terminal output: a map of slots, bars, a table; plain text without a terminal."""

import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.terminal import on_terminal
from tests.usual import usual

from backhaul.cli.main import main
from backhaul.types import SlotState
from backhaul.views import Look, bar, gap_map
from backhaul.views.status_table import JobLine, status_table

TEN = timedelta(minutes=10)
START = datetime(2014, 5, 17, tzinfo=UTC)
PLAIN = Look(width=80, height=24)


def slots(
    number: int, every: timedelta, odd: dict[int, SlotState] | None = None
) -> list[tuple[datetime, datetime, SlotState]]:
    """Consecutive verified slots, except for some."""
    found = odd or {}
    return [
        (START + n * every, START + (n + 1) * every, found.get(n, SlotState.VERIFIED))
        for n in range(number)
    ]


def shown(arguments: list[str], *, columns: int = 100, lines: int = 30) -> list[str]:
    """The lines that a command writes to a terminal of this size."""
    program = [sys.executable, "-m", "backhaul", *arguments]
    code, text = on_terminal(program, columns=columns, lines=lines, stderr=subprocess.DEVNULL)
    assert code == 0
    return text.split("\n")


def test_a_week_has_a_row_per_day() -> None:
    rows = gap_map(slots(7 * 144, TEN), look=PLAIN)
    assert [row[:10] for row in rows[:-1]] == [f"2014-05-{day}" for day in range(17, 24)]


def test_a_lost_slot_is_visible_even_if_a_character_stands_for_many_slots() -> None:
    rows = gap_map(slots(144, TEN, {71: SlotState.MISSING}), look=PLAIN)
    cells = rows[0][11:]
    assert cells.count("M") == 1
    assert cells.index("M") == 71 * len(cells) // 144


def test_a_year_fits_the_terminal_and_loses_no_slot() -> None:
    look = Look(width=70, height=20)
    rows = gap_map(slots(365 * 144, TEN, {30_000: SlotState.CORRUPT}), look=look)
    assert len(rows) <= 20
    assert max(map(len, rows)) <= 70
    assert sum(row[11:].count("C") for row in rows[:-1]) == 1


@pytest.mark.parametrize("number", [1, 31, 4000])
@pytest.mark.parametrize(
    "every",
    usual([TEN, timedelta(hours=1), timedelta(days=1), timedelta(days=9)], TEN, timedelta(days=9)),
)
@pytest.mark.parametrize("width", usual([40, 200], 40))
def test_no_map_is_larger_than_the_terminal(number: int, every: timedelta, width: int) -> None:
    rows = gap_map(slots(number, every), look=Look(width=width, height=24))
    assert max(map(len, rows)) <= width
    assert len(rows) <= 24


def test_days_are_arranged_in_weeks_from_monday() -> None:
    rows = gap_map(slots(10, timedelta(days=1)), look=PLAIN)  # 17 May 2014 is a Saturday
    assert [row[:10] for row in rows[:-1]] == ["2014-05-12", "2014-05-19", "2014-05-26"]


def test_uneven_slots_are_drawn_by_time_with_nothing_between_them() -> None:
    chunks = [
        (START, START + timedelta(hours=6), SlotState.VERIFIED),
        (START + timedelta(hours=12), START + timedelta(hours=24), SlotState.FAILED),
    ]
    (row, *_) = gap_map(chunks, look=PLAIN)
    cells = row[11:].strip()
    assert cells.count(" ") == cells.count("#")
    assert cells.count("F") == 2 * cells.count("#")


def test_without_colours_the_legend_counts_states_by_letter() -> None:
    odd = {1: SlotState.CORRUPT, 2: SlotState.SUSPECT, 3: SlotState.SUSPECT}
    legend = gap_map(slots(144, TEN, odd), look=PLAIN)[-1]
    assert legend.strip().split("  ") == ["C 1 corrupt", "S 2 suspect", "# 141 verified"]


def test_without_slots_there_is_no_map() -> None:
    assert gap_map([], look=PLAIN) == []


def test_a_bar_has_the_requested_width_and_shows_each_state_that_occurs() -> None:
    counts = {SlotState.VERIFIED: 100_000, SlotState.MISSING: 1, SlotState.PENDING: 50_000}
    drawn = bar(counts, width=24, look=PLAIN)
    assert len(drawn) == 24
    assert drawn.count("M") == 1
    assert drawn.count("#") > drawn.count("-") > 1


def test_the_table_counts_files_that_the_provider_has_not_listed_yet() -> None:
    job = JobLine(name="worldcup", there="ready", counts={"verified": 5}, reported=10)
    lines = status_table([job], look=PLAIN)
    assert "5 of 10 files" in lines[1]
    assert "############------------" in lines[1]


def test_colours_can_be_switched_off() -> None:
    assert "\x1b" not in "".join(gap_map(slots(144, TEN), look=PLAIN))
    coloured = gap_map(slots(144, TEN), look=Look(colours=True))
    assert "\x1b[" in coloured[0]


def test_gaps_draws_a_map_on_a_terminal(small: Path) -> None:
    written = shown(["gaps", str(small)])
    rows = [line for line in written if re.match(r"2014-05-1[789] \S{72,}", line)]
    assert len(rows) == 3
    assert all(len(row) <= 100 for row in rows)
    assert any(re.match(r" {11}C \d+ corrupt", line) for line in written)


def test_gaps_stays_plain_elsewhere(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gaps", str(small)]) == 0
    assert "█" not in capsys.readouterr().out


def test_status_is_a_table_on_a_terminal(
    tmp_path: Path, hpt: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    config = hpt(tmp_path, "worldcup", start=START, days=1)
    head, row, *_ = shown(["status", "--offline", str(config)])
    assert head.split()[:3] == ["job", "provider", "here"]
    assert re.match(r"worldcup +ready 100 % +█+\S+ +1\d\d of 138 files +[\d,]+ +in 11 days", row)
    assert main(["status", "--offline", str(config)]) == 0
    assert "█" not in capsys.readouterr().out


def test_a_table_of_jobs_fits_80_columns() -> None:
    jobs = [
        JobLine(
            name="a-job-with-a-long-name",
            there="ready 100 %",
            counts={"verified": 12_900, "pending": 60},
            records=1_234_567,
            expires="in 14 days",
        )
    ]

    assert max(map(len, status_table(jobs, look=PLAIN))) <= 80
