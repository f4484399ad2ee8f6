"""Whatever happens, at the highest verbosity: no output contains a secret."""

import base64
import re
import stat
from pathlib import Path
from urllib.parse import unquote

import pytest
from tests.safety.command import run, write_config
from tests.safety.matrix import JOBS, QUICK, SCALES
from tests.usual import usual

from backhaul.testing.serve import emulator

FAULTS = [
    "", "drop:all", "expired:all", "denied:all", "skewed:all", "503:all", "html_200:all", "not_found:all", "redirect_loop:all",
    "corrupt:all", "api/unauthorized:all", "api/500:all", "api/html_200:all", "api/redirect_loop:all",
]  # fmt: skip


def secrets(source: dict[str, object]) -> set[bytes]:
    plain = {str(source[key]) for key in ("password", "api_key") if key in source}
    user = str(source.get("username", ""))
    pairs = {base64.b64encode(f"{user}:{text}".encode()).decode() for text in plain}
    return {text.encode() for text in plain | pairs}


@pytest.mark.parametrize(
    "provider", usual(["gnip-hpt", "stocktwits-backup", "datasift-historics"], "gnip-hpt")
)
def test_no_secret_is_written_anywhere(provider: str, tmp_path: Path) -> None:
    quick = {**QUICK, "retries": 0}
    with emulator(provider, **SCALES[provider]) as running:
        output = b""
        for number, fault in enumerate(FAULTS):
            folder = tmp_path / str(number)
            folder.mkdir()
            keys = {name: {**job, **JOBS.get(provider, {})} for name, job in running.jobs().items()}
            config = write_config(folder, running, settings=quick, jobs=keys)
            running.faults.replace(fault)
            ran = run(config, "-vv", "--log-file", str(folder / "log"))
            output += (ran.out + ran.err).encode()
            config.unlink()
        signed = {
            match.encode()
            for each in running.requests.at("storage")
            for match in re.findall(r"Signature=([^&]+)", each.query)
        }
        hidden = (
            secrets(running.source())
            | signed
            | {unquote(each.decode()).encode() for each in signed}
        )
    assert hidden
    written = {"what it said": output}
    written |= {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert any(path.endswith("ledger.sqlite") for path in written)
    assert [
        (where, secret) for where, data in written.items() for secret in hidden if secret in data
    ] == []


def test_only_the_owner_can_read_the_ledger_and_parts(tmp_path: Path) -> None:
    with emulator(
        "gnip-hpt", slots=2, silent=0.0, activities=700, faults="drop=90000:1 503:all"
    ) as running:
        run(write_config(tmp_path, running, settings={"retries": 1}))
    private = [
        path
        for path in (tmp_path / "archive").rglob("*")
        if path.is_file() and (path.name.startswith("ledger.sqlite") or ".part" in path.name)
    ]
    assert "ledger.sqlite" in {path.name for path in private}
    assert any(path.name.endswith(".part") for path in private)
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}


def test_netrc_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login eve password from-netrc\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with emulator("gnip-hpt", slots=2) as running:
        assert run(write_config(tmp_path, running)).code == 0
        theirs = base64.b64encode(b"eve:from-netrc").decode()
        assert not any(theirs in str(each.headers) for each in running.requests)
        assert not any("authorization" in each.headers for each in running.requests.at("storage"))


def test_credentials_do_not_follow_a_redirect_to_another_origin(tmp_path: Path) -> None:
    with emulator("stocktwits-backup", records=5) as running:
        assert (
            run(
                write_config(
                    tmp_path, running, jobs={"days": {"from": "2016-12-01", "to": "2016-12-03"}}
                )
            ).code
            == 0
        )
        assert running.requests.at("storage")
        assert not any("authorization" in each.headers for each in running.requests.at("storage"))
