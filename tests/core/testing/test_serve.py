"""Emulators in a subprocess, found by entry point."""

import json
import os
import subprocess
import sys

import pytest
import requests
from tests import warm

from backhaul.errors import ConfigError, PluginError
from backhaul.testing.serve import emulator, emulators, serve


def _serving(*arguments: str) -> subprocess.Popen[str]:
    return warm.Popen(
        [sys.executable, "-m", "backhaul.testing.serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_PROXY": "*"},
    )


def test_one_line_gives_the_address_and_a_signal_ends_it() -> None:
    with _serving("stocktwits-backup", "--set", "records=3", "--fault", "api/503:1x") as process:
        line = json.loads(process.stdout.readline())
        assert line["provider"] == "stocktwits-backup"
        assert line["source"]["base_url"] == line["url"]
        assert line["storage_url"] != line["url"]
        assert "stocktwits-december" in line["jobs"]
        assert (
            requests.get(f"{line['url']}/backups/message/2016/12/05", timeout=10).status_code == 503
        )
        log = requests.get(f"{line['url']}/__backhaul__/requests", timeout=10).json()
        assert [entry["path"] for entry in log] == ["/backups/message/2016/12/05"]
        process.terminate()
        assert process.wait(10) == 0


def test_an_unknown_provider_is_named_in_one_line() -> None:
    with _serving("stocktwitz") as process:
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 2
        assert errors.startswith("no emulator for stocktwitz; available: ")
        assert errors.count("\n") == 1


def test_all_four_providers_have_an_emulator() -> None:
    assert set(emulators()) >= {
        "gnip-hpt",
        "datasift-historics",
        "stocktwits-backup",
        "massrelevance-meta",
    }


def test_an_unknown_emulator_is_a_usage_error() -> None:
    with pytest.raises(ConfigError, match="no emulator for nobody"):
        emulator("nobody")


def test_a_setting_that_cannot_be_used_is_reported() -> None:
    with pytest.raises(PluginError, match="the emulator for stocktwits-backup: Invalid isoformat"):
        emulator("stocktwits-backup", first="yesterday")


def test_several_are_served_at_once_and_stopped_together() -> None:
    with serve(["stocktwits-backup", "massrelevance-meta"]) as running:
        urls = [one.url for one in running]
        assert len(set(urls)) == 2
    for url in urls:
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=5)
