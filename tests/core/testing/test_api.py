"""An emulator's API."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from email.utils import parsedate_to_datetime

import pytest
import requests

from backhaul.testing import Emulator


def test_the_request_arrives_as_it_was_sent(emulator: Emulator, session: requests.Session) -> None:
    answer = session.post(f"{emulator.url}/a%20b?q=c%2Bd", data=b"hello", auth=("me", "secret"))
    assert answer.text == "POST /a b c+d me hello"


def test_a_connection_is_kept_alive_and_reused(
    emulator: Emulator, session: requests.Session
) -> None:
    for _ in range(20):
        session.get(f"{emulator.url}/x")
    assert emulator.ports["api"].opened == 1


def test_connection_close_is_respected(emulator: Emulator) -> None:
    with socket.create_connection(("127.0.0.1", emulator.ports["api"].number), timeout=10) as one:
        one.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := one.recv(4096):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200 OK\r\nDate: ")
    assert answer.endswith(b"GET /x None None ")


def test_requests_sent_ahead_are_answered_in_order(emulator: Emulator) -> None:
    with socket.create_connection(("127.0.0.1", emulator.ports["api"].number), timeout=10) as one:
        one.sendall(
            b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
            b"GET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        answer = b""
        while piece := one.recv(4096):
            answer += piece
    assert answer.index(b"GET /1") < answer.index(b"GET /2")


def test_a_malformed_request_is_refused(emulator: Emulator) -> None:
    with socket.create_connection(("127.0.0.1", emulator.ports["api"].number), timeout=10) as one:
        one.sendall(b"nonsense\r\n\r\n")
        assert one.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_a_generated_answer_is_streamed(emulator: Emulator, session: requests.Session) -> None:
    answer = session.get(f"{emulator.url}/list")
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.text.splitlines() == [f"line {number}" for number in range(5)]
    assert session.get(f"{emulator.url}/x").status_code == 200


def test_head_has_the_headers_and_no_body(emulator: Emulator, session: requests.Session) -> None:
    assert session.head(f"{emulator.url}/x").headers["Content-Length"] == "18"
    assert session.get(f"{emulator.url}/x").status_code == 200


def test_an_answer_without_content_leaves_the_connection_usable(
    emulator: Emulator, session: requests.Session
) -> None:
    assert session.get(f"{emulator.url}/empty").status_code == 204
    assert session.get(f"{emulator.url}/x").status_code == 200


def test_an_http_exception_is_an_answer(emulator: Emulator, session: requests.Session) -> None:
    assert session.get(f"{emulator.url}/nothing").status_code == 404
    assert not emulator.errors


def test_a_bug_in_the_emulator_is_not_taken_for_a_response(
    emulator: Emulator, session: requests.Session
) -> None:
    assert session.get(f"{emulator.url}/fails").status_code == 500
    (error,) = emulator.errors
    emulator.errors.clear()
    assert str(error) == "a bug of the emulator"
    emulator.errors.append(error)
    with pytest.raises(RuntimeError, match="a bug of the emulator"):
        emulator.__exit__(None, None, None)
    emulator.errors.clear()


def test_the_log_has_each_request_once(emulator: Emulator, session: requests.Session) -> None:
    session.get(f"{emulator.url}/x?q=1", headers={"X-Own": "value"})
    (entry,) = emulator.requests
    assert (entry.port, entry.method, entry.path, entry.query) == ("api", "GET", "/x", "q=1")
    assert (entry.status, entry.headers["X-Own"], entry.body_bytes) == (200, "value", 14)


def test_another_process_reads_and_clears_the_log(
    emulator: Emulator, session: requests.Session
) -> None:
    session.get(f"{emulator.url}/x", auth=("me", "secret"))
    (entry,) = session.get(f"{emulator.url}/__backhaul__/requests").json()
    assert entry["path"] == "/x"
    assert "authorization" in entry["headers"]
    session.delete(f"{emulator.url}/__backhaul__/requests")
    assert session.get(f"{emulator.url}/__backhaul__/requests").json() == []


def test_another_process_sets_the_faults(emulator: Emulator, session: requests.Session) -> None:
    session.post(f"{emulator.url}/__backhaul__/faults", data="api/503=7@/x*")
    answer = session.get(f"{emulator.url}/x")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
    assert session.get(f"{emulator.url}/x").status_code == 200


def test_an_invalid_fault_is_refused_by_name(emulator: Emulator, session: requests.Session) -> None:
    answer = session.post(f"{emulator.url}/__backhaul__/faults", data="api/flood:2")
    assert answer.status_code == 400
    assert "flood" in answer.json()["error"]


def test_the_clock_of_the_server_can_be_off(emulator: Emulator, session: requests.Session) -> None:
    true = parsedate_to_datetime(session.get(f"{emulator.url}/x").headers["Date"])
    emulator.faults.replace("api/clock=-86400")
    off = parsedate_to_datetime(session.get(f"{emulator.url}/x").headers["Date"])
    assert 86_390 < (true - off).total_seconds() < 86_410


def test_many_concurrent_clients_are_counted_correctly(emulator: Emulator) -> None:
    def ask(number: int) -> int:
        return requests.get(f"{emulator.url}/{number}", timeout=10).status_code

    with ThreadPoolExecutor(16) as threads:
        assert set(threads.map(ask, range(200))) == {200}
    assert len(emulator.requests.at("api")) == 200
    assert emulator.ports["api"].opened == 200


def test_open_connections_are_counted(emulator: Emulator) -> None:
    with ExitStack() as opened:
        for _ in range(3):
            one = opened.enter_context(requests.Session())
            one.get(f"{emulator.url}/x")
        assert emulator.ports["api"].now == 3
    assert emulator.ports["api"].peak == 3


def test_the_log_is_plain_json(emulator: Emulator, session: requests.Session) -> None:
    session.get(f"{emulator.url}/x")
    assert json.loads(json.dumps(emulator.requests[0].as_json()))["status"] == 200


def test_a_stopped_emulator_does_not_listen(emulator: Emulator) -> None:
    number = emulator.ports["api"].number
    emulator.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", number), timeout=10)


def test_a_taken_port_is_an_error(emulator: Emulator) -> None:
    with pytest.raises(OSError, match="address already in use"):
        type(emulator)(port=emulator.ports["api"].number).start()


def test_the_api_may_have_a_path_prefix(emulator: Emulator, session: requests.Session) -> None:
    with type(emulator)(prefix="/gateway") as behind:
        assert behind.url.endswith("/gateway")
        assert session.get(f"{behind.url}/x").text.startswith("GET /x ")
        assert session.get(behind.url.replace("/gateway", "/x")).status_code == 404
        assert session.get(f"{behind.url}/__backhaul__/requests").json()[0]["path"] == "/gateway/x"


def test_a_request_can_be_waited_for(emulator: Emulator) -> None:
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(requests.get, f"{emulator.url}/x", timeout=10)
        assert emulator.requests.wait(lambda entries: len(entries) == 1)
        assert asked.result().status_code == 200
    assert not emulator.requests.wait(lambda entries: len(entries) == 2, timeout=0.01)
