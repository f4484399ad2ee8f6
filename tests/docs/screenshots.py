"""Creates the screenshots of the site: ``python -m tests.docs.screenshots``.

PNG of the report in a real browser, SVG of terminal output. Needs chromium and chromium-driver.
"""

import io
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.text import Text
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from tests.terminal import raw_on_terminal

from backhaul.testing.serve import emulator

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "_static"
COLUMNS = 100
_FAULTS = "not_found:all@*/03/1* corrupt:all@*/09/20_*"  # one missing file and one damaged file
_COMMAND = (sys.executable, "-m", "backhaul")
# From another site; the reader's own font is enough.
_FONT = re.compile(r"@font-face \{.*?\}\n?", re.DOTALL)
_REDRAWN = re.compile(r"(?:\x1b\[1A|\x1b\[2K|\x1b\[\?25[lh]|\r)+")


def main() -> int:
    """Run a job with faults, and take a screenshot of each view."""
    PICTURES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        emulator("gnip-hpt", faults=_FAULTS) as gnip,
    ):
        config = Path(folder) / "backhaul.yaml"
        jobs = {"worldcup": {"source": "gnip", **gnip.jobs()["worldcup"]}}
        sources = {"gnip": gnip.source()}
        settings = {"dest": "archive", "retries": 1, "connections": 4}
        document = {"version": 1, "settings": settings, "sources": sources, "jobs": jobs}
        config.write_text(yaml.safe_dump(document))

        _, shown = raw_on_terminal(
            [*_COMMAND, "run", config, "--limit-rate", "150K"], columns=COLUMNS
        )
        frames = [each for each in _REDRAWN.split(shown) if " left" in each]
        svg("progress", "backhaul run", frames[len(frames) * 2 // 3])
        _, shown = raw_on_terminal(
            [*_COMMAND, "gaps", config, "--job", "worldcup"], columns=COLUMNS
        )
        svg("gaps", "backhaul gaps", shown)
        raw_on_terminal([*_COMMAND, "report", config, "-o", Path(folder) / "report.html"])
        report(Path(folder) / "report.html")
    return 0


def svg(name: str, title: str, shown: str) -> None:
    """Terminal output as an image without fonts from other sites."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text.from_ansi(shown.strip("\n")))
    made = _FONT.sub("", console.export_svg(title=title, unique_id=name))
    (PICTURES / f"{name}.svg").write_text(made)


def report(page: Path) -> None:
    """The top of the report, and the map of a job."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for each in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
    ):
        options.add_argument(each)
    options.add_argument("--window-size=1000,900")
    browser: Any = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        browser.get(page.as_uri())
        browser.save_screenshot(str(PICTURES / "report.png"))
        (section,) = browser.find_elements("css selector", 'section[data-job="worldcup"] .frame')[
            :1
        ]
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", section)
        browser.execute_async_script("setTimeout(arguments[0], 1000)")
        section.screenshot(str(PICTURES / "map.png"))
    finally:
        browser.quit()


if __name__ == "__main__":
    sys.exit(main())
