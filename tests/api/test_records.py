"""``records`` and ``to_arrow``: the records of present files as values, one file after the other."""

import bz2
import gzip
import io
import json
import lzma
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import backhaul
from backhaul.errors import ConfigError
from backhaul.verify.frames import zstd

SERVE = """
import functools, http.server, sys
class Files(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *words): pass
server = http.server.ThreadingHTTPServer(
    ("127.0.0.1", 0), functools.partial(Files, directory=sys.argv[1]))
print(server.server_address[1], flush=True)
server.serve_forever()
"""
FLAT = """
import resource, sys
import backhaul
archive = backhaul.load(sys.argv[1], offline=True)
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
first = next(iter(archive.records("big")))
before, number = peak(), 0
for record in archive.records("big"):
    number += 1
print(number, peak() - before)
"""


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """A plain server of a folder's files; yields its port."""
    words = [sys.executable, "-c", SERVE, str(folder)]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield int(server.stdout.readline())
    finally:
        server.kill()
        server.communicate()


def days(folder: Path, port: int, suffix: str, content: str) -> backhaul.Archive:
    """A job with one daily file, configured in ``big.json``."""
    source = {
        "provider": "http-series",
        "every": "1d",
        "content": content,
        "url": f"http://127.0.0.1:{port}/{{start:%Y-%m-%d}}.{suffix}",
    }
    config = {
        "version": 1,
        "settings": {"dest": "big"},
        "sources": {"days": source},
        "jobs": {"big": {"source": "days", "from": "2015-01-01", "to": "2015-01-02"}},
    }
    (folder / "big.json").write_text(json.dumps(config))
    return backhaul.load(folder / "big.json")


@pytest.fixture
def here(served: Any) -> backhaul.Archive:
    """A completely fetched job of gzip files with footers."""
    archive = backhaul.load(served(slots=12, silent=0.0))
    assert archive.run().exit_code == 0
    return archive


def by_hand(archive: backhaul.Archive, tmp_path: Path, **states: Any) -> list[Any]:
    """All records, read without the library; the last line of each file is a footer."""
    found = []
    for file in archive.files(states="verified", **states):
        if file.start is not None and file.file.endswith(".gz"):
            text = gzip.decompress((tmp_path / "archive" / file.job / file.file).read_bytes())
            lines = [line for line in text.split(b"\n") if line.strip()]
            found += [json.loads(line) for line in lines[:-1]]
    return found


def test_records_are_in_chronological_order_without_footers(
    here: backhaul.Archive, tmp_path: Path
) -> None:
    [job] = here.jobs

    records = list(here.records(job))

    assert len(records) > 10
    assert records == by_hand(here, tmp_path)
    assert len(records) == here.status(offline=True).jobs[0].here.records


def test_a_range_selects_files_by_the_start_of_their_period(here: backhaul.Archive) -> None:
    [job] = here.jobs
    files = [file for file in here.files(states="verified") if file.start is not None]
    third, fifth = files[2].start, files[4].start
    assert third is not None
    assert fifth is not None

    some = list(here.records(job, since=third, until=fifth))

    assert len(some) == sum(file.records or 0 for file in files[2:4])
    assert some == list(
        here.records(job, since=third.replace(tzinfo=None), until=fifth.isoformat())
    )
    assert list(here.records(job, since=date(2999, 1, 1))) == []
    assert list(here.records(job, since="-1d", until=datetime.now(UTC) - timedelta(hours=23))) == []


@pytest.mark.parametrize("harm", ["cut", "flipped", "gone"])
def test_it_stops_at_the_first_file_that_differs_from_the_ledger(
    here: backhaul.Archive, tmp_path: Path, harm: str
) -> None:
    [job] = here.jobs
    files = [file for file in here.files(states="verified") if file.start is not None]
    path = tmp_path / "archive" / job / files[3].file
    data = bytearray(path.read_bytes())
    data[4] ^= 1  # the time in gzip's header; the records are the same
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(data[:-1] if harm == "cut" else data)
    records = here.records(job)
    before = list(islice(records, sum(file.records or 0 for file in files[:3])))

    with pytest.raises(backhaul.DamagedFileError, match=files[3].file.rpartition("/")[2]):
        next(records)

    assert before


def test_absent_files_are_left_out(served: Any, tmp_path: Path) -> None:
    archive = backhaul.load(served(slots=12, silent=0.0, faults="not_found:all@*_00_10_*"))
    archive.run()
    [job] = archive.jobs

    assert list(archive.records(job)) == by_hand(archive, tmp_path)
    assert any(gap.state == "missing" for gap in archive.gaps())


def test_a_job_that_never_ran_has_no_records_and_invalid_arguments_are_refused(served: Any) -> None:
    config = served(slots=2)
    [job] = config["jobs"]
    assert list(backhaul.load(config).records(job)) == []
    with pytest.raises(ConfigError, match="no such job"):
        backhaul.load(config).records("other")
    with pytest.raises(ConfigError, match="since: should be a date"):
        backhaul.load(config).records(job, since="last week")


def test_its_memory_does_not_grow_with_the_archive(here: backhaul.Archive, tmp_path: Path) -> None:
    """A file with 300 MB of text is read in the memory needed for its first record."""
    del here
    (tmp_path / "files").mkdir()
    line = json.dumps({"text": "x" * 3000}).encode() + b"\n"
    with gzip.open(tmp_path / "files" / "2015-01-01.json.gz", "wb", compresslevel=1) as big:
        for _ in range(100):
            big.write(line * 1000)
    with serving(tmp_path / "files") as port:
        archive = days(tmp_path, port, "json.gz", "jsonl.gz")
        assert archive.run().exit_code == 0

    done = subprocess.run(
        [sys.executable, "-c", FLAT, str(tmp_path / "big.json")],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.split()

    assert int(done[0]) == 100_000
    assert int(done[1]) < 40, "MB more than the first record took"


def test_files_in_other_formats_are_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "2015-01-01.xml").write_text("<rows><row>1</row></rows>")
    with serving(tmp_path / "files") as port:
        archive = days(tmp_path, port, "xml", "xml")
        assert archive.run().exit_code == 0

    with pytest.raises(backhaul.NoRecordsError, match="its files are xml, not JSON Lines"):
        list(archive.records("big"))


def zipped(data: bytes) -> bytes:
    """A zip file with one member."""
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("data", data)
    return stored.getvalue()


PACK = {"": bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": lambda data: bytes(zstd().compress(data)), "zip": zipped}  # fmt: skip
ROWS = b'\xef\xbb\xbfname,text,n\r\nJos\xc3\xa9,"two\nlines, and ""quotes""",1\r\n\r\nshort,\r\n'
ROWS_READ = [
    {"name": "José", "text": 'two\nlines, and "quotes"', "n": "1"},
    {"name": "short", "text": "", "n": None},
]


def fetched(tmp_path: Path, data: bytes, suffix: str, content: str) -> backhaul.Archive:
    """A job whose only file is fetched."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / f"2015-01-01.{suffix}").write_bytes(data)
    with serving(tmp_path / "files") as port:
        archive = days(tmp_path, port, suffix, content)
        assert archive.run().exit_code == 0
    return archive


@pytest.mark.parametrize("packing", PACK)
def test_csv_rows_are_dicts_by_header_whatever_the_compression(
    tmp_path: Path, packing: str
) -> None:
    content = f"csv.{packing}" if packing else "csv"

    archive = fetched(tmp_path, PACK[packing](ROWS), content, content)

    assert list(archive.records("big")) == ROWS_READ


@pytest.mark.parametrize(
    "text",
    [ROWS, b"a,b\n1,2\n \n3,4\n", b"a,b\r\n", b"", b'one\n"x\n\ny"\n', b"\n\na\n\n1"],
)
def test_as_many_rows_are_counted_as_read(tmp_path: Path, text: bytes) -> None:
    archive = fetched(tmp_path, gzip.compress(text), "csv.gz", "csv.gz")

    [file] = archive.files("big")
    assert len(list(archive.records("big"))) == file.records


@pytest.mark.parametrize(
    ("document", "records"),
    [
        (b'[{"a": 1},\n {"a": [2, "x"]},\n 3]', [{"a": 1}, {"a": [2, "x"]}, 3]),
        (b'{"a": [1, 2]}', [{"a": [1, 2]}]),
        (b'["\\ud800"]', ["\ud800"]),
        (b"[]", []),
    ],
)
def test_the_elements_of_a_json_array_are_records(
    tmp_path: Path, document: bytes, records: list[object]
) -> None:
    archive = fetched(tmp_path, document, "json", "json")

    assert list(archive.records("big")) == records


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a,a\n1,2\n", "two columns have the name 'a'"),
        (b"a,b\n1,2,3\n", "row 2 has 3 values, the header 2 names"),
    ],
)
def test_rows_that_cannot_be_named_are_refused(tmp_path: Path, text: bytes, message: str) -> None:
    archive = fetched(tmp_path, text, "csv", "csv")

    with pytest.raises(backhaul.BackhaulError, match=rf"2015-01-01\.csv: {message}"):
        list(archive.records("big"))


def test_arrow_has_csv_rows_as_json(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    archive = fetched(tmp_path, ROWS, "csv", "csv")

    table = archive.to_arrow("big", columns={"n": "n"}).read_all()

    assert [json.loads(text) for text in table.column("record").to_pylist()] == ROWS_READ
    assert table.column("n").to_pylist() == ["1", None]


def test_arrow_has_the_same_records_in_batches(here: backhaul.Archive, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    [job] = here.jobs

    reader = here.to_arrow(job, columns={"by": "actor.preferredUsername", "actor": "actor"})
    table = reader.read_all()

    assert table.schema.names == ["file", "record", "by", "actor"]
    records = by_hand(here, tmp_path)
    assert [json.loads(text) for text in table["record"].to_pylist()] == records
    assert table["by"].to_pylist() == [each["actor"]["preferredUsername"] for each in records]
    assert json.loads(table["actor"][0].as_py()) == records[0]["actor"]
    names = {file.file for file in here.files(states="verified")}
    assert set(table["file"].to_pylist()) <= names


def test_a_wrong_column_is_refused_at_once(here: backhaul.Archive) -> None:
    pytest.importorskip("pyarrow")
    [job] = here.jobs

    with pytest.raises(ConfigError, match="column by"):
        here.to_arrow(job, columns={"by": "actor["})
    with pytest.raises(ConfigError, match="column record: reserved name"):
        here.to_arrow(job, columns={"record": "id"})
