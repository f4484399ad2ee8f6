"""URLs are sent unchanged, and credentials only where they belong."""

import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from tests.core.transfer.collecting import fetch
from tests.serving import Handler, Server, serving

from backhaul import Secret
from backhaul.transfer.redirect import follow

BODY = b"ok"


class Hops(Handler):
    """Redirects according to a table, and answers everything else."""

    asked: list[tuple[str, bool]]
    leads: dict[str, str]

    def do_GET(self) -> None:
        self.asked.append((self.path, "Authorization" in self.headers))
        location = self.leads.get(self.path)
        if location:
            self.respond(302, BODY, Location=location)
        else:
            self.respond(200, BODY)


@pytest.fixture
def hosts() -> Iterator[Any]:
    """Two hosts, as (handler class, URL)."""
    handlers = [type("Own", (Hops,), {"asked": [], "leads": {}}) for _ in range(2)]
    one, other = (Server(("127.0.0.1", 0), handler) for handler in handlers)
    with serving(one), serving(other):
        urls = [f"http://127.0.0.1:{server.server_port}" for server in (one, other)]
        yield list(zip(handlers, urls, strict=True))


@pytest.mark.parametrize(
    "path", ["/k/a%2bb.gz?sig=x%2f", "/k/a%2BB.gz", "/a/%7e/../%2e/b", "/plain", "/a?b=%c3%a4"]
)
def test_a_path_and_its_query_are_sent_byte_for_byte(hosts: Any, tmp_path: Path, path: str) -> None:
    (handler, url), _ = hosts
    assert fetch(tmp_path / "job", {"a": url + path}).data == {"a": BODY}
    assert [asked for asked, _ in handler.asked] == [path]


def test_a_query_without_a_path_is_sent_with_a_slash(hosts: Any, tmp_path: Path) -> None:
    (handler, url), _ = hosts
    assert fetch(tmp_path / "job", {"a": f"{url}?x=%2b#part"}).data == {"a": BODY}
    assert [asked for asked, _ in handler.asked] == ["/?x=%2b"]


def test_escapes_of_one_transfer_do_not_affect_the_next(hosts: Any, tmp_path: Path) -> None:
    (handler, url), _ = hosts
    urls = {"a": f"{url}/%2b", "b": f"{url}/plain", "c": f"{url}/%2f"}
    assert len(fetch(tmp_path / "job", urls, connections=1, connections_per_host=1).data) == 3
    assert sorted(asked for asked, _ in handler.asked) == ["/%2b", "/%2f", "/plain"]


def test_credentials_are_not_sent_again_when_redirects_return_to_the_origin(
    hosts: Any, tmp_path: Path
) -> None:
    (first, here), (second, there) = hosts
    first.leads["/a"] = f"{there}/b"
    second.leads["/b"] = f"{here}/chosen"
    found = fetch(tmp_path / "job", {"a": f"{here}/a"}, auth=("me", Secret("my-password")))
    assert found.data == {"a": BODY}
    assert first.asked == [("/a", True), ("/chosen", False)]
    assert second.asked == [("/b", False)]


def test_credentials_are_sent_while_redirects_stay_on_the_origin(
    hosts: Any, tmp_path: Path
) -> None:
    (first, here), _ = hosts
    first.leads["/a"] = "/b"
    fetch(tmp_path / "job", {"a": f"{here}/a"}, auth=("me", Secret("my-password")))
    assert first.asked == [("/a", True), ("/b", True)]


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/two words?a b", "http://a/two%20words?a%20b"),
        (" /x ", "http://a/x"),
        ("/caf\xc3\xa9", "http://a/caf%C3%A9"),
        ("/kept%2b%20", "http://a/kept%2b%20"),
    ],
)
def test_characters_not_allowed_in_a_url_are_encoded_in_a_location(
    location: str, target: str
) -> None:
    assert follow("http://a/", location, 0) == target


class Echo(Hops):
    """Refuses, and repeats the request in several spellings."""

    def do_GET(self) -> None:
        value = self.path.partition("Signature=")[2]
        message = (
            f"no: {value} {unquote(value)} {quote(value, safe='')} {self.headers['Authorization']}"
        )
        body = json.dumps(
            {"error": message + " \u202e\x1b[2J" + html.escape(unquote(value))}
        ).encode()
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_a_refusal_quotes_nothing_of_the_request_and_is_printable(
    hosts: Any, tmp_path: Path
) -> None:
    (handler, url), _ = hosts
    handler.do_GET = Echo.do_GET
    found = fetch(
        tmp_path / "job",
        {"a": f"{url}/f?Signature=SIGNed0987%2Fabc%26def%2B"},
        auth=("bob@example.org", Secret("p4ss/word")),
    )
    message = found.failures["a"].message
    for secret in ("SIGNed0987", "abc", "bob@example", "p4ss", "Ym9iQGV4"):
        assert secret not in message, message
    assert message.isprintable()
