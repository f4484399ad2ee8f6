"""Messages from many threads to one."""

import threading

import pytest

from backhaul.mailbox import Mailbox


def test_messages_of_all_threads_are_delivered_each_threads_in_order() -> None:
    rung = threading.Semaphore(0)
    mailbox = Mailbox(rung.release)
    got: list[tuple[int, int]] = []

    def leave(thread: int) -> None:
        for number in range(200):
            mailbox.post(got.append, (thread, number))

    threads = [threading.Thread(target=leave, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(800):
        assert rung.acquire(timeout=10), "each message wakes"
        mailbox.deliver()
    for thread in threads:
        thread.join()
    for number in range(4):
        assert [each for thread, each in got if thread == number] == list(range(200))


def test_a_message_can_post_another_one() -> None:
    mailbox = Mailbox(int)
    got: list[str] = []
    mailbox.post(mailbox.post, got.append, "second")
    mailbox.post(got.append, "first")
    mailbox.deliver()
    assert got == ["first", "second"]


def test_after_an_error_later_messages_are_delivered_next_time() -> None:
    mailbox = Mailbox(int)
    got: list[str] = []
    mailbox.post(int, "x")
    mailbox.post(got.append, "next")
    with pytest.raises(ValueError, match="invalid literal"):
        mailbox.deliver()
    mailbox.deliver()
    assert got == ["next"]


def test_a_closed_mailbox_accepts_nothing_and_wakes_no_one() -> None:
    rung: list[int] = []
    mailbox = Mailbox(lambda: rung.append(1))
    mailbox.close()
    mailbox.post(rung.append, 2)
    mailbox.deliver()
    assert (rung, mailbox.closed) == ([], True)
