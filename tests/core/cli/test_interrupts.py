"""Ctrl-C and SIGTERM."""

import signal
import subprocess
import sys

import pytest

from backhaul.cli.interrupts import interruptible

WAITS = """
import sys, threading
from backhaul.cli.interrupts import interruptible
heard = threading.Event()
with interruptible(heard.set):
    print("ready", flush=True)
    while not heard.wait(60): pass
    print("heard", flush=True)
    threading.Event().wait(60)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_ends(number: int) -> None:
    with subprocess.Popen([sys.executable, "-c", WAITS], stdout=-1, stderr=-1, text=True) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == "ready\n"
        child.send_signal(number)
        assert child.stdout.readline() == "heard\n"
        assert child.poll() is None

        child.send_signal(number)

        assert child.wait(timeout=10) == 130
        assert "once more: at once" in child.stderr.read()


def test_without_a_stop_a_signal_is_a_keyboard_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        signal.raise_signal(signal.SIGTERM)


def test_the_handlers_from_before_come_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    with interruptible(lambda: None):
        assert signal.getsignal(signal.SIGTERM) is not before[1]

    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_an_ignored_ctrl_c_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
