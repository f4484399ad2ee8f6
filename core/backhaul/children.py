"""Whether a child process has ended, while its process id stays reserved: a signal cannot hit another process."""

import os
import sys

if sys.platform == "darwin":  # Python has no waitid there before 3.13
    import select

    def has_ended(pid: int) -> bool:
        """Whether a child process that was not waited for has ended."""
        event = select.kevent(
            pid,
            select.KQ_FILTER_PROC,
            select.KQ_EV_ADD | select.KQ_EV_ONESHOT,
            select.KQ_NOTE_EXIT,
        )
        queue = select.kqueue()
        try:
            return bool(queue.control([event], 1, 0))
        except ProcessLookupError:  # it ended before
            return True
        finally:
            queue.close()

else:

    def has_ended(pid: int) -> bool:
        """Whether a child process that was not waited for has ended."""
        try:
            return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:  # this program ignores SIGCHLD
            return True
