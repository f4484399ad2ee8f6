"""Secrets are redacted in every spelling, in texts and in logs."""

import base64
import html
import json
import sys
import urllib.parse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import warm

from backhaul import Secret
from backhaul.redact import MASK, Redactor

PASSWORD = 'pä55 w/o+rd"&='


@pytest.fixture
def redactor() -> Redactor:
    redactor = Redactor()
    redactor.register(Secret(PASSWORD), user="me@example")
    return redactor


@pytest.mark.parametrize(
    "spelling",
    [
        PASSWORD,
        urllib.parse.quote(PASSWORD),
        urllib.parse.quote(PASSWORD, safe=""),
        urllib.parse.quote_plus(PASSWORD),
        urllib.parse.quote(PASSWORD, safe="").replace("%2F", "%2f").replace("%C3%A4", "%c3%a4"),
        base64.b64encode(PASSWORD.encode()).decode(),
        base64.b64encode(f"me@example:{PASSWORD}".encode()).decode(),
        json.dumps(PASSWORD)[1:-1],
        json.dumps(PASSWORD, ensure_ascii=False)[1:-1],
        repr(PASSWORD),
        f"me@example:{PASSWORD}",
        urllib.parse.quote(urllib.parse.quote(PASSWORD, safe=""), safe=""),
        html.escape(PASSWORD),
        "".join(f"&#{ord(char)};" for char in PASSWORD),
        "".join(f"&#x{ord(char):X};" for char in PASSWORD),
        json.dumps(PASSWORD).replace("/", "\\/")[1:-1],
        "".join(f"\\u{ord(char):04x}" for char in PASSWORD),
        json.dumps(urllib.parse.quote(PASSWORD, safe="").lower())[1:-1],
    ],
)
def test_a_secret_is_found_in_each_spelling(redactor: Redactor, spelling: str) -> None:
    assert PASSWORD not in redactor.redact(f"before {spelling} after")
    assert redactor.redact(f"before {spelling} after").replace("'", "") == f"before {MASK} after"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("see https://h/a?Signature=1%2F&x=2 now", "see https://h/a?*** now"),
        ("see https://me:pw@h:8/a.", "see https://***@h:8/a."),
        ('"GET /a/b?AWSAccessKeyId=1 HTTP/1.1" 200', '"GET /a/b?*** HTTP/1.1" 200'),
        ("with url: /a?k=v (Caused by x)", "with url: /a?*** (Caused by x)"),
        ("Authorization: me:key", "Authorization: ***"),
        ("> authorization: Basic bWU6a2V5\r\n> Accept: x", "> authorization: ***\r\n> Accept: x"),
        ("{'Authorization': 'me:key', 'A': 'b'}", "{'Authorization': '***', 'A': 'b'}"),
        (
            r"b'GET / HTTP/1.1\r\nAuthorization: me:key\r\n'",
            r"b'GET / HTTP/1.1\r\nAuthorization: ***\r\n'",
        ),
        ("Cookie: a=b; c=d", "Cookie: ***"),
        ("api_key=abc&x=1", "api_key=***&x=1"),
        ("X-Amz-Signature=abc&X-Amz-Date=1", "X-Amz-Signature=***&X-Amz-Date=***"),
        ("what is 1/2? nothing=more", "what is 1/2? nothing=more"),
        ("plain words stay", "plain words stay"),
    ],
)
def test_anything_that_looks_like_a_credential_is_redacted_even_if_unregistered(
    text: str, clean: str
) -> None:
    assert Redactor().redact(text) == clean


def test_a_secret_that_contains_another_is_redacted_completely() -> None:
    redactor = Redactor()
    redactor.register("inner-secret")
    redactor.register("outer-inner-secret-outer")
    assert redactor.redact("outer-inner-secret-outer") == MASK


def test_a_very_short_secret_does_not_garble_other_words() -> None:
    redactor = Redactor()
    redactor.register("ab")
    assert redactor.redact("about ab, cab") == f"about {MASK}, cab"


def test_an_empty_secret_changes_nothing() -> None:
    redactor = Redactor()
    redactor.register("")
    redactor.register("  ")
    assert redactor.redact("a  b") == "a  b"


@given(
    st.text(min_size=4, max_size=30).filter(str.strip), st.text(max_size=40), st.text(max_size=40)
)
def test_a_registered_secret_never_survives(secret: str, before: str, after: str) -> None:
    redactor = Redactor()
    redactor.register(secret)
    cleaned = redactor.redact(f"{before}{secret}{after}")
    assert secret not in cleaned.replace(MASK, "\0")


PROGRAM = """
import logging, sys, threading, requests
from backhaul import log, redact
redact.register("planted-word", user="me")
log.setup(verbosity=int(sys.argv[2]), style=sys.argv[1])
logger = logging.getLogger("some.library")
logger.error("error planted-word %s", {"k": "planted-word"}, extra={"job": "planted-word"})
logger.warning("warning")
logger.info("info")
logger.debug("debug")
logger.warning("broken %d", "planted-word")
try:
    raise ValueError("planted-word")
except ValueError:
    logger.exception("caught")
thread = threading.Thread(target=lambda: {}["planted-word"])
thread.start()
thread.join()
import warnings
warnings.warn("deprecated planted-word")
raise RuntimeError("https://me:planted-word@h/?planted-word")
"""


def run_program(style: str, verbosity: int) -> str:
    command = [sys.executable, "-c", PROGRAM, style, str(verbosity)]
    done = warm.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("verbosity", [-1, 0, 2])
def test_the_log_never_shows_a_secret(style: str, verbosity: int) -> None:
    written = run_program(style, verbosity)
    shown = "\n".join(line for line in written.splitlines() if "planted-word" in line)
    # Tracebacks of a program run with -c have no source lines, so each one is from a message.
    assert shown == ""
    assert "unexpected RuntimeError" in written


def test_json_logs_are_one_object_a_line() -> None:
    lines = [json.loads(line) for line in run_program("json", 0).splitlines() if line[0] == "{"]
    first = lines[0]
    assert first["message"] == "error *** {'k': '***'}"
    assert (first["level"], first["logger"], first["job"]) == ("error", "some.library", "***")
    assert first["time"].endswith("Z")
    assert (
        "ValueError: ***"
        in next(line for line in lines if line["message"] == "caught")["traceback"]
    )


@pytest.mark.parametrize(
    ("verbosity", "shown"),
    [
        (-1, {"error"}),
        (0, {"error", "warning"}),
        (1, {"error", "warning", "info"}),
        (2, {"error", "warning", "info", "debug"}),
    ],
)
def test_verbosity_chooses_the_levels(verbosity: int, shown: set[str]) -> None:
    written = run_program("json", verbosity)
    levels = {json.loads(line)["level"] for line in written.splitlines() if line[0] == "{"}
    assert levels - {"critical"} == shown


def test_urllib3s_debug_output_is_clean(serve: Any, reply: Any) -> None:
    api, storage = serve(), serve()
    api.respond("/a", reply(302, Location=f"{storage.url}/b?Signature=s1gnature"))
    storage.respond("/b", reply(200, b"{}"))
    program = (
        "from backhaul import Http, Secret, log\n"
        "log.setup(verbosity=2)\n"
        f"Http().get({api.url!r} + '/a', auth=('me', Secret('planted-word')), params={{'k': Secret('planted-key')}})\n"
    )
    done = warm.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert '"GET /b?*** HTTP/1.1" 200' in done.stderr
    for planted in ("s1gnature", "planted-word", "planted-key"):
        assert planted not in done.stderr
