"""A destination that is an object store: its URL, its workspace, and configurations that share it."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from backhaul import ConfigError, ProviderInfo
from backhaul.config import load_many
from backhaul.storage.location import Location, parse, workspace_name
from backhaul.storage.store_options import StoreOptions

Providers = Callable[[str], ProviderInfo]
TEXT = """\
settings: {%s}
sources: {h: {provider: harbor, user: u, password: p}}
jobs: {%s: {source: h, id: a, from: 2016-12-01}}
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str, str], Path]:
    def write(name: str, settings: str, job: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(TEXT % (settings, job), encoding="utf-8")
        return path

    return write


def test_a_store_has_a_workspace_next_to_the_file(
    write: Callable[[str, str, str], Path], tmp_path: Path, providers: Providers
) -> None:
    path = write("a.yaml", "dest: 'S3://data.lake/a/b/', store: {region: eu-1}", "one")

    (config,) = load_many([path], providers=providers, env={})

    assert config.dest == config.jobs["one"].dest
    assert config.dest == Location(
        "s3://data.lake/a/b",
        tmp_path / ".backhaul/s3-data.lake-a-b",
        StoreOptions(region="eu-1"),
    )
    assert (config.dest.scheme, config.dest.bucket) == ("s3", "data.lake")
    assert (config.dest.prefix, config.dest.folder) == ("a/b", None)
    assert pickle.loads(pickle.dumps(config.dest)) == config.dest
    assert hash(pickle.loads(pickle.dumps(config.dest))) == hash(config.dest)


def test_a_workspace_may_be_named(
    write: Callable[[str, str, str], Path], tmp_path: Path, providers: Providers
) -> None:
    path = write("a.yaml", "dest: 'gs://bucket', workspace: here/work", "one")

    (config,) = load_many([path], providers=providers, env={})

    assert config.dest == Location("gs://bucket", tmp_path / "here/work")
    assert (config.dest.bucket, config.dest.prefix) == ("bucket", "")


def test_two_spellings_of_one_store_are_one_destination(
    write: Callable[[str, str, str], Path], tmp_path: Path, providers: Providers
) -> None:
    paths = [
        write("a.yaml", "dest: 's3://bucket/x'", "one"),
        write("sub/b.yaml", "dest: 'S3://bucket/x/'", "two"),
    ]

    first, second = load_many(paths, providers=providers, env={})

    assert first.dest == second.dest == second.jobs["two"].dest
    assert second.settings.workspace == tmp_path / ".backhaul/s3-bucket-x"
    assert second.jobs["two"].siblings == {"one", "two"}


def test_two_stores_do_not_share_a_workspace(
    write: Callable[[str, str, str], Path], providers: Providers
) -> None:
    paths = [
        write("a.yaml", "dest: 's3://bucket/x', workspace: w", "one"),
        write("b.yaml", "dest: 's3://bucket/y', workspace: w", "two"),
    ]

    with pytest.raises(
        ConfigError, match=r"b\.yaml.*the workspace .*/w would be that of s3://bucket/x"
    ):
        load_many(paths, providers=providers, env={})


def test_a_file_url_is_the_folder(
    write: Callable[[str, str, str], Path], tmp_path: Path, providers: Providers
) -> None:
    paths = [
        write("a.yaml", "dest: archive", "one"),
        write("b.yaml", f"dest: 'file://{tmp_path}/archive'", "two"),
    ]

    first, second = load_many(paths, providers=providers, env={})

    assert first.dest == second.dest == Location.of_folder(tmp_path / "archive")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "should be a folder"),
        ("http://bucket", "s3, gs, az or file"),
        ("s3://", "bucket name"),
        ("s3:///x", "bucket name"),
        ("s3://b ucket/x", "bucket name"),
        ("s3://bucket/a//b", "must not contain //"),
        ("s3://bucket/../b", "must not contain //"),
        ("s3://u:p@bucket", "must not contain credentials"),
        ("az://container?sig=x", r"\?"),
        ("file://other/x", "file:///path"),
    ],
)
def test_an_invalid_destination_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text)


def test_no_two_urls_have_workspaces_of_the_same_name() -> None:
    urls = ["a/b", "a-b", "a b", "a/B", "a--b", "a/b/c", "a-b/c", "a/b-c", "x" * 900, "x" * 901]
    names = {workspace_name(f"s3://bucket/{each}").lower() for each in urls}
    assert len(names) == len(urls)
    assert max(map(len, names)) < 200
    assert workspace_name("s3://bucket/lake/2015") == "s3-bucket-lake-2015"
