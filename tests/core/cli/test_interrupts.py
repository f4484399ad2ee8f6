"""Ctrl-C, SIGTERM and SIGHUP."""

import signal
import sys
import threading

import pytest
from tests import warm

from backhaul.cli.interrupts import interruptible

WAITS = """
import time
from backhaul.cli.interrupts import interruptible
stops = []
with interruptible(lambda: stops.append(True)):
    print("ready", flush=True)
    while not stops:  # a signal just before a blocking call does not interrupt it
        time.sleep(0.05)
    print("heard", flush=True)
    for _ in range(1200):
        time.sleep(0.05)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_requests_a_stop_and_the_second_ends_the_run(number: int) -> None:
    with warm.Popen([sys.executable, "-c", WAITS], stdout=-1, stderr=-1, text=True) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        patience = threading.Timer(20, child.kill)  # in case it ignores the signal
        patience.daemon = True
        patience.start()
        assert child.stdout.readline() == "ready\n"
        child.send_signal(number)
        assert child.stdout.readline() == "heard\n"
        assert child.poll() is None

        child.send_signal(signal.SIGTERM if number == signal.SIGHUP else number)

        assert child.wait(timeout=10) == 130
        assert "stopping" in child.stderr.read()


def test_a_second_sighup_from_a_closing_terminal_does_not_abort_the_stop() -> None:
    stops: list[int] = []

    with interruptible(lambda: stops.append(1), note=False):
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)

    assert stops == [1]


def test_without_a_stop_a_signal_is_a_keyboard_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        signal.raise_signal(signal.SIGTERM)


def test_the_previous_handlers_are_restored() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    with interruptible(lambda: None):
        assert signal.getsignal(signal.SIGTERM) is not before[1]

    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_an_ignored_signal_stays_ignored(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with interruptible():
            assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)
