"""Redirects are followed manually: credentials reach only the origin that they are for."""

import contextlib
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backhaul import Http, NotFoundError, ProviderError, Secret
from backhaul.http.origins import bare, origin, redirect_target

AUTH = ("me", Secret("pa55word"))
KEYS = {"X-Api-Key": Secret("k3y-of-mine"), "Cookie": "a=b", "X-Anything": "1"}


def test_the_same_origin_keeps_credentials(server: Any, http: Http, reply: Any) -> None:
    server.respond("/a", reply(302, Location="/b"))
    server.respond("/b", reply(200, b"there"))
    assert http.get(f"{server.url}/a", auth=AUTH, headers=KEYS).text == "there"
    assert server.seen[1].headers["authorization"].startswith("Basic ")
    assert server.seen[1].headers["x-api-key"] == "k3y-of-mine"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_another_origin_receives_only_allowed_headers(
    serve: Any, http: Http, reply: Any, status: int
) -> None:
    api, storage = serve(), serve()
    api.respond("/a", reply(status, Location=f"{storage.url}/b?Signature=x%2By%3D"))
    storage.respond("/b", reply(200, b"there"))
    assert http.get(f"{api.url}/a", auth=AUTH, headers={**KEYS, "Range": "bytes=0-9"}).ok
    seen = storage.seen[0]
    assert seen.path == "/b?Signature=x%2By%3D"
    assert set(seen.headers) <= {
        "host", "connection", "user-agent", "accept", "accept-encoding", "range",
    }  # fmt: skip
    assert seen.headers["range"] == "bytes=0-9"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_redirect_whose_target_refuses_is_followed_once_more(
    serve: Any, http: Http, reply: Any, status: int
) -> None:
    api, storage = serve(), serve()
    api.respond("/a", *(reply(302, Location=f"{storage.url}/{number}") for number in range(2)))
    storage.respond("/0", reply(status))
    storage.respond("/1", reply(200, b"there"))
    assert http.get(f"{api.url}/a").text == "there"


def test_a_second_refusal_is_final(serve: Any, http: Http, reply: Any) -> None:
    api, storage = serve(), serve()
    api.respond("/a", reply(302, Location=f"{storage.url}/b"))
    storage.respond("/b", reply(404))
    with pytest.raises(NotFoundError):
        http.get(f"{api.url}/a")
    assert len(storage.seen) == 2


def test_dropped_credentials_do_not_come_back(serve: Any, http: Http, reply: Any) -> None:
    first, second = serve(), serve()
    first.respond("/a", reply(302, Location=f"{second.url}/b"))
    second.respond("/b", reply(302, Location=f"{first.url}/c"))
    first.respond("/c", reply(200))
    http.get(f"{first.url}/a", auth=AUTH)
    assert "authorization" not in first.seen[1].headers


def test_a_name_for_the_same_machine_is_another_origin(server: Any, http: Http, reply: Any) -> None:
    server.respond("/a", reply(302, Location=server.url.replace("127.0.0.1", "localhost") + "/b"))
    server.respond("/b", reply(200))
    http.get(f"{server.url}/a", auth=AUTH)
    assert "authorization" not in server.seen[1].headers


def test_a_loop_ends(server: Any, http: Http, reply: Any) -> None:
    server.respond("/a", reply(302, Location="/a"))
    with pytest.raises(ProviderError, match="10"):
        http.get(f"{server.url}/a")
    assert http.calls == 11


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://h/x", "data:text/plain,x", "gopher:x"]
)
def test_other_schemes_are_not_followed(server: Any, http: Http, reply: Any, target: str) -> None:
    server.respond("/a", reply(302, Location=target))
    with pytest.raises(ProviderError):
        http.get(f"{server.url}/a")
    assert http.calls == 1


def test_a_redirect_can_be_returned_instead_of_followed(
    server: Any, http: Http, reply: Any
) -> None:
    server.respond("/a", reply(302, Location="/b"))
    answer = http.get(f"{server.url}/a", allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/b")


def test_the_redirects_are_kept_as_history(server: Any, http: Http, reply: Any) -> None:
    server.respond("/a", reply(302, Location="/b"))
    server.respond("/b", reply(200))
    assert [step.status_code for step in http.get(f"{server.url}/a").history] == [302]


@pytest.mark.parametrize(("status", "method"), [(302, "GET"), (303, "GET"), (307, "POST")])
def test_a_body_follows_a_redirect_only_if_the_status_says_so(
    server: Any, http: Http, reply: Any, status: int, method: str
) -> None:
    server.respond("/a", reply(status, Location="/b"))
    server.respond("/b", reply(200))
    http.post(f"{server.url}/a", data=b"body")
    assert server.seen[1].method == method
    assert server.seen[1].body == (b"body" if method == "POST" else b"")


def test_a_body_never_goes_to_another_origin(serve: Any, http: Http, reply: Any) -> None:
    first, second = serve(), serve()
    first.respond("/a", reply(307, Location=f"{second.url}/b"))
    with pytest.raises(ProviderError, match=f"{first.url}/a"):
        http.post(f"{first.url}/a", data={"password": Secret("pa55word")})
    assert second.seen == []


def test_a_user_in_the_target_is_not_sent(server: Any, http: Http, reply: Any) -> None:
    server.respond("/a", reply(302, Location=server.url.replace("//", "//who:ever@") + "/b"))
    server.respond("/b", reply(200))
    http.get(f"{server.url}/a")
    assert "authorization" not in server.seen[1].headers


def test_an_error_after_a_redirect_names_the_place_without_its_query(
    serve: Any, once: Http, reply: Any
) -> None:
    api, storage = serve(), serve()
    api.respond("/a", reply(302, Location=f"{storage.url}/b?Signature=s1gn"))
    storage.respond("/b", reply(403, f"<Error>{storage.url}/b?Signature=s1gn</Error>".encode()))
    with pytest.raises(Exception, match="403") as caught:
        once.get(f"{api.url}/a")
    assert f"{storage.url}/b: 403" in str(caught.value)
    assert "s1gn" not in str(caught.value)


def test_https_to_http_is_refused() -> None:
    with pytest.raises(ProviderError):
        redirect_target("https://a.example/x", "http://a.example/x")


def test_http_to_https_is_followed() -> None:
    assert redirect_target("http://a.example/x", "https://a.example/x") == "https://a.example/x"


def test_an_absolute_target_is_kept_byte_for_byte() -> None:
    target = "https://s.example/a%2Fb?Signature=a%2bB%3D&Expires=1"
    assert redirect_target("https://a.example/", target) == target


def test_the_default_port_is_the_same_origin() -> None:
    assert origin("https://A.example/x") == origin("https://a.example:443/y")
    assert origin("http://a.example") != origin("https://a.example")


@given(st.text(alphabet=string.printable + "é\x00\u2028", max_size=60))
def test_any_location_is_followed_or_a_named_error(location: str) -> None:
    with contextlib.suppress(ProviderError):
        target = redirect_target("https://api.example/v1/x", location)
        assert origin(target).startswith("https://")
        assert "@" not in target.split("/")[2]


@given(st.text(max_size=60))
def test_a_url_in_messages_is_one_printable_line(url: str) -> None:
    assert bare(url).isprintable()


@given(st.text(alphabet=string.printable, max_size=60))
def test_messages_name_a_url_without_its_query(query: str) -> None:
    assert bare(f"https://me:pw@h.example/p?{query}") == "https://h.example/p"
