"""Applies faults to replies."""

import gzip
import json
import time
import zlib
from collections.abc import Callable
from http import HTTPStatus

from backhaul.testing.dialects import DIALECTS, error
from backhaul.testing.faults import Fault
from backhaul.testing.message import Incoming, Misbehavior, Reply, http_date

_PAGE = (
    b"<!DOCTYPE html><html><head><title>Log in</title></head><body>Please log in.</body></html>\n"
)


def misbehave(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    """The reply with the fault applied; may consume the original."""
    if fault.kind.isdecimal():
        return _status(fault)
    return _SPOILERS[fault.kind](fault, incoming, reply)


def altered(body: bytes, version: int) -> bytes:
    """Another valid object with the same content but different bytes and ETag.

    A gzip body keeps its size if possible, since the provider's totals do not change.
    """
    if version == 0:
        return body
    if body[:2] != b"\x1f\x8b":
        return body + b"\n" * version
    text = gzip.decompress(body)
    packed = (gzip.compress(text, level, mtime=version) for level in (9, 8, 7, 5, 4))
    shorter = (each for each in packed if len(each) <= len(body) - 1 and each[10:] != body[10:])
    best = next(shorter, None)
    if best is None:
        return gzip.compress(text, 1 if version % 2 else 9, mtime=version)
    # Pads with a gzip comment (RFC 1952, section 2.3).
    comment = b" " * (len(body) - len(best) - 1) + b"\0"
    return best[:3] + b"\x10" + best[4:10] + comment + best[10:]


def _status(fault: Fault) -> Reply:
    code = {"503": "SlowDown"}.get(fault.kind, "")
    reply = error(int(fault.kind), code, "Please reduce your request rate.") if code else None
    if reply is None:
        text = b"Too many requests\n" if fault.kind == "429" else b"Something went wrong\n"
        reply = Reply(status=int(fault.kind), headers=[("Content-Type", "text/plain")], body=text)
    if fault.retry_after is not None:
        reply.headers.append(("Retry-After", f"{fault.retry_after:g}"))
    return reply


def _bytes(reply: Reply) -> bytes:
    return reply.body if isinstance(reply.body, bytes) else b"".join(reply.body)


def _cut(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    del incoming
    body = _bytes(reply)
    stop = len(body) // 2 if fault.size is None else min(fault.size, max(0, len(body) - 1))
    stall = (600.0 if fault.seconds is None else fault.seconds) if fault.kind == "stall" else 0.0
    reply.body = body
    reply.misbehavior = Misbehavior(cut_after=stop, reset=fault.kind == "reset", stall=stall)
    return reply


def _slow(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    del incoming
    reply.body = _bytes(reply)
    speed = float(fault.size or 1000)
    if fault.seconds is not None:
        speed = max(1.0, len(reply.body) / max(fault.seconds, 0.001))
    reply.misbehavior = Misbehavior(bytes_per_second=speed)
    return reply


def _truncated(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    del fault, incoming
    body = _bytes(reply)
    reply.body = body[: len(body) // 2]
    return reply


def _corrupt(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    del fault, incoming
    body = bytearray(_bytes(reply))
    middle = len(body) // 2
    body[middle : middle + 4] = bytes(byte ^ 0xFF for byte in body[middle : middle + 4])
    reply.body = bytes(body)
    return reply


def _bad_footer(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    del fault, incoming
    reply.body = _without_footer(_bytes(reply))
    return reply


def _without_footer(body: bytes) -> bytes:
    try:
        text = gzip.decompress(body)
    except (OSError, EOFError, zlib.error):
        return body[:-1]
    lines = text.rstrip().split(b"\n")
    try:
        last = json.loads(lines[-1])
        last["info"]["activity_count"] += 1
        lines[-1] = json.dumps(last, separators=(",", ":")).encode()
    except (ValueError, KeyError, TypeError):
        del lines[-1]
    return gzip.compress(b"\n".join(lines) + b"\n", mtime=0)


def _changing_text(change: Callable[[bytes], bytes]) -> Callable[[Fault, Incoming, Reply], Reply]:
    """Changes the text and compresses it again, so that only the records are damaged."""

    def change_text(_fault: Fault, _incoming: Incoming, reply: Reply) -> Reply:
        body = _bytes(reply)
        packed = body[:2] == b"\x1f\x8b"
        text = change(gzip.decompress(body) if packed else body)
        reply.body = gzip.compress(text, mtime=0) if packed else text
        return reply

    return change_text


def _inside(text: bytes) -> int:
    """A position inside a record, about halfway."""
    return text.find(b"{", len(text) // 2) + 1 or len(text) // 2


def _with_zeros(text: bytes) -> bytes:
    place = _inside(text)
    return text[:place] + b"\0" * 4000 + text[place:]


def _without_line_break(text: bytes) -> bytes:
    place = _inside(text)
    following = text.find(b"{", text.find(b"\n", place))
    return text[: place + 1] + text[following:]


def _label(name: str) -> Callable[[Fault, Incoming, Reply], Reply]:
    def labelled(_fault: Fault, _incoming: Incoming, reply: Reply) -> Reply:
        reply.headers.append(("Content-Encoding", name))
        return reply

    return labelled


def _coded(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    del fault, incoming
    reply.headers.append(("Content-Encoding", "gzip"))
    reply.body = gzip.compress(_bytes(reply), 1, mtime=0)
    return reply


def _unframed(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    del fault, incoming
    reply.body = _bytes(reply)
    reply.misbehavior = Misbehavior(until_close=True)
    return reply


def _without(reply: Reply, *names: str) -> list[tuple[str, str]]:
    return [(name, value) for name, value in reply.headers if name.lower() not in names]


def _weak(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    now = http_date(time.time())
    headers = _without(reply, "etag", "last-modified")
    reply.headers = [*headers, ("ETag", 'W/"weak"'), ("Last-Modified", now)]
    return _cut(fault, incoming, reply)


def _bare(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    if reply.status != HTTPStatus.PARTIAL_CONTENT:
        return _cut(fault, incoming, reply)
    reply.headers = _without(reply, "etag", "last-modified")
    return reply


def _one_byte(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    if reply.status != HTTPStatus.PARTIAL_CONTENT:
        return _cut(fault, incoming, reply)
    wanted = next(value for name, value in reply.headers if name == "Content-Range")
    start, total = wanted.removeprefix("bytes ").partition("-")[0], wanted.rpartition("/")[2]
    part = ("Content-Range", f"bytes {start}-{start}/{total}")
    reply.headers = [*_without(reply, "content-range"), part]
    reply.body = _bytes(reply)[:1]
    return reply


def _half(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    del fault, incoming
    body = _bytes(reply)
    half = max(1, len(body) // 2)
    part = ("Content-Range", f"bytes 0-{half - 1}/{len(body)}")
    reply.headers = [*_without(reply, "content-range"), part]
    reply.status = HTTPStatus.PARTIAL_CONTENT.value
    reply.body = body[:half]
    return reply


def _loop(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    del fault, reply
    target = f"{incoming.path}?{incoming.query}" if incoming.query else incoming.path
    host = incoming.headers.get("host", "127.0.0.1")
    return Reply(status=302, headers=[("Location", f"http://{host}{target}")])


def _instead(make: Callable[[], Reply]) -> Callable[[Fault, Incoming, Reply], Reply]:
    return lambda _fault, _incoming, _reply: make()


_SPOILERS: dict[str, Callable[[Fault, Incoming, Reply], Reply]] = {
    "drop": _cut,
    "reset": _cut,
    "stall": _cut,
    "changed": _cut,
    "slow": _slow,
    "truncated": _truncated,
    "corrupt": _corrupt,
    "bad_footer": _bad_footer,
    "zeros": _changing_text(_with_zeros),
    "glued": _changing_text(_without_line_break),
    "cut_record": _changing_text(lambda text: text[: _inside(text)]),
    "page_inside": _changing_text(lambda _: _PAGE),
    "gzip_encoding": _label("gzip"),
    "brotli": _label("br"),
    "coded": _coded,
    "no_length": _unframed,
    "weak": _weak,
    "bare_206": _bare,
    "one_byte": _one_byte,
    "half_206": _half,
    "redirect_loop": _loop,
    "xml_200": _instead(
        lambda: error(200, "InternalError", "We encountered an internal error. Please try again.")
    ),
    "html_200": _instead(
        lambda: Reply(headers=[("Content-Type", "text/html; charset=utf-8")], body=_PAGE)
    ),
    "not_found": _instead(lambda: error(404, "NoSuchKey", "The specified key does not exist.")),
    "denied": _instead(lambda: error(403, "AccessDenied", "Access Denied")),
    **{name: _instead(make) for name, make in DIALECTS.items()},
    "skewed": _instead(
        lambda: error(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        )
    ),
    "unauthorized": _instead(
        lambda: Reply(
            status=401,
            headers=[
                ("WWW-Authenticate", 'Basic realm="emulator"'),
                ("Content-Type", "text/plain"),
            ],
            body=b"Invalid credentials\n",
        )
    ),
}
