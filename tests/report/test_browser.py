"""The report in a real browser: it shows what is in the ledger, and makes no requests."""

import base64
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from tests.usual import usual

from backhaul.cli.main import main
from backhaul.ledger.ledger import Ledger
from backhaul.testing.serve import emulator, serve
from backhaul.types import JobState, JobStatus, RemoteFile, Slots

Report = Callable[..., Path]
Gaps = Callable[[Path], dict[str, Any]]
FEW = {"formats": ["json"], "to": "2012-09-28"}  # for a slow API


class Page:
    """A report as seen by a reader."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    def open(self, path: Path, *, dark: bool = False) -> "Page":
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        for kind in ("browser", "performance"):
            self.browser.get_log(kind)
        self.browser.get(path.as_uri())
        return self

    def wait(self, script: str) -> Any:
        from selenium.webdriver.support.ui import WebDriverWait  # noqa: PLC0415 - optional

        return WebDriverWait(self.browser, 30, 0.02).until(
            lambda browser: browser.execute_script(script)
        )

    def drawn(self, job: str) -> "Page":
        selector = f'section[data-job="{job}"]'
        self.browser.execute_script(f"document.querySelector('{selector}').scrollIntoView()")
        self.wait(f"return document.querySelector('{selector}[data-drawn]') !== null")
        return self

    def find(self, selector: str) -> Any:
        return self.browser.find_element("css selector", selector)

    def text(self, selector: str) -> str:
        return self.find(selector).get_property("textContent")

    def press(self, keys: str) -> None:
        self.find(".frame[tabindex]").send_keys(keys)

    def reported(self) -> str:
        return self.text("[aria-live].unseen")

    def rows(self, job: str, choice: str = "open") -> list[dict[str, str]]:
        """All rows of the table of slots, across pages."""
        return self.browser.execute_script(
            """
            const details = document.querySelector(`section[data-job="${arguments[0]}"] .slots`);
            const choice = details.querySelector("select");
            const rows = [];
            details.open = true;
            choice.value = arguments[1];
            choice.dispatchEvent(new Event("change"));
            const on = details.querySelectorAll("button")[1];
            for (let before = ""; ; on.click()) {
              const now = details.querySelector("[aria-live]").textContent;
              if (now === before) return rows;
              before = now;
              for (const row of details.querySelectorAll("tbody tr")) {
                const cells = [...row.cells].map((cell) => cell.textContent.trim());
                rows.push({start: row.dataset.start, state: row.dataset.state, shown: cells[2], file: cells[3]});
              }
            }
            """,
            job,
            choice,
        )

    def counts(self, job: str) -> dict[str, int]:
        """The legend's counts by state."""
        return self.browser.execute_script(
            """
            const section = document.querySelector(`section[data-job="${arguments[0]}"]`);
            return Object.fromEntries([...section.querySelectorAll(".legend button")].map((button) =>
              [button.querySelector(".swatch").classList[1], +button.querySelector("b").textContent.replaceAll(",", "")]));
            """,
            job,
        )

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.browser.get_log("browser")]

    def requests(self) -> list[str]:
        """The URLs requested by the page, other than itself."""
        found = []
        for entry in self.browser.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return [url for url in found if not url.startswith(("file:", "data:", "chrome:"))]


@pytest.fixture
def page(chromium: Any) -> Iterator[Page]:
    yield Page(chromium)
    chromium.get("about:blank")


def test_the_page_shows_the_same_states_as_the_gaps_command(
    small: Path, report: Report, gaps: Gaps, page: Page
) -> None:
    page.open(report(small)).drawn("worldcup")
    shown = [(row["start"], row["state"], row["file"] or None) for row in page.rows("worldcup")]
    expected = gaps(small)["worldcup"]
    assert shown == [(slot["start"], slot["state"], slot["file"]) for slot in expected]
    assert {state for _, state, _ in shown} == {
        "silent", "pending", "partial", "suspect", "missing", "failed", "corrupt",
    }  # fmt: skip


def test_each_row_shows_its_state_in_words_and_not_by_colour_alone(
    small: Path, report: Report, page: Page
) -> None:
    page.open(report(small)).drawn("worldcup")
    assert all(row["shown"].endswith(row["state"]) for row in page.rows("worldcup", "all"))


def test_the_legend_counts_every_slot(small: Path, report: Report, gaps: Gaps, page: Page) -> None:
    page.open(report(small)).drawn("worldcup")
    counts = page.counts("worldcup")
    assert sum(counts.values()) == 3 * 144
    open_slots = Counter(slot["state"] for slot in gaps(small)["worldcup"])
    assert {state: number for state, number in counts.items() if state != "verified"} == open_slots


def test_the_colour_of_each_cell_is_that_of_its_state(
    small: Path, report: Report, gaps: Gaps, page: Page
) -> None:
    page.open(report(small)).drawn("worldcup")
    first = next(slot for slot in gaps(small)["worldcup"] if slot["state"] == "corrupt")
    at = datetime.fromisoformat(first["start"])
    row = (at.date() - datetime(2014, 5, 17, tzinfo=UTC).date()).days
    column = (at.hour * 60 + at.minute) // 10
    assert _pixel(page, (column + 0.5) / 144, (row + 0.15) / 3) == [0x8C, 0x1C, 0x00]
    before = _pixel(page, (column - 0.5) / 144, (row + 0.15) / 3)
    assert before != [0x8C, 0x1C, 0x00]


def _pixel(page: Page, right: float, down: float) -> list[int]:
    """The colour at a place in the map, given as fractions of its width and height."""
    return page.browser.execute_script(
        """
        const canvas = document.querySelector(".frame canvas");
        const over = document.querySelector(".frame .u-over");
        const scale = devicePixelRatio;
        const x = (over.offsetLeft + over.clientWidth * arguments[0]) * scale;
        const y = (over.offsetTop + over.clientHeight * arguments[1]) * scale;
        return [...canvas.getContext("2d").getImageData(x, y, 1, 1).data.slice(0, 3)];
        """,
        right,
        down,
    )


def test_keys_move_from_problem_to_problem_and_each_is_announced(
    small: Path, report: Report, gaps: Gaps, page: Page
) -> None:
    page.open(report(small)).drawn("worldcup")
    problems = [
        slot for slot in gaps(small)["worldcup"] if slot["state"] not in {"silent", "pending"}
    ]
    page.press(" ")  # focusing the map selects the first problem
    for number, slot in enumerate(problems[:4]):
        if number:
            page.press("n")
        reported = page.reported()
        assert reported.startswith(slot["start"][:10])
        assert f": {slot['state']}" in reported
        assert slot["file"] in reported


@pytest.mark.matrix
def test_arrow_keys_move_by_a_slot_and_by_a_day(small: Path, report: Report, page: Page) -> None:
    from selenium.webdriver.common.keys import Keys  # noqa: PLC0415 - may be missing

    page.open(report(small)).drawn("worldcup")
    page.press(Keys.HOME)
    assert page.reported().startswith("2014-05-17 00:00 to 00:10 UTC")
    page.press(Keys.ARROW_RIGHT)
    assert page.reported().startswith("2014-05-17 00:10")
    page.press(Keys.ARROW_DOWN)
    assert page.reported().startswith("2014-05-18 00:10")
    page.press(Keys.ARROW_LEFT + Keys.ARROW_LEFT)
    assert page.reported().startswith("2014-05-18 00:00")


@pytest.mark.matrix
def test_zooming_makes_the_selected_cell_larger_and_escape_shows_all(
    small: Path, report: Report, page: Page
) -> None:
    from selenium.webdriver.common.keys import Keys  # noqa: PLC0415 - may be missing

    page.open(report(small)).drawn("worldcup")
    page.press(Keys.HOME)
    width = page.find(".ring").size["width"]
    page.press("+")
    assert page.find(".ring").size["width"] > width
    page.press(Keys.ESCAPE)
    assert page.find(".ring").size["width"] == width


@pytest.mark.matrix
def test_hovering_over_a_cell_shows_its_file_with_the_checksum(
    small: Path, report: Report, page: Page
) -> None:
    from selenium.webdriver.common.action_chains import (  # noqa: PLC0415 - may be missing
        ActionChains,
    )

    page.open(report(small)).drawn("worldcup")
    over = page.find(".u-over")
    ActionChains(page.browser).move_to_element(over).perform()
    tip = page.wait("return document.querySelector('.tip').textContent")
    name = tip.split("file")[1].split("state")[0]
    with Ledger(small.parent / "archive" / ".backhaul", readonly=True) as ledger:
        job = ledger.jobs.get("worldcup")
        assert job is not None
        row = next(row for row in ledger.inventory.files(job.id) if row.name == name)
    assert row.start is not None
    assert f"{datetime.fromtimestamp(row.start, UTC):%Y-%m-%d %H:%M}" in tip
    assert row.sha256 in tip
    assert f"{row.records:,}" in tip
    assert f"{row.size:,}" in tip


def test_every_checksum_on_the_page_is_the_ledgers(small: Path, report: Report, page: Page) -> None:
    page.open(report(small)).drawn("worldcup")
    page.rows("worldcup", "verified")
    shown = page.browser.execute_script(
        "return [...document.querySelectorAll('.slots tbody tr')].map(row => [row.cells[3].textContent, row.cells[8].textContent])"
    )
    with Ledger(small.parent / "archive" / ".backhaul", readonly=True) as ledger:
        job = ledger.jobs.get("worldcup")
        assert job is not None
        known = {row.name: row.sha256 for row in ledger.inventory.files(job.id)}
    assert len(shown) > 50
    assert all(known[name] == digest for name, digest in shown)


@pytest.mark.parametrize("dark", usual([False, True], False))
def test_no_console_message_and_no_request_in_light_and_dark(
    small: Path, report: Report, page: Page, *, dark: bool
) -> None:
    from selenium.webdriver.common.keys import Keys  # noqa: PLC0415 - may be missing

    page.open(report(small), dark=dark).drawn("worldcup")
    page.press("n+-" + Keys.ARROW_DOWN)
    page.rows("worldcup", "all")
    assert page.complaints() == []
    assert page.requests() == []
    assert page.browser.execute_script("return performance.getEntriesByType('resource')") == []
    background = page.browser.execute_script(
        "return getComputedStyle(document.body).backgroundColor"
    )
    red = int(background.removeprefix("rgb(").split(",")[0])
    assert (red < 64) is dark


def test_names_and_messages_that_look_like_markup_stay_text(
    tmp_path: Path, hpt: Callable[..., Path], report: Report, page: Page
) -> None:
    name = "</script><img src=x onerror=document.title='taken'>.gz"
    start = datetime(2014, 5, 17, tzinfo=UTC)
    config = hpt(tmp_path, "worldcup", start=start, days=1, fate=lambda *_: None)
    with Ledger(tmp_path / "archive" / ".backhaul") as ledger:
        job = ledger.jobs.open("worldcup", source="gnip", provider="gnip-hpt")
        ledger.files.add(job, [RemoteFile(name, start=start, end=start + timedelta(minutes=10))])
    page.open(report(config)).drawn("worldcup")
    page.press("n")
    assert [row["file"] for row in page.rows("worldcup", "pending")] == [name]
    assert page.browser.title.startswith("Archive report")
    assert page.complaints() == []


def test_slots_of_uneven_length_are_in_chronological_order(
    tmp_path: Path, hpt: Callable[..., Path], report: Report, page: Page
) -> None:
    from selenium.webdriver.common.keys import Keys  # noqa: PLC0415 - may be missing

    start = datetime(2015, 6, 1, tzinfo=UTC)
    config = hpt(tmp_path, "worldcup", start=start, days=1, fate=lambda *_: None)
    chunks = tuple(
        Slots(
            start + timedelta(hours=5 * n), start + timedelta(hours=5 * n + 3 + n), records=100 * n
        )
        for n in range(3)
    )
    with Ledger(tmp_path / "archive" / ".backhaul") as ledger:
        job = ledger.jobs.open("worldcup", source="gnip", provider="gnip-hpt")
        ledger.jobs.save_status(job, JobStatus(JobState.READY, slots=chunks))
        whole = RemoteFile("all-00001.jsonl.gz", start=start, end=chunks[-1].end)
        ledger.files.add(job, [whole])
    page.open(report(config)).drawn("worldcup")
    page.press(Keys.END)
    assert "provider reports 200 records" in page.reported()
    assert "all-00001.jsonl.gz" in page.reported()
    assert [row["start"] for row in page.rows("worldcup", "all")] == [
        "2015-06-01T00:00:00Z", "2015-06-01T05:00:00Z", "2015-06-01T10:00:00Z",
    ]  # fmt: skip


@pytest.mark.matrix
def test_the_batch_of_all_providers_is_shown_like_the_output_of_gaps(
    tmp_path: Path, report: Report, gaps: Gaps, page: Page
) -> None:
    with serve((), faults="not_found@*_03_*:2") as emulators:
        sources = {one.provider: one.source() for one in emulators}
        jobs = {
            name: {"source": one.provider, **keys}
            for one in emulators
            for name, keys in one.jobs().items()
        }
        jobs["kindle"] |= FEW
        config = tmp_path / "batch.yaml"
        text = {"version": 1, "settings": {"dest": "archive"}, "sources": sources, "jobs": jobs}
        config.write_text(yaml.safe_dump(text))
        main(["run", str(config), "-q"])
    page.open(report(config))
    found = gaps(config)
    assert set(found) == set(jobs)
    for name, slots in found.items():
        shown = page.drawn(name).rows(name)
        assert [(row["start"], row["state"], row["file"] or None) for row in shown] == [
            (slot["start"] or "", slot["state"], slot["file"]) for slot in slots
        ]
        assert page.counts(name)["verified"] > 0
    assert page.complaints() == []
    assert page.requests() == []


@pytest.mark.matrix
def test_the_activity_that_a_provider_derives_is_drawn_with_its_numbers(
    tmp_path: Path, report: Report, page: Page
) -> None:
    with emulator("massrelevance-meta") as up:
        jobs = {name: {"source": "s", **keys, **FEW} for name, keys in up.jobs().items()}
        config = tmp_path / "batch.yaml"
        text = {
            "version": 1,
            "settings": {"dest": "archive"},
            "sources": {"s": up.source()},
            "jobs": jobs,
        }
        config.write_text(yaml.safe_dump(text))
        assert main(["run", str(config), "-q"]) == 0
    (name,) = jobs
    page.open(report(config)).drawn(name)
    shown = page.browser.execute_script(
        """
        const part = document.querySelector("[data-part=series]");
        for (const details of part.querySelectorAll("details")) details.open = true;
        return [...part.querySelectorAll("h3")].map((title) => title.textContent);
        """
    )
    assert shown == ["Activity minute", "Activity hourly", "Activity daily"]
    rows = page.wait(
        """
        const rows = document.querySelectorAll("[data-part=series] details:last-of-type tbody tr");
        return rows.length ? [...rows].map((row) => [...row.cells].map((cell) => cell.textContent)) : null;
        """
    )
    documents = sorted((tmp_path / "archive" / name).glob("*_meta_*.json"))
    totals = json.loads(documents[-1].read_text())["activity"]["daily"]["total"]
    assert [row[1] for row in rows[-7:]] == [f"{total:,}" for total in totals]
    assert page.complaints() == []


PRINTED = """
const page = document.documentElement.clientWidth;
const wide = [...document.querySelectorAll("main *")].filter((each) =>
  each.checkVisibility() && !each.closest(".unseen, .u-over")
  && (each.getBoundingClientRect().right > page + 1
      || (getComputedStyle(each).overflow !== "visible" && each.scrollWidth > each.clientWidth + 1)));
return wide.map((each) => `${each.tagName}.${each.className} ${Math.round(each.getBoundingClientRect().right)} of ${page}`);
"""


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.matrix
def test_a_printout_has_all_maps_and_clips_no_column(
    tmp_path: Path, hpt: Callable[..., Path], report: Report, page: Page, *, dark: bool
) -> None:
    names = [f"{word}-of-a-rather-long-name" for word in ("one", "two", "three", "four", "five")]
    start = datetime(2014, 5, 17, tzinfo=UTC)
    days = (40, 1, 1, 1, 1)  # the first has the widest numbers and the highest map
    configs = [
        hpt(tmp_path / name, name, start=start, days=each)
        for name, each in zip(names, days, strict=True)
    ]

    page.open(report(*configs), dark=dark)
    page.wait(f"return document.querySelectorAll('section[data-drawn]').length === {len(names)}")
    page.browser.execute_script(
        "document.querySelectorAll('details').forEach((each) => { each.open = true })"
    )
    assert page.browser.execute_script("return scrollY") == 0, "no part had to come into view"
    printed = base64.b64decode(
        page.browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"]
    )
    assert len(re.findall(rb"/Subtype\s*/Image", printed)) >= 2 * len(names)

    # The page as printed, for measuring: the paper's width and the print styles.
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    page.browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"media": "print", "features": [scheme]}
    )
    page.browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 700, "height": 1000, "deviceScaleFactor": 1, "mobile": False},
    )
    try:
        page.browser.execute_script("dispatchEvent(new Event('beforeprint'))")
        page.wait(
            "return [...document.querySelectorAll('canvas')].every((each) => each.clientWidth <= 690)"
        )
        assert page.browser.execute_script(PRINTED) == []
        ink = "return getComputedStyle(document.body).color"
        assert page.browser.execute_script(ink) == "rgb(22, 27, 34)"
        page.browser.execute_script("dispatchEvent(new Event('afterprint'))")
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@contextmanager
def of_size(page: Page, width: int, height: int) -> Iterator[None]:
    """Sets the size of the screen."""
    size = {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": True}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        yield
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


SMALL_TARGETS = """
return [...document.querySelectorAll("button, select, summary")].filter((each) => each.checkVisibility())
  .map((each) => [each.textContent, each.getBoundingClientRect()])
  .filter(([, { width, height }]) => width < 44 || height < 44)
  .map(([text, { width, height }]) => `${text}: ${width} x ${height}`);
"""


@pytest.mark.matrix
def test_a_narrow_screen_needs_no_horizontal_scrolling_and_has_large_touch_targets(
    small: Path, report: Report, page: Page
) -> None:
    config = small.rename(small.with_name(f"{'a-very-long-name-of-a-configuration' * 3}.yaml"))
    with of_size(page, 360, 740):
        page.open(report(config)).drawn("worldcup")
        page.browser.execute_script(
            "document.querySelectorAll('details').forEach((each) => { each.open = true })"
        )
        page.rows("worldcup", "all")
        page.press("n")
        assert page.browser.execute_script("return document.documentElement.scrollWidth") <= 360
        assert page.browser.execute_script(SMALL_TARGETS) == []
        assert page.complaints() == []


def test_a_printout_from_a_narrow_screen_is_as_wide_as_the_paper(
    small: Path, report: Report, page: Page
) -> None:
    width = "return document.querySelector('.frame.chart canvas').clientWidth"
    with of_size(page, 360, 740):
        page.open(report(small)).drawn("worldcup")
        narrow = page.browser.execute_script(width)
        page.browser.execute_script("dispatchEvent(new Event('beforeprint'))")
        page.wait(f"{width} === 680")
        page.browser.execute_script("dispatchEvent(new Event('afterprint'))")
        page.wait(f"{width} === {narrow}")


@pytest.mark.matrix
def test_each_present_file_is_a_link(
    small: Path, tmp_path: Path, report: Report, page: Page
) -> None:
    folder = tmp_path / "archive" / "worldcup"
    with closing(sqlite3.connect(tmp_path / "archive" / ".backhaul" / "ledger.sqlite")) as db:
        odd = "of a #1 & 100% ?.gz"
        (name,) = db.execute("SELECT name FROM files WHERE state = 'verified'").fetchone()
        (folder / name).rename(folder / odd)
        db.execute(
            "UPDATE files SET name = ?, key = ?, seal = NULL, listed_seal = NULL WHERE name = ?",
            (odd, odd, name),
        )
        db.commit()
    page.open(report(small)).drawn("worldcup")
    page.rows("worldcup", "verified")
    page.browser.execute_script("document.querySelector('.slots').open = true")
    found = page.browser.execute_script(
        "return [...document.querySelectorAll('.slots tbody a')].map((each) => each.href)"
    )
    paths = [Path(unquote(urlsplit(link).path)) for link in found]
    assert len(paths) > 50
    assert all(path.is_file() for path in paths)
    page.rows("worldcup", "missing")
    assert (
        page.browser.execute_script("return document.querySelectorAll('.slots tbody a').length")
        == 0
    )
    page.rows("worldcup", "suspect")
    proofs = page.browser.execute_script(
        "return [...document.querySelectorAll('.slots tbody tr')].map((row) => row.cells[9].textContent)"
    )
    assert set(proofs) == {"container"}


UNNAMED = """
const named = (each) => each.textContent.trim() || each.getAttribute("aria-label") || each.title
  || each.getAttribute("aria-labelledby");
return [...document.querySelectorAll("a, button, select, summary, section, [tabindex], [role=img], [role=region]")]
  .filter((each) => !named(each)).map((each) => each.outerHTML.slice(0, 200));
"""
UNREACHABLE = """
return [...document.querySelectorAll("main *")].filter((each) => each.checkVisibility()
  && ["auto", "scroll"].includes(getComputedStyle(each).overflowX) && each.tabIndex < 0)
  .map((each) => each.outerHTML.slice(0, 200));
"""


def test_all_controls_have_a_name_and_can_be_reached_by_keyboard(
    small: Path, report: Report, page: Page
) -> None:
    page.open(report(small)).drawn("worldcup")
    page.browser.execute_script(
        "document.querySelectorAll('details').forEach((each) => { each.open = true })"
    )
    page.rows("worldcup", "all")
    assert page.browser.execute_script(UNNAMED) == []
    assert page.browser.execute_script(UNREACHABLE) == []
    levels = page.browser.execute_script(
        "return [...document.querySelectorAll('h1, h2, h3, h4')].map((each) => +each.tagName[1])"
    )
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert page.browser.execute_script("return document.documentElement.lang") == "en"


def copies_of(config: Path, job: str, others: list[str]) -> None:
    """Adds jobs to an archive that have the same files as its first one."""
    archive = config.parent / "archive"
    with closing(sqlite3.connect(archive / ".backhaul" / "ledger.sqlite")) as db:
        for number, name in enumerate(others, 2):
            for table, new in (("jobs", {"id": number, "name": name, "seal": None}),
                               ("files", {"id": None, "job": number})):  # fmt: skip
                names = [name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")]
                kept = ", ".join(f'"{name}"' for name in names if name not in new)
                where = "id = 1" if table == "jobs" else "job = 1"
                db.execute(
                    f"INSERT INTO {table} ({', '.join(new)}, {kept})"
                    f" SELECT {', '.join('?' * len(new))}, {kept} FROM {table} WHERE {where}",
                    tuple(new.values()),
                )
            (archive / name).symlink_to(job)
        db.commit()
    added = "".join(f"  {name}:\n    source: gnip\n    id: kj4r26m0qx\n" for name in others)
    config.write_text(config.read_text() + added)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_twenty_jobs_of_a_year_each_open_in_two_seconds(
    tmp_path: Path, hpt: Callable[..., Path], report: Report, page: Page
) -> None:
    names = [f"job-{number:02d}" for number in range(20)]
    config = hpt(tmp_path, names[0], start=datetime(2014, 1, 1, tzinfo=UTC), days=365)
    copies_of(config, names[0], names[1:])
    page.open(report(config))
    opened = page.wait("return performance.getEntriesByName('drawn job-00')[0]?.startTime")
    loaded = page.browser.execute_script(
        "return performance.getEntriesByType('navigation')[0].loadEventEnd"
    )
    assert max(opened, loaded) < 2000
    page.wait("return document.querySelectorAll('section[data-drawn]').length === 20")
    assert page.browser.execute_script("return scrollY") == 0
    assert page.complaints() == []


@pytest.mark.slow
def test_a_year_of_ten_minute_slots_opens_in_two_seconds_and_is_below_six_megabytes(
    tmp_path: Path,
    hpt: Callable[..., Path],
    report: Report,
    gaps: Gaps,
    page: Page,
) -> None:
    start = datetime(2014, 1, 1, tzinfo=UTC)
    config = hpt(tmp_path, "worldcup", start=start, days=365)
    written = report(config)
    assert written.stat().st_size < 6_000_000
    page.open(written)
    opened = page.wait("return performance.getEntriesByName('drawn worldcup')[0]?.startTime")
    counts = page.counts("worldcup")
    assert sum(counts.values()) == 52_560
    expected = Counter(slot["state"] for slot in gaps(config)["worldcup"])
    assert {state: number for state, number in counts.items() if state != "verified"} == expected
    assert page.complaints() == []
    assert opened < 2000
