"""The command that prints a secret, in programs that use the library."""

import subprocess
import sys
from pathlib import Path

FORKED = """
import os, sys, threading, time
from pathlib import Path
from backhaul import secret_command

def read():
    found.append(secret_command.output_of(["sh", "-c", "read line < fifo; echo $line"], Path(), most=99, patience=60))

found = []
os.mkfifo("fifo")
reader = threading.Thread(target=read)
reader.start()
while not secret_command._running:
    time.sleep(0.01)
pid = os.fork()
if pid == 0:
    sys.exit()
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
Path("fifo").write_text("hunter2\\n")
reader.join()
print(code, *found)
"""
IGNORED = """
import signal
from pathlib import Path
from backhaul import secret_command

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print(*secret_command.output_of(["echo", "hunter2"], Path(), most=99, patience=60))
"""


def output(program: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_exit_of_a_forked_process_does_not_end_the_command(tmp_path: Path) -> None:
    assert output(FORKED, tmp_path) == "0 (b'hunter2\\n', 0)\n"


def test_a_command_is_read_in_a_program_that_ignores_sigchld(tmp_path: Path) -> None:
    assert output(IGNORED, tmp_path) == "b'hunter2\\n' 0\n"
