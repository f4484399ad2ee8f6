"""The report links to files, and shows their proof and what was rejected or replaced."""

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest

from backhaul.cli.main import main
from backhaul.ledger.rows import CHANGED
from backhaul.storage.location import Location
from backhaul.storage.store_options import StoreOptions
from backhaul.types import SlotState
from backhaul_report import links

START = datetime(2014, 5, 17, tzinfo=UTC)
Make = Callable[..., Path]


def written(config: Path, out: Path) -> str:
    """The text of a report."""
    out.parent.mkdir(parents=True, exist_ok=True)
    assert main(["report", str(config), "-o", str(out)]) == 0
    return out.read_text()


def targets(page: str, out: Path) -> list[Path]:
    """The targets of a page's links."""
    found = re.findall(r'<a href="([^"#][^"]*)"', page)
    return [out.parent / unquote(unescape(link)) for link in found]


def test_links_lead_from_the_page_to_the_files(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "a folder" / "deep" / "report.html"
    found = targets(written(small, out), out)
    assert found
    assert all(path.exists() for path in found)
    assert (tmp_path / "archive" / "worldcup").resolve() in [path.resolve() for path in found]
    assert any(path.is_file() for path in found)  # suspect files are here


def test_a_relative_page_has_the_same_links(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    out = Path("report.html")
    assert '<a href="archive/worldcup/">archive/worldcup</a>' in written(small, out)


def test_names_are_quoted(tmp_path: Path) -> None:
    place = links.to_folder(tmp_path / "page.html", tmp_path / 'a "b"#?&%' / "c:d")
    assert links.to_file(place, "e f?.gz") == "a%20%22b%22%23%3F%26%25/c%3Ad/e%20f%3F.gz"


def test_a_stores_files_have_its_url_without_secrets(tmp_path: Path) -> None:
    dest = Location("s3://bucket/some/prefix", tmp_path, StoreOptions())
    place = links.to_job(tmp_path / "page.html", dest, "world cup")
    assert links.to_file(place, "a b.gz") == "s3://bucket/some/prefix/world%20cup/a%20b.gz"


def test_proofs_are_counted(small: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "archive" / ".backhaul" / "ledger.sqlite")) as db:
        ((number,),) = db.execute("SELECT count(*) FROM files WHERE size IS NOT NULL")
    page = written(small, tmp_path / "report.html")
    assert f'<th scope="row">container</th><td class="number">{number:,}</td>' in page


def test_rejected_downloads_are_listed_with_their_reason_and_a_link(
    small: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "archive" / ".backhaul" / "rejected" / "worldcup" / "sub"
    folder.mkdir(parents=True)
    (folder / "bad #1.gz").write_bytes(b"x" * 2048)
    reason = {"kind": "corrupt", "message": "trailing <b> data"}
    (folder / "bad #1.gz.reason.json").write_text(json.dumps(reason))
    (folder / "no-reason.gz").write_bytes(b"x")
    (folder / "no-reason.gz.reason.json").write_text("[")
    out = tmp_path / "report.html"
    page = written(small, out)
    assert "2 rejected downloads (2.0 KiB)" in page
    assert "<td>corrupt</td><td>trailing &lt;b&gt; data</td>" in page
    assert {"bad #1.gz", "no-reason.gz"} <= {path.name for path in targets(page, out)}
    assert all(path.exists() for path in targets(page, out))


def test_a_file_with_another_version_at_the_provider_is_reported(tmp_path: Path, hpt: Make) -> None:
    config = hpt(tmp_path, "worldcup", start=START, days=1, fate=lambda *_: SlotState.VERIFIED)
    with closing(sqlite3.connect(tmp_path / "archive" / ".backhaul" / "ledger.sqlite")) as db:
        db.execute("UPDATE files SET flags = flags | ? WHERE id IN (3, 5)", (CHANGED,))
        db.commit()
    page = written(config, tmp_path / "report.html")
    assert re.search(r"changed at the provider</th><td class=\"number\">2</td>", page)
