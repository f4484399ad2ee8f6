"""``settings.metrics``: a file that node_exporter's textfile collector reads as it is."""

import os
import re
import shutil
import stat
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from backhaul.notify.metrics_text import Metric, as_text, label_text, samples_of

Samples = dict[str, list[tuple[dict[str, str], float]]]


def read(path: Path) -> Samples:
    """The samples by name, after the rules of `promtool check metrics`, and itself where it is installed."""
    text = path.read_text(encoding="utf-8")
    if (promtool := shutil.which("promtool")) is not None:
        lint = [promtool, "check", "metrics"]
        done = subprocess.run(lint, input=text, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, ""), text
    assert text.endswith("\n")
    names = re.findall(r"^# HELP (\S+) \S.*$", text, re.MULTILINE)
    assert names == re.findall(r"^# TYPE (\S+) gauge$", text, re.MULTILINE)
    assert len(names) == len(set(names)), "each family once"
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        assert family.name in names, "each has a help"
        assert re.fullmatch(r"backhaul_[a-z_]+", family.name)
        assert not family.name.endswith(("_total", "_count", "_sum", "_bucket", "_gauge"))
        seen = [(sample.name, tuple(sample.labels.items())) for sample in family.samples]
        assert len(seen) == len(set(seen)), "each series once"
        assert all(name == family.name for name, _ in seen), "families are not interleaved"
        found[family.name] = [(sample.labels, sample.value) for sample in family.samples]
    return found


def only(samples: Samples, name: str) -> float:
    ((_, value),) = samples[name]
    return value


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_the_file_matches_the_result(umask: int, bench: Any, backhaul: Any) -> None:
    one = bench(slots=12, silent=0.0, faults="not_found:all@*_00_10_*")
    one.write(settings__metrics="backhaul.prom")
    before, started = os.umask(umask), time.time()
    try:
        ran = backhaul("run", one.path, "--json")
    finally:
        os.umask(before)

    path = one.path.parent / "backhaul.prom"
    found = read(path)
    (job,) = ran.json["jobs"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert only(found, "backhaul_run_exit_code") == only(found, "backhaul_job_exit_code") == 3
    assert only(found, "backhaul_run_active") == only(found, "backhaul_job_active") == 0
    assert only(found, "backhaul_job_complete") == 0
    assert only(found, "backhaul_job_fetched_files") == job["files"]["fetched"] == 11
    assert only(found, "backhaul_job_fetched_bytes") == job["bytes_fetched"]
    states = {labels["state"]: value for labels, value in found["backhaul_job_files"]}
    assert states["verified"] == 11
    assert states["missing"] == 1
    ((labels, number),) = found["backhaul_job_failures"]
    assert (labels["kind"], labels["job_name"], number) == ("not_found", job["job"], 1)
    assert started - 1 < only(found, "backhaul_run_end_timestamp_seconds") < time.time() + 1
    assert "backhaul_job_last_complete_timestamp_seconds" not in found
    assert [each.name for each in path.parent.glob(".backhaul.prom*")] == []


def test_the_last_success_outlives_a_run_that_fails(bench: Any, backhaul: Any) -> None:
    one = bench(slots=6)
    path = one.path.parent / "backhaul.prom"
    one.write(settings__metrics=str(path))
    assert backhaul("run", one.path).code == 0
    name = "backhaul_job_last_complete_timestamp_seconds"
    complete = only(read(path), name)

    one.one.faults.replace("api/denied:all")
    assert backhaul("run", one.path).code == 4

    found = read(path)
    assert only(found, name) == pytest.approx(complete)
    assert only(found, "backhaul_job_complete") == 0
    assert only(found, "backhaul_job_end_timestamp_seconds") >= complete


def test_the_file_says_that_a_run_is_in_progress(bench: Any, spawn: Any) -> None:
    one = bench(slots=24, silent=0.0, faults="slow=20000:all")
    path = one.path.parent / "backhaul.prom"
    one.write(settings__metrics=str(path), settings__connections=1)
    process = spawn("run", one.path, "--json")
    while not path.exists():
        time.sleep(0.05)

    assert only(read(path), "backhaul_run_active") == 1
    process.terminate()
    process.communicate(timeout=30)

    found = read(path)
    assert only(found, "backhaul_run_active") == 0
    assert only(found, "backhaul_run_exit_code") == 130


def test_the_file_is_rewritten_regularly(
    bench: Any, backhaul: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backhaul.notify.metrics._EVERY", 0.05)
    one = bench(slots=12, silent=0.0, faults="slow=20000:all")
    path = one.path.parent / "backhaul.prom"
    one.write(settings__metrics=str(path), settings__connections=1)
    over, seen = threading.Event(), set()

    def look() -> None:
        while not over.wait(0.02):
            if path.exists():
                seen.update(value for _, value in read(path).get("backhaul_job_done_files", ()))

    reader = threading.Thread(target=look)
    reader.start()
    assert backhaul("run", one.path).code == 0
    over.set()
    reader.join()

    assert len(seen) > 2


def test_a_reader_never_sees_half_a_file(bench: Any, backhaul: Any) -> None:
    one = bench(slots=2)
    path = one.path.parent / "backhaul.prom"
    one.write(settings__metrics=str(path))
    assert backhaul("run", one.path).code == 0
    over, seen = threading.Event(), []

    def look() -> None:
        while not over.is_set():
            seen.append(read(path))

    reader = threading.Thread(target=look)
    reader.start()
    assert backhaul("run", one.path).code == 0
    over.set()
    reader.join()

    assert seen


def test_configurations_may_share_a_file(bench: Any, backhaul: Any, tmp_path: Path) -> None:
    first = bench(slots=2)
    path = tmp_path / "both.prom"
    first.write(settings__metrics=str(path))
    other = first.path.with_name("other.yaml")
    other.write_text(first.path.read_text().replace("dest: archive", "dest: elsewhere"))

    assert backhaul("run", first.path, other).code == 0

    folders = {labels["folder"] for labels, _ in read(path)["backhaul_job_complete"]}
    assert len(folders) == 2


@pytest.mark.parametrize("kind", ["folder", "missing"])
def test_a_file_that_cannot_be_written_is_a_warning(
    kind: str, bench: Any, backhaul: Any, tmp_path: Path
) -> None:
    one, path = bench(slots=2), tmp_path / kind
    if kind == "folder":
        path.mkdir()
    else:
        path /= "backhaul.prom"
    one.write(settings__metrics=str(path))

    ran = backhaul("run", one.path, "--json")

    assert ran.code == 0
    assert f"settings.metrics: {path} cannot be written: " in ran.err


def test_any_label_survives_escaping() -> None:
    labels = (("job_name", 'a"b\\c\nd é \udc80'), ("folder", "/a"))
    name = "backhaul_job_last_complete_timestamp_seconds"
    metric = Metric(name, "When.\nSecond \\ line.", {labels: 1700000000.25})

    text = as_text([metric])

    (family,) = text_string_to_metric_families(text)
    assert family.samples[0].labels["job_name"] == 'a"b\\c\nd é \\udc80'
    assert samples_of(text, name, [labels]) == {labels: 1700000000.25}
    assert samples_of(f"{name}{label_text(labels)} 1.2.3\n", name, [labels]) == {}
    assert samples_of("\x00{} 1\n", name, [labels]) == {}
