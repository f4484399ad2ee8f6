"""Responses of an API and the resulting errors."""

import gzip
import json
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from backhaul import (
    AuthError,
    BackhaulError,
    Http,
    NotDataError,
    NotFoundError,
    ProviderError,
    Secret,
    ThrottledError,
    UnreachableError,
)
from backhaul.errors import FailureKind
from backhaul.http import answers

SECRET = "correct horse/battery+staple"


def test_a_response_is_returned_unchanged(server: Any, http: Http, reply: Any) -> None:
    server.respond("/jobs", reply(200, b"one\ntwo"))
    assert http.get(f"{server.url}/jobs").content == b"one\ntwo"


def test_json_is_read(server: Any, http: Http, reply: Any) -> None:
    server.respond("/jobs", reply(200, b'{"jobs": [1]}'))
    assert http.get_json(f"{server.url}/jobs", params={"page": 2}) == {"jobs": [1]}
    assert server.paths == ["/jobs?page=2"]


@pytest.mark.parametrize(
    ("status", "kind", "exit_code"),
    [
        (400, ProviderError, 3),
        (401, AuthError, 4),
        (402, AuthError, 4),
        (403, AuthError, 4),
        (451, AuthError, 4),
        (404, NotFoundError, 3),
        (410, NotFoundError, 3),
        (409, UnreachableError, 6),
        (422, ProviderError, 3),
        (423, UnreachableError, 6),
        (429, ThrottledError, 6),
        (500, UnreachableError, 6),
        (501, ProviderError, 3),
        (503, UnreachableError, 6),
        (507, UnreachableError, 6),
        (511, NotDataError, 8),
    ],
)
def test_a_status_becomes_an_error(  # noqa: PLR0917 - fixtures and parameters
    server: Any, once: Http, reply: Any, status: int, kind: Any, exit_code: int
) -> None:
    server.respond("/x", reply(status, b"the provider's own words"))
    with pytest.raises(BackhaulError) as caught:
        once.get(f"{server.url}/x")
    assert type(caught.value) is kind
    assert caught.value.exit_code == exit_code
    assert caught.value.response is not None
    assert caught.value.response.status_code == status


def test_a_message_names_call_status_and_the_bodys_beginning(
    server: Any, once: Http, reply: Any
) -> None:
    server.respond("/x", reply(400, b"bad\n  date \x1b[31m" + b"y" * 500))
    with pytest.raises(ProviderError) as caught:
        once.get(f"{server.url}/x", params={"token": "t0ken-in-query"})
    message = str(caught.value)
    assert message.startswith(f'GET {server.url}/x: 400 Bad Request: "bad date \\x1b[31myyy')
    assert "t0ken" not in message
    assert "\n" not in message
    assert len(message) < 320


def test_the_markup_of_a_page_is_left_out_of_the_message(
    server: Any, once: Http, reply: Any
) -> None:
    server.respond("/x", reply(400, b"<html><style>p {}</style><p>Please log in</p></html>"))
    with pytest.raises(ProviderError, match=r'"Please log in"$'):
        once.get(f"{server.url}/x")


def test_a_body_that_repeats_the_password_is_quoted_without_it(
    server: Any, once: Http, reply: Any
) -> None:
    server.respond("/x", reply(401, f"no such user with {SECRET} here".encode()))
    with pytest.raises(AuthError) as caught:
        once.get(f"{server.url}/x", auth=("me", Secret(SECRET)))
    assert str(caught.value).endswith('401 Unauthorized: "no such user with *** here"')


def test_an_allowed_status_is_returned(server: Any, http: Http, reply: Any) -> None:
    server.respond("/x", reply(409, b"taken"))
    assert http.get(f"{server.url}/x", allow={409}).text == "taken"


def test_an_allowed_throttling_is_not_repeated(server: Any, http: Http, reply: Any) -> None:
    server.respond("/x", reply(429))
    assert http.get(f"{server.url}/x", allow=(429,)).status_code == 429
    assert http.calls == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>log in</html>",
        b'{"cut": ',
        b"\xff\xfe\x00",
        b"NaN",
        b'{"n": ' + b"9" * 9000 + b"}",
        b"[" * 9_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,  # as deep as no Python parses
    ],
)
def test_invalid_json_is_an_error_and_not_a_traceback(
    server: Any, once: Http, reply: Any, body: bytes
) -> None:
    server.respond("/x", reply(200, body))
    with pytest.raises(NotDataError) as caught:
        once.get_json(f"{server.url}/x")
    assert caught.value.message.startswith(f"GET {server.url}/x: ")


def test_json_ten_thousand_levels_deep_is_an_error(server: Any, http: Http, reply: Any) -> None:
    server.respond("/x", reply(200, b"[" * 10_000 + b"]" * 10_000))
    with pytest.raises(NotDataError, match="/x"):
        http.get_json(f"{server.url}/x")


def test_json_with_a_byte_order_mark_is_read(server: Any, http: Http, reply: Any) -> None:
    server.respond("/x", reply(200, b'\xef\xbb\xbf{"a": "\xc3\xa9"}'))
    assert http.get_json(f"{server.url}/x") == {"a": "é"}


def test_a_body_above_the_cap_is_refused_without_reading_it_all(server: Any, once: Http) -> None:
    sent = []

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(1 << 40))
        handler.end_headers()
        sent.extend(handler.wfile.write(b"x" * 65_536) for _ in range(10_000))

    server.respond("/x", endless)
    with pytest.raises(NotDataError, match="10000"):
        once.get(f"{server.url}/x")
    assert len(sent) < 10_000


def test_a_compressed_body_counts_with_its_decompressed_size(
    server: Any, once: Http, reply: Any
) -> None:
    server.respond("/x", reply(200, gzip.compress(b"x" * 20_000), Content_Encoding="gzip"))
    with pytest.raises(NotDataError, match="larger"):
        once.get(f"{server.url}/x")


def test_a_compressed_body_is_read(server: Any, once: Http, reply: Any) -> None:
    server.respond("/x", reply(200, gzip.compress(b'{"a": 1}'), Content_Encoding="gzip"))
    assert once.get_json(f"{server.url}/x") == {"a": 1}


def test_a_wrong_content_encoding_is_an_error(server: Any, once: Http, reply: Any) -> None:
    server.respond("/x", reply(200, b"plain", Content_Encoding="gzip"))
    with pytest.raises(NotDataError, match="Content-Encoding"):
        once.get(f"{server.url}/x")


def test_chunked_answers_are_read(server: Any, http: Http) -> None:
    def chunked(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")

    server.respond("/x", chunked)
    assert http.get(f"{server.url}/x").content == b"onetwo"
    assert http.get(f"{server.url}/x").content == b"onetwo"


def test_a_body_cut_short_is_requested_again(server: Any, http: Http, reply: Any) -> None:
    def cut(handler: BaseHTTPRequestHandler) -> None:
        reply(200, b"abc", Content_Length=10)(handler)
        handler.close_connection = True

    server.respond("/x", cut, reply(200, b"abcdefghij"))
    assert http.get(f"{server.url}/x").content == b"abcdefghij"


def test_a_reset_in_mid_body_is_unreachable(server: Any, once: Http) -> None:
    def reset(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"x")
        linger = struct.pack("ii", 1, 0)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        handler.connection.close()
        handler.close_connection = True

    server.respond("/x", reset)
    with pytest.raises(UnreachableError, match=r"/x: "):
        once.get(f"{server.url}/x")


def test_silence_is_a_timeout(server: Any, once: Http) -> None:
    server.respond("/x", lambda _handler: server.released.wait(10) and None)
    with pytest.raises(UnreachableError) as caught:
        once.get(f"{server.url}/x")
    assert caught.value.kind is FailureKind.TIMEOUT


@pytest.mark.parametrize("part", ["headers", "body"])
def test_a_dripping_server_is_limited_by_the_total_timeout(
    server: Any, once: Http, part: str
) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        head = b"HTTP/1.1 200 OK\r\n"
        handler.wfile.write(head if part == "headers" else head + b"Content-Length: 999\r\n\r\n")
        while not server.released.wait(0.1):
            handler.wfile.write(b"x")

    server.respond("/x", drip)
    with pytest.raises(UnreachableError, match="1 s") as caught:
        once.get(f"{server.url}/x")
    assert caught.value.kind is FailureKind.TIMEOUT
    assert str(caught.value).startswith(f"GET {server.url}/x: ")


def test_a_port_without_a_server_is_unreachable_in_one_line(once: Http) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/x?sig=s1gnature"
        with pytest.raises(UnreachableError) as caught:
            once.get(url)
    assert str(caught.value) == f"GET {url.partition('?')[0]}: Connection refused"


def test_an_unknown_host_is_unreachable(once: Http) -> None:
    with pytest.raises(UnreachableError, match=r"^GET http://nowhere\.invalid/x: \S"):
        once.get("http://nowhere.invalid/x")


@pytest.mark.parametrize(
    "url", ["file:///etc/hosts", "ftp://h/x", "nonsense", "http://", "http://[x/"]
)
def test_only_http_urls_are_requested(once: Http, url: str) -> None:
    with pytest.raises(ProviderError, match="URL"):
        once.get(url)
    assert once.calls == 0


def test_a_header_with_a_line_break_is_refused_without_printing_it(server: Any, once: Http) -> None:
    with pytest.raises(BackhaulError) as caught:
        once.get(f"{server.url}/x", headers={"X-Key": Secret("s3cret\r\nHost: evil")})
    assert "s3cret" not in str(caught.value)
    assert server.seen == []


def test_calls_run_in_many_threads(server: Any, http: Http, reply: Any) -> None:
    server.respond("/x", reply(200, b"[1]"))
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(http.get_json(f"{server.url}/x")))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[1]] * 16
    assert http.calls == 16


def test_a_json_body_is_sent(server: Any, http: Http, reply: Any) -> None:
    server.respond("/x", reply(200, b"{}"))
    http.post(f"{server.url}/x", json={"list": [1, {"key": Secret("k3y-text")}]})
    assert json.loads(server.seen[0].body) == {"list": [1, {"key": "k3y-text"}]}


def test_a_form_is_sent(server: Any, http: Http, reply: Any) -> None:
    server.respond("/x", reply(200, b"{}"))
    http.post(f"{server.url}/x", data={"a": "1", "pass": Secret("p w")})
    assert server.seen[0].body == b"a=1&pass=p+w"


def test_a_response_with_too_many_values_is_refused_before_it_is_parsed() -> None:
    body = b"[" + b"[]," * answers.MAX_VALUES + b"[]]"
    with pytest.raises(NotDataError):
        answers.parse_json(body)


def test_a_long_response_with_few_values_is_parsed() -> None:
    assert answers.parse_json(b'["' + b"x" * 10_000_000 + b'"]') == ["x" * 10_000_000]
