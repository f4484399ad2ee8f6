"""Messages about missing extras name what the user has installed."""

import json
import shlex
from pathlib import Path

import pytest

from backhaul import how_to_install


def installed(folder: Path, origin: object, installer: str = "pip") -> None:
    """A distribution ``acme`` with the records that installers write."""
    info = folder / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "INSTALLER").write_text(f"{installer}\n")
    if origin is not None:
        text = origin if isinstance(origin, str) else json.dumps(origin)
        (info / "direct_url.json").write_text(text)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    how_to_install.cache_clear()
    return tmp_path


def test_an_editable_installation_is_extended_from_its_folder(site: Path) -> None:
    source = site / "my source"
    source.mkdir()
    installed(site, {"url": source.as_uri(), "dir_info": {"editable": True}})

    assert shlex.split(how_to_install("x", package="acme")) == [
        "pip", "install", "-e", f"{source}[x]",
    ]  # fmt: skip


def test_an_installed_wheel_is_used_while_it_exists(site: Path) -> None:
    wheel = site / "acme-1.0-py3-none-any.whl"
    wheel.touch()
    installed(site, {"url": wheel.as_uri(), "archive_info": {}}, installer="uv")

    assert how_to_install("x", package="acme") == f"uv pip install {shlex.quote(f'{wheel}[x]')}"
    wheel.unlink()
    how_to_install.cache_clear()
    assert how_to_install("x", package="acme") == "uv pip install 'acme[x]'"


@pytest.mark.parametrize(
    ("origin", "source"),
    [
        (None, "'acme[x]'"),
        ("not json", "'acme[x]'"),
        ("[]", "'acme[x]'"),
        ({"url": "https://host.example/acme.whl"}, "'acme[x] @ https://host.example/acme.whl'"),
        (
            {"url": "https://host.example/acme", "vcs_info": {"vcs": "git"}},
            "'acme[x] @ git+https://host.example/acme'",
        ),
    ],
)
def test_the_source_of_the_installation_is_named(site: Path, origin: object, source: str) -> None:
    installed(site, origin)

    assert how_to_install("x", package="acme") == f"pip install {source}"


def test_a_package_that_is_not_installed_is_named_without_a_source(site: Path) -> None:
    assert how_to_install("x", package="acme-of-nowhere") == "pip install 'acme-of-nowhere[x]'"
    assert site.is_dir()
