"""The command `backhaul`, carried out by a process that ``tests.forker`` forks: see ``tests.warm.commands``.

It is the whole program, and imports only what is in the interpreter itself, so that it starts in milliseconds.
"""

import _signal
import _socket
import marshal
import os
import sys

ASKED = b""  # replaced in a copy of this file
_PROGRAM = """
import sys
from backhaul.cli.main import main
sys.argv[0] = "backhaul"
sys.exit(main())
"""


def _run() -> int:
    """The exit code of the command; negative if a signal ended it."""
    link = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    link.connect(ASKED)
    order = marshal.dumps([["-c", _PROGRAM, *sys.argv[1:]], dict(os.environ), os.getcwd()])  # noqa: PTH109 - pathlib takes longer to import than all this
    streams = b"".join(number.to_bytes(4, sys.byteorder) for number in range(3))
    link.sendmsg([order], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
    process = int(link.recv(64))
    for number in (_signal.SIGHUP, _signal.SIGINT, _signal.SIGTERM):
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, lambda number, _: _pass_on(number, process))
    return int(link.recv(64))


def _pass_on(number: int, process: int) -> None:
    try:  # noqa: SIM105 - contextlib takes time to import
        os.kill(process, number)
    except ProcessLookupError:
        pass  # it has ended


code = _run()
if code < 0:
    _signal.signal(-code, _signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
