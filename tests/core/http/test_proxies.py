"""Proxies in the environment: read once, the same for API calls and transfers."""

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.core.transfer.collecting import fetch
from tests.serving import Handler, Server, serving

from backhaul import AuthError, Http
from backhaul.errors import ConfigError, FailureKind
from backhaul.http.proxies import Proxies
from backhaul.redact import redact

PROXY = "http://proxy.example:3128"
VARIABLES = [
    name
    for one in ("http", "https", "all", "no")
    for name in (f"{one}_proxy", f"{one.upper()}_PROXY")
]


@pytest.mark.parametrize(
    ("env", "url", "through"),
    [
        ({}, "http://a.example", None),
        ({"http_proxy": PROXY}, "http://a.example", PROXY),
        ({"HTTP_PROXY": PROXY}, "http://a.example", PROXY),
        ({"http_proxy": PROXY}, "https://a.example", None),
        ({"ALL_PROXY": PROXY}, "https://a.example", PROXY),
        ({"https_proxy": "", "HTTPS_PROXY": PROXY}, "https://a.example", PROXY),
        ({"http_proxy": "proxy.example:3128"}, "http://a.example", PROXY),
        ({"http_proxy": "http://[::1]"}, "http://a.example", "http://[::1]:80"),
        ({"all_proxy": "socks5h://p.example"}, "http://a.example", "socks5h://p.example:1080"),
    ],
)
def test_each_scheme_uses_the_proxy_named_by_its_variable(
    env: Mapping[str, str], url: str, through: str | None
) -> None:
    found = Proxies(env).of(url)
    assert (found.url if found else None) == through


@pytest.mark.parametrize(
    ("entry", "url", "direct"),
    [
        ("a.example", "http://a.example", True),
        ("a.example", "http://b.a.example", True),
        (".a.example", "http://b.a.example", True),
        (".a.example", "http://a.example", True),
        ("a.example.", "http://a.example", True),
        ("a.example", "http://a.example.", True),
        ("A.Example", "http://a.eXample", True),
        ("a.example", "http://nota.example", False),
        ("a.example:8080", "http://a.example:8080", True),
        ("a.example:8080", "http://a.example", False),
        ("a.example:80", "http://a.example", True),
        ("x.example, a.example", "http://a.example", True),
        ("x.example a.example", "http://a.example", True),
        ("*", "http://a.example", True),
        ("10.0.0.0/8", "http://10.1.2.3", True),
        ("10.0.0.0/8", "http://11.1.2.3", False),
        ("10.1.2.3", "http://10.1.2.3:99", True),
        ("10.1.2.3:99", "http://10.1.2.3", False),
        ("::1", "http://[::1]:8080", True),
        ("[::1]:8080", "http://[::1]:8080", True),
        ("[::1]:8080", "http://[::1]", False),
        ("fd00::/8", "http://[fd00::5]", True),
        ("", "http://a.example", False),
        (".", "http://a.example", False),
    ],
)
def test_no_proxy_names_hosts_to_connect_to_directly(entry: str, url: str, direct: bool) -> None:  # noqa: FBT001 - a test parameter
    assert (Proxies({"http_proxy": PROXY, "no_proxy": entry}).of(url) is None) == direct


@pytest.mark.parametrize(
    "value",
    [
        "http://user:p#ss@h:1",
        "http://h:port",
        "ftp://h",
        "http://",
        "http://h/path?x",
        "http://a b",
        "http://[::1",
    ],
)
def test_an_invalid_proxy_url_is_named_without_its_password(value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Proxies({"HTTP_PROXY": value})
    assert "HTTP_PROXY" in caught.value.message
    assert "p#ss" not in caught.value.message


def test_a_proxys_password_is_redacted_from_then_on() -> None:
    Proxies({"http_proxy": "http://me:proxy%2Fpass@h:1"})
    assert "proxy/pass" not in redact("it says proxy/pass")


class Recorder(Handler):
    """A proxy and the host behind it; records its requests."""

    asked: list[tuple[bool, str | None]]
    status = 200

    def do_GET(self) -> None:
        whole = self.path.startswith("http")
        self.asked.append((whole, self.headers.get("Proxy-Authorization")))
        self.respond(self.status, b"{}\n")


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)

    class Own(Recorder):
        asked: list[tuple[bool, str | None]] = []  # noqa: RUF012 - of this test's own class

    with serving(Server(("127.0.0.1", 0), Own)) as server:
        yield Own, server.server_port


@pytest.mark.parametrize(
    ("env", "way"),
    [
        ({"HTTP_PROXY": "http://127.0.0.1:{port}"}, (True, None)),
        ({"http_proxy": "http://127.0.0.1:{port}", "no_proxy": "localhost:{port}"}, (False, None)),
        ({"http_proxy": "http://127.0.0.1:{port}", "NO_PROXY": ".localhost."}, (False, None)),
        (
            {"http_proxy": "http://us%C3%A9r:p%C3%A4@127.0.0.1:{port}"},
            (True, "Basic " + base64.b64encode("usér:pä".encode()).decode()),
        ),
    ],
)
def test_calls_and_transfers_use_the_same_proxy_and_credentials(
    recorder: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    env: Mapping[str, str],
    way: tuple[bool, str | None],
) -> None:
    handler, port = recorder
    for name, value in env.items():
        monkeypatch.setenv(name, value.format(port=port))
    with Http() as session:
        session.get(f"http://localhost:{port}/api")
    assert fetch(tmp_path / "job", {"a": f"http://localhost:{port}/a"}).data == {"a": b"{}\n"}
    assert handler.asked == [way, way]


def test_a_proxy_that_refuses_is_named_and_is_denied(
    recorder: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    handler, port = recorder
    handler.status = 407
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    with Http() as session, pytest.raises(AuthError) as caught:
        session.get("http://archive.example/api")
    failure = fetch(tmp_path / "job", {"a": "http://archive.example/a"}, retries=3).failures["a"]
    assert failure.kind is FailureKind.DENIED
    for message in (caught.value.message, failure.message):
        assert f"127.0.0.1:{port}" in message
    assert len(handler.asked) == 2  # nobody asked again
