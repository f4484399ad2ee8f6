"""Both HTTP stacks keep a cookie within its redirect chain and host."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.core.transfer.collecting import fetch

from backhaul import Http

Ask = Callable[[str], bytes | None]


@pytest.fixture(params=["call", "transfer"])
def ask(request: pytest.FixtureRequest, http: Http, tmp_path: Path) -> Ask:
    """Requests a URL with one of the stacks."""

    def call(url: str) -> bytes:
        return http.get(url).content

    def transfer(url: str) -> bytes | None:
        return fetch(tmp_path / "job", {"a": url}).data.get("a")

    return call if request.param == "call" else transfer


def sent(server: Any) -> list[tuple[str, str]]:
    return [(seen.path, seen.headers.get("cookie", "")) for seen in server.seen]


def test_a_host_that_redirects_until_its_cookie_comes_back_is_served(
    server: Any, ask: Ask, reply: Any
) -> None:
    def gate(handler: Any) -> None:
        if "passed=1" in handler.headers.get("Cookie", ""):
            reply(200, b"data")(handler)
        else:
            reply(302, Location="/file", Set_Cookie="passed=1; Path=/; HttpOnly")(handler)

    server.respond("/file", gate)
    assert ask(f"{server.url}/file") == b"data"
    assert sent(server) == [("/file", ""), ("/file", "passed=1")]


def test_several_cookies_accumulate_and_one_can_be_removed(
    server: Any, ask: Ask, reply: Any
) -> None:
    def two(handler: Any) -> None:
        handler.send_response_only(302)
        for value in ("a=1; Path=/", "b=2; Path=/", "c=3; Path=/elsewhere", "d=4; Path=/; Secure"):
            handler.send_header("Set-Cookie", value)
        handler.send_header("Location", "/b")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    server.respond("/a", two)
    server.respond("/b", reply(302, Location="/c", Set_Cookie="a=; Path=/; Max-Age=0"))
    server.respond("/c", reply(200, b"data"))
    assert ask(f"{server.url}/a") == b"data"
    assert sent(server) == [("/a", ""), ("/b", "a=1; b=2"), ("/c", "b=2")]


def test_another_host_sees_no_cookie_and_cannot_set_one_for_the_first(
    serve: Any, ask: Ask, reply: Any
) -> None:
    first, second = serve(), serve()
    there = second.url.replace("127.0.0.1", "localhost")
    for other in (second.url, there):
        first.respond("/a", reply(302, Location=f"{other}/b", Set_Cookie="secret=1; Path=/"))
        stolen = f"stolen=1; Path=/; Domain={first.url.partition('://')[2].partition(':')[0]}"
        second.respond("/b", reply(302, Location=f"{first.url}/c", Set_Cookie=stolen))
        first.respond("/c", reply(200, b"data"))
        first.seen.clear()
        second.seen.clear()
        assert ask(f"{first.url}/a") == b"data"
        assert sent(second) == [("/b", "")]
        assert sent(first) == [("/a", ""), ("/c", "secret=1")]


def test_the_next_chain_begins_without_cookies(server: Any, http: Http, reply: Any) -> None:
    server.respond("/a", reply(302, Location="/b", Set_Cookie="once=1; Path=/"))
    server.respond("/b", reply(200))
    http.get(f"{server.url}/a")
    http.get(f"{server.url}/a")
    assert sent(server) == [("/a", ""), ("/b", "once=1")] * 2


def test_the_next_attempt_begins_without_cookies(server: Any, tmp_path: Path, reply: Any) -> None:
    server.respond("/a", reply(302, Location="/b", Set_Cookie="once=1; Path=/"))
    server.respond("/b", reply(502), reply(200, b"data"))
    assert fetch(tmp_path / "job", {"a": f"{server.url}/a"}, retries=2).data == {"a": b"data"}
    assert sent(server) == [("/a", ""), ("/b", "once=1")] * 2


def test_the_callers_own_cookie_goes_to_its_own_origin_only(
    serve: Any, http: Http, reply: Any
) -> None:
    first, second = serve(), serve()
    first.respond("/a", reply(302, Location="/b", Set_Cookie="chain=1; Path=/"))
    first.respond("/b", reply(302, Location=f"{second.url}/c"))
    second.respond("/c", reply(302, Location=f"{first.url}/d", Set_Cookie="there=1; Path=/"))
    first.respond("/d", reply(200))
    http.get(f"{first.url}/a", headers={"Cookie": "own=1"})
    assert sent(first) == [("/a", "own=1"), ("/b", "own=1; chain=1"), ("/d", "chain=1")]
    assert sent(second) == [("/c", "")]


@pytest.mark.parametrize(
    "value", ["", ";;;", "=", "a=\u00e9; Path=/", f"a={'x' * 9000}; Path=/", "a=1; Expires=never"]
)
def test_an_odd_cookie_does_no_harm(server: Any, ask: Ask, reply: Any, value: str) -> None:
    server.respond("/a", reply(302, Location="/b", Set_Cookie=value))
    server.respond("/b", reply(200, b"data"))
    assert ask(f"{server.url}/a") == b"data"
