"""The loop's interface for other threads and signal handlers."""

import os
from pathlib import Path

from backhaul.transfer.loop import Loop


def test_a_wakeup_after_closing_writes_to_no_file(tmp_path: Path) -> None:
    loop = Loop(max_connections=1)
    loop.close()
    files = [os.open(tmp_path / str(number), os.O_RDWR | os.O_CREAT) for number in range(8)]
    try:
        loop.wake()  # the descriptor numbers now belong to the files
        loop.mailbox.post(loop.wake)
    finally:
        for fd in files:
            os.close(fd)
    assert [path.stat().st_size for path in tmp_path.iterdir()] == [0] * 8
