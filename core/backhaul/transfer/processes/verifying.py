"""A process that verifies one part of the driver's process, which is writing it.

It reads the part from disk as far as it is told to, and ends with the driver's process.
"""

import os
import socket
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from backhaul.errors import FailureKind
from backhaul.transfer.processes.frames import Frames, frame
from backhaul.types import Content
from backhaul.verify.fault import VerifyFault
from backhaul.verify.verifier import Verifier

_BLOCK: Final = 1 << 18
_MESSAGES: Final = 1 << 16  # bytes


def carry_out(descriptor: int) -> NoReturn:
    """Verifies a part for the process at the other end of a socket, which sends the part's descriptor first."""
    line = socket.socket(fileno=descriptor)
    data, descriptors, _, _ = socket.recv_fds(line, _MESSAGES, 1)
    if data:
        line.sendall(frame(_answer(line, data, descriptors[0])))
    os._exit(0)


def _answer(line: socket.socket, data: bytes, part: int) -> tuple[Any, ...]:
    try:
        return "content", _verified(line, data, part)
    except VerifyFault as fault:
        return "fault", fault.kind, fault.message
    except OSError as error:
        return "error", error.errno, error.strerror
    except Exception as error:  # noqa: BLE001 - fails only this file
        text = f"could not be verified: {type(error).__name__}: {error}"
        return "fault", FailureKind.CORRUPT, text


def _verified(line: socket.socket, data: bytes, part: int) -> Content:
    messages = _messages(line, data)
    _, rules = next(messages)
    verifier: Verifier = rules.verifier()
    position = 0
    for name, *values in messages:
        if name == "end":
            return verifier.finish()
        while position < values[0]:
            block = os.pread(part, min(_BLOCK, values[0] - position), position)
            if not block:
                raise VerifyFault(FailureKind.TRUNCATED, "the partial file became shorter")
            verifier.feed(block)
            position += len(block)
            line.sendall(frame(("at", position)))
    os._exit(1)  # the driver is gone, or has suspended the part


def _messages(line: socket.socket, data: bytes) -> Iterator[tuple[Any, ...]]:
    frames = Frames()
    while data:
        yield from frames.feed(data)
        data = line.recv(_MESSAGES)
