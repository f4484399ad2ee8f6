"""Several files in one batch."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.messages import assert_messages

from backhaul.config import load_many
from backhaul.config.read import Providers
from backhaul.errors import ConfigError

TEXT = """\
settings: {dest: %s}
sources: {h: {provider: harbor, user: u, password: p}}
jobs: {%s: {source: h, id: x}}
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, dest: str, job: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(TEXT % (dest, job), encoding="utf-8")
        return path

    return write


def test_files_may_share_a_destination(
    write: Callable[..., Path], tmp_path: Path, providers: Providers
) -> None:
    paths = [write("a.yaml", "archive", "one"), write("sub/b.yaml", "../archive", "two")]
    first, second = load_many(paths, providers=providers, env={})
    assert first.settings.dest == second.settings.dest == tmp_path / "archive"
    assert first.path == paths[0]


def test_a_duplicate_job_in_one_destination_is_reported_with_both_positions(
    write: Callable[..., Path], load_paths: Callable[..., list[str]]
) -> None:
    one, two = write("a.yaml", "archive", "one"), write("sub/b.yaml", "../archive", "One")
    assert_messages(load_paths(one, two), (f"{two}:3:8: ", '"One"', '"one"', f"{one}:3:8"))


@pytest.mark.parametrize("made", [True, False], ids=["made", "not made yet"])
@pytest.mark.parametrize("spelt", ["link", "sub/../archive", "./archive/", "link/../archive"])
def test_a_duplicate_job_is_found_however_the_destination_is_spelled(
    write: Callable[..., Path],
    load_paths: Callable[..., list[str]],
    tmp_path: Path,
    spelt: str,
    *,
    made: bool,
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to("archive")
    if made:
        (tmp_path / "archive").mkdir()

    assert len(load_paths(write("a.yaml", "archive", "one"), write("b.yaml", spelt, "one"))) == 1


def test_a_job_name_can_occur_in_two_destinations(
    write: Callable[..., Path], providers: Providers
) -> None:
    paths = [write("a.yaml", "archive", "one"), write("b.yaml", "other", "one")]
    assert len(load_many(paths, providers=providers, env={})) == 2


def test_a_file_given_twice_counts_once(write: Callable[..., Path], providers: Providers) -> None:
    path = write("a.yaml", "archive", "one")
    assert len(load_many([path, path], providers=providers, env={})) == 1


def test_the_errors_of_all_files_are_reported_at_once_in_the_given_order(
    write: Callable[..., Path], load_paths: Callable[..., list[str]]
) -> None:
    bad, worse = write("z.yaml", "[1]", "one"), write("a.yaml", "archive", "..")
    missing = bad.with_name("missing.yaml")
    lines = load_paths(bad, missing, worse)
    assert [line.removeprefix(f"{bad.parent}/").split(" ")[0] for line in lines] == [
        "missing.yaml:",
        "z.yaml:1:18:",
        "a.yaml:3:8:",
    ]


def test_a_single_file_reads_the_environment_of_the_process(
    write: Callable[..., Path], providers: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("a.yaml", "${ARCHIVE_OF_TEST}", "one")
    monkeypatch.delenv("ARCHIVE_OF_TEST", raising=False)
    with pytest.raises(ConfigError):
        load_many([path], providers=providers)
    path.write_text(path.read_text().replace("${ARCHIVE_OF_TEST}", '"${ARCHIVE_OF_TEST}"'))
    with pytest.raises(ConfigError, match="ARCHIVE_OF_TEST"):
        load_many([path], providers=providers)
    monkeypatch.setenv("ARCHIVE_OF_TEST", "elsewhere")
    (config,) = load_many([path], providers=providers)
    assert config.settings.dest == path.parent / "elsewhere"


def test_jobs_that_share_a_destination_have_its_real_path_and_each_others_names(
    write: Callable[..., Path], tmp_path: Path, providers: Providers
) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "link").symlink_to("archive")
    paths = [
        write("a.yaml", "archive", "one"), write("b.yaml", "link", "two"), write("c.yaml", "x", "three")
    ]  # fmt: skip
    configs = load_many(paths, providers=providers, env={})
    jobs = {name: job for config in configs for name, job in config.jobs.items()}
    assert {job.dest.folder for name, job in jobs.items() if name != "three"} == {
        tmp_path / "archive"
    }
    assert jobs["one"].siblings == jobs["two"].siblings == {"one", "two"}
    assert (jobs["three"].dest.folder, jobs["three"].siblings) == (tmp_path / "x", {"three"})
