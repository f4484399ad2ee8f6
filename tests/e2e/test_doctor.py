"""``backhaul doctor`` names each planted fault, and fetches nothing."""

import json
import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from tests.serving import Handler, Server, serving
from tests.soon import SOON

from backhaul.storage.lease import Lease
from backhaul.testing import Emulator
from backhaul_doctor.examine import examine

Run = Callable[..., Any]


class Answers(Handler):
    status = 200
    ahead = 0.0  # seconds of the Date header

    def do_HEAD(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def date_time_string(self, timestamp: float | None = None) -> str:
        del timestamp
        return super().date_time_string(time.time() + self.ahead)


@contextmanager
def server(
    *, certificate: trustme.LeafCert | None = None, status: int = 200, ahead: float = 0.0
) -> Iterator[str]:
    handler = type("Answering", (Answers,), {"status": status, "ahead": ahead})
    served = Server(("127.0.0.1", 0), handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        served.socket = context.wrap_socket(served.socket, server_side=True)
    with serving(served):
        yield f"{'http' if certificate is None else 'https'}://localhost:{served.server_port}"


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Plant:
    """A folder with a configuration, in which a test plants a fault."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, running: ExitStack) -> None:
        self.folder = folder
        self.set = monkeypatch.setenv
        self.running = running
        self.path = folder / "backhaul.yaml"
        self.ca = trustme.CA()
        self.document: dict[str, Any] = {
            "version": 1,
            "settings": {"dest": "archive"},
            "sources": {},
            "jobs": {"days": {"source": "s", "from": "2024-01-01", "to": "2024-01-03"}},
        }
        self.at("http://localhost:9")

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    def at(self, url: str) -> None:
        self.document["sources"]["s"] = {
            "provider": "http-series",
            "url": url + "/{start:%Y-%m-%d}.gz",
            "every": "1d",
        }

    def log_in(self, **auth: Any) -> None:
        self.document["sources"]["s"]["auth"] = auth

    def served(self, **how: Any) -> None:
        self.at(self.running.enter_context(server(**how)))

    def trust(self) -> None:
        self.ca.cert_pem.write_to_path(str(self.folder / "ca.pem"))
        self.set("SSL_CERT_FILE", str(self.folder / "ca.pem"))


def invalid_yaml(plant: Plant) -> None:
    plant.document["jobs"]["days"]["form"] = "2024-01-01"


def unset_variable(plant: Plant) -> None:
    plant.log_in(basic=["me", "${DOCTOR_IS_NOT_SET}"])


def missing_secret_file(plant: Plant) -> None:
    plant.log_in(bearer={"file": "no-such-secret"})


def failing_secret_command(plant: Plant) -> None:
    plant.log_in(bearer={"command": ["false"]})


def missing_plugin(plant: Plant) -> None:
    plant.document["sources"]["s"]["provider"] = "http-serie"


def unknown_host(plant: Plant) -> None:
    plant.at("https://no-such-host.invalid")


def closed(plant: Plant) -> None:
    plant.at(f"http://localhost:{closed_port()}")


def expired_certificate(plant: Plant) -> None:
    plant.trust()
    yesterday = datetime.now(UTC) - timedelta(days=1)
    plant.served(certificate=plant.ca.issue_cert("localhost", not_after=yesterday))


def certificate_that_expires_soon(plant: Plant) -> None:
    plant.trust()
    soon = datetime.now(UTC) + timedelta(days=3)
    plant.served(certificate=plant.ca.issue_cert("localhost", not_after=soon))


def certificate_of_an_unknown_authority(plant: Plant) -> None:
    plant.trust()
    plant.served(certificate=trustme.CA().issue_cert("localhost"))


def self_signed_certificate(plant: Plant) -> None:
    plant.trust()
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    key, pem = plant.folder / "self.key", plant.folder / "self.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"]
    try:
        subprocess.run(
            [*made, "-keyout", key, "-out", pem, *names], check=True, capture_output=True
        )
    except FileNotFoundError:
        pytest.skip("makes its certificate with openssl")

    class Own:
        def configure_cert(self, context: ssl.SSLContext) -> None:
            context.load_cert_chain(pem, key)

    plant.served(certificate=Own())


def certificate_of_another_host(plant: Plant) -> None:
    plant.trust()
    plant.served(certificate=plant.ca.issue_cert("other.example"))


def no_tls(plant: Plant) -> None:
    url = plant.running.enter_context(server())
    plant.at(url.replace("http://", "https://"))


def missing_bundle(plant: Plant) -> None:
    plant.served(certificate=plant.ca.issue_cert("localhost"))
    plant.set("SSL_CERT_FILE", str(plant.folder / "no-such.pem"))


def wrong_clock(plant: Plant) -> None:
    plant.served(ahead=3600)


def broken_server(plant: Plant) -> None:
    plant.served(status=503)


def dead_proxy(plant: Plant) -> None:
    plant.set("http_proxy", f"http://127.0.0.1:{closed_port()}")
    plant.at("http://archive.example")


def proxy_that_requires_a_password(plant: Plant) -> None:
    plant.set("http_proxy", plant.running.enter_context(server(status=407)))
    plant.at("http://archive.example")


def invalid_proxy(plant: Plant) -> None:
    plant.set("http_proxy", "ftp://proxy")


def file_in_the_way(plant: Plant) -> None:
    plant.archive.write_text("not a folder")


def full_disk(plant: Plant) -> None:
    plant.document["settings"]["min_free_space"] = "900T"


def folder_in_memory(plant: Plant) -> None:
    if not Path("/dev/shm").is_dir():
        pytest.skip("needs /dev/shm")
    plant.document["settings"]["dest"] = f"/dev/shm/backhaul-doctor-{os.getpid()}"


def not_durable(plant: Plant) -> None:
    plant.document["settings"]["durable"] = False


def locked_job(plant: Plant) -> None:
    plant.running.callback(Lease(plant.archive / ".backhaul", "days").release)


def damaged_ledger(plant: Plant) -> None:
    (plant.archive / ".backhaul").mkdir(parents=True)
    (plant.archive / ".backhaul" / "ledger.sqlite").write_bytes(b"not a database" * 100)


def no_jobs(plant: Plant) -> None:
    plant.document["jobs"] = {}


def missing_program(plant: Plant) -> None:
    plant.document["settings"]["on_job"] = {"command": ["./no-such-program", "{job}"]}


def program_that_must_not_fail(plant: Plant) -> None:
    (plant.folder / "notes").write_text("not executable")
    plant.document["settings"]["on_files"] = {"command": ["./notes"], "on_error": "fail"}


def missing_folder_of_metrics(plant: Plant) -> None:
    plant.document["settings"]["metrics"] = "no-such-folder/backhaul.prom"


def unreachable_webhook(plant: Plant) -> None:
    url = f"http://localhost:{closed_port()}/hook"
    plant.document["settings"]["webhook"] = {"url": url}


def missing_secret_of_a_webhook(plant: Plant) -> None:
    plant.document["settings"]["webhook"] = {"url": {"file": "no-such-secret"}}


Fault = tuple[Callable[[Plant], None], str, str, int, str]
FAULTS: list[Fault] = [
    (invalid_yaml, "configuration", "failed", 2, 'did you mean "from"'),
    (no_jobs, "configuration", "warning", 0, "add a job"),
    (unset_variable, "environment", "failed", 2, "DOCTOR_IS_NOT_SET is not set"),
    (missing_secret_file, "secrets", "failed", 2, "no-such-secret is missing"),
    (failing_secret_command, "secrets", "failed", 2, "false failed with exit code 1"),
    (missing_plugin, "plugin", "failed", 12, "did you mean 'http-series'"),
    (unknown_host, "dns", "failed", 6, "no-such-host.invalid cannot be resolved"),
    (closed, "connection", "failed", 6, "refused"),
    (expired_certificate, "tls", "failed", 6, "has expired (this machine's time is"),
    (certificate_that_expires_soon, "tls", "warning", 0, "renew it on the server"),
    (certificate_of_an_unknown_authority, "tls", "failed", 6, "authority is not trusted"),
    (self_signed_certificate, "tls", "failed", 6, "is self-signed"),
    (certificate_of_another_host, "tls", "failed", 6, "is for another host"),
    (no_tls, "tls", "failed", 6, "check that this is the right port, and that the server uses TLS"),
    (missing_bundle, "tls", "failed", 2, "no-such.pem does not exist"),
    (wrong_clock, "clock", "failed", 4, "clock is 3600 s behind"),
    (broken_server, "http", "warning", 0, "HTTP 503"),
    (dead_proxy, "proxy", "failed", 6, "correct or unset http_proxy"),
    (proxy_that_requires_a_password, "proxy", "failed", 4, "user and password"),
    (invalid_proxy, "proxy", "failed", 2, "http_proxy is not a valid proxy URL"),
    (file_in_the_way, "permissions", "failed", 9, "archive cannot be written"),
    (full_disk, "space", "failed", 9, "less than min_free_space"),
    (folder_in_memory, "durability", "warning", 0, "tmpfs is in memory"),
    (not_durable, "durability", "warning", 0, "a power failure may lose files"),
    (locked_job, "lease", "failed", 11, f"locked by process {os.getpid()} on "),
    (
        missing_program,
        "command",
        "warning",
        0,
        "./no-such-program is not an executable program",
    ),
    (program_that_must_not_fail, "command", "failed", 3, "make it executable"),
    (missing_folder_of_metrics, "metrics", "warning", 0, "does not exist or is not a folder"),
    (unreachable_webhook, "connection", "warning", 0, "refused"),
    (missing_secret_of_a_webhook, "secrets", "warning", 0, "no-such-secret is missing"),
    (damaged_ledger, "ledger", "failed", 9, "backhaul verify --rebuild"),
]


@pytest.fixture
def plant(on_disk: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plant]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with ExitStack() as running:
        made = Plant(on_disk, monkeypatch, running)
        made.served()
        yield made


@pytest.mark.parametrize("planted", FAULTS, ids=[each[0].__name__ for each in FAULTS])
def test_a_planted_fault_is_named(backhaul: Run, plant: Plant, planted: Fault) -> None:
    fault, check, state, code, words = planted
    fault(plant)
    plant.path.write_text(yaml.safe_dump(plant.document))

    ended = backhaul("doctor", plant.path, "--json")

    wrong = [each for each in ended.json["checks"] if each["state"] != "ok"]
    assert [(each["check"], each["state"], each["exit_code"]) for each in wrong] == [
        (check, state, code)
    ]
    assert words in f"{wrong[0]['message']}; {wrong[0]['advice']}"
    assert ended.code == ended.json["exit_code"] == code


def test_with_nothing_wrong_it_exits_with_0_and_leaves_nothing_behind(
    backhaul: Run, plant: Plant
) -> None:
    plant.path.write_text(yaml.safe_dump(plant.document))

    ended = backhaul("doctor", plant.path)

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[-1].endswith(" ok")
    assert [each.name for each in plant.folder.iterdir()] == ["backhaul.yaml"]


def test_a_login_is_tried_and_no_file_is_requested(backhaul: Run, bench: Run) -> None:
    here = bench()

    right = backhaul("doctor", here.path, "--json")
    here.write(sources__account__password="wrong")
    wrong = backhaul("doctor", here.path, "--json")

    assert [each["state"] for each in right.json["checks"] if each["check"] == "login"] == ["ok"]
    assert (right.code, wrong.code) == (0, 4)
    (login,) = [each for each in wrong.json["checks"] if each["state"] == "failed"]
    assert login["check"] == "login"
    assert "credentials" in login["advice"]
    assert here.file_requests() == 0


@pytest.mark.parametrize(
    ("provider", "changed", "right"),
    [
        ("gnip-hpt", ("id", "kj4r26m0qy"), "kj4r26m0qx"),
        ("massrelevance-meta", ("stream", "kindel"), "kindle"),
        ("datasift-historics", ("name", "tide-table"), "tide-tables"),
    ],
)
def test_a_job_that_the_account_does_not_have_is_named_with_the_nearest(
    backhaul: Run, bench: Run, on_disk: Path, *, provider: str, changed: tuple[str, str], right: str
) -> None:
    here = bench(provider)
    here.write(settings__dest=str(on_disk / "archive"))
    key, wrong = changed
    (name, keys), *_ = [each for each in here.document["jobs"].items() if key in each[1]]

    before = backhaul("doctor", here.path, "--json")
    keys[key] = wrong
    here.write()
    after = backhaul("doctor", here.path, "--json")

    assert before.code == 0
    (found,) = [each for each in after.json["checks"] if each["state"] != "ok"]
    assert (found["check"], found["subject"], found["state"]) == ("job", f"job {name}", "failed")
    assert right in f"{found['message']}; {found['advice']}"
    assert f"{found['message']}; {found['advice']}".count("did you mean") == 1
    assert after.code == found["exit_code"] == backhaul("run", here.path).code


def test_the_remains_of_an_earlier_run_are_named(backhaul: Run, fetched_day: Any) -> None:
    here = fetched_day
    name = next(iter(here.document["jobs"]))
    (here.archive / name / "half.gz.part").write_bytes(b"x" * 5000)
    here.write(sources__account__account="another")

    found = backhaul("doctor", here.path, "--json").json["checks"]

    named = {each["check"]: each for each in found}
    assert named["ledger"]["state"] == "ok"
    assert named["parts"]["message"].startswith("1 unfinished file of an earlier run")
    assert named["archive"]["exit_code"] == 2
    assert 'account "another" instead of' in named["archive"]["message"]


def test_a_ledger_from_a_newer_version_is_named(backhaul: Run, fetched_day: Any) -> None:
    path = fetched_day.archive / ".backhaul" / "ledger.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE files ADD COLUMN newer TEXT")
        db.execute("PRAGMA user_version = 99")
    db.close()

    ended = backhaul("doctor", fetched_day.path, "--json")

    (ledger,) = [each for each in ended.json["checks"] if each["check"] == "ledger"]
    assert "install the newer version" in ledger["message"]


def test_few_open_files_are_named(plant: Plant) -> None:
    plant.path.write_text(yaml.safe_dump(plant.document))
    words = f"ulimit -n 150; exec {sys.executable} -m backhaul doctor {plant.path} --json"

    done = subprocess.run(["sh", "-c", words], capture_output=True, text=True, check=False)

    (limits,) = [each for each in json.loads(done.stdout)["checks"] if each["check"] == "limits"]
    assert limits["state"] == "warning"
    assert "150 open files are allowed" in limits["message"]


def test_a_server_with_an_ipv6_address_is_examined(backhaul: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "version: 1\nsources:\n  s: {provider: http-series, every: 1y,"
        f" url: 'http://[::1]:{closed_port()}/{{start:%Y}}.gz'}}\n"
        "jobs:\n  j: {source: s, from: 2015-01-01, to: 2016-01-01}\n"
    )
    ended = backhaul("doctor", path)
    assert ended.code == 6
    assert "connection: http://[::1]:" in ended.out


def test_several_faults_are_all_named_and_the_exit_code_is_that_of_the_worst(
    backhaul: Run, plant: Plant
) -> None:
    for fault in (full_disk, closed, locked_job):
        fault(plant)
    plant.path.write_text(yaml.safe_dump(plant.document))

    ended = backhaul("doctor", plant.path)

    assert ended.code == 9
    for line in ("failed   space: ", "failed   lease: ", "failed   connection: "):
        assert line in ended.out


def test_a_hanging_check_is_abandoned(plant: Plant) -> None:
    plant.log_in(bearer={"command": ["sleep", "30"]})
    plant.path.write_text(yaml.safe_dump(plant.document))
    started = time.monotonic()

    found = list(examine([plant.path], seconds=2))

    assert time.monotonic() - started < 20
    (hung,) = [each for each in found if each.check == "secrets"]
    assert hung.message == "did not end within 2 s"


def test_ctrl_c_ends_it_at_once(plant: Plant, spawn: Run) -> None:
    with socket.socket() as silent:  # accepts connections and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        plant.at(f"http://localhost:{silent.getsockname()[1]}")
        plant.path.write_text(yaml.safe_dump(plant.document))
        process = spawn("doctor", plant.path)
        silent.settimeout(20)
        accepted, _ = silent.accept()
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
        accepted.close()

    assert process.returncode == 130
    assert time.monotonic() - started < SOON


def test_emulators_are_healthy(backhaul: Run, bench: Run) -> None:
    here: Any = bench("stocktwits-backup")
    one: Emulator = here.one

    ended = backhaul("doctor", here.path)

    assert ended.code == 0, ended.out
    assert one.requests
