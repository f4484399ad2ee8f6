"""The report in a real browser: it shows what is in the ledger, and makes no requests."""

import base64
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

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

    def said(self) -> str:
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


def test_each_row_says_its_state_in_words_and_not_by_colour_alone(
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


def test_keys_lead_from_problem_to_problem_and_each_is_said(
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
        said = page.said()
        assert said.startswith(slot["start"][:10])
        assert f": {slot['state']}" in said
        assert slot["file"] in said


def test_arrow_keys_move_by_a_slot_and_by_a_day(small: Path, report: Report, page: Page) -> None:
    from selenium.webdriver.common.keys import Keys  # noqa: PLC0415 - may be missing

    page.open(report(small)).drawn("worldcup")
    page.press(Keys.HOME)
    assert page.said().startswith("2014-05-17 00:00 to 00:10 UTC")
    page.press(Keys.ARROW_RIGHT)
    assert page.said().startswith("2014-05-17 00:10")
    page.press(Keys.ARROW_DOWN)
    assert page.said().startswith("2014-05-18 00:10")
    page.press(Keys.ARROW_LEFT + Keys.ARROW_LEFT)
    assert page.said().startswith("2014-05-18 00:00")


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


def test_pointing_at_a_cell_tells_its_file_with_its_checksum(
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


@pytest.mark.parametrize("dark", [False, True])
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


def test_slots_of_uneven_length_lie_in_order_of_time(
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
    assert "provider reports 200 records" in page.said()
    assert "all-00001.jsonl.gz" in page.said()
    assert [row["start"] for row in page.rows("worldcup", "all")] == [
        "2015-06-01T00:00:00Z", "2015-06-01T05:00:00Z", "2015-06-01T10:00:00Z",
    ]  # fmt: skip


def test_the_batch_of_all_providers_is_shown_as_the_gaps_command_tells_it(
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
def test_a_print_has_all_maps_and_clips_no_column(
    tmp_path: Path, hpt: Callable[..., Path], report: Report, page: Page, *, dark: bool
) -> None:
    names = [f"{word}-of-a-rather-long-name" for word in ("one", "two", "three", "four", "five")]
    start = datetime(2014, 5, 17, tzinfo=UTC)
    configs = [hpt(tmp_path / name, name, start=start, days=40) for name in names]

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

    # What the printer is given, to be measured: paper's width, and the rules for print.
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


@pytest.mark.slow
def test_a_year_of_ten_minutes_opens_in_two_seconds_and_is_below_six_megabytes(
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
