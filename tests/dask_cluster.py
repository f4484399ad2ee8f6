"""A Dask scheduler and its workers on loopback, as processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

_PATIENCE = 40.0  # seconds for a process to start on a busy machine


class DaskCluster:
    """Starts a scheduler, and workers of one thread each.

    Args:
        folder: for what they write.
        workers: number of workers.
        env: environment variables of the workers.
        popen: starts a process.
        tls: options of both, for certificates.
    """

    def __init__(
        self,
        folder: Path,
        workers: int = 2,
        env: Mapping[str, str] = {},
        popen: Callable[..., subprocess.Popen[Any]] = subprocess.Popen,
        tls: Sequence[str] = (),
    ) -> None:
        self._folder = folder
        self._tls = tls
        self._file = folder / "scheduler.json"
        self._env = env
        self._popen = popen
        self._processes: list[subprocess.Popen[Any]] = []
        self.workers: list[subprocess.Popen[Any]] = []
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0")
        self.address = self._address()
        for _ in range(workers):
            self.add()

    def add(self, *, nanny: bool = False, memory: str = "0", **env: str) -> subprocess.Popen[Any]:
        """Starts one more worker.

        Args:
            nanny: another process starts the worker, and starts it again if it ends.
            memory: with more, Dask pauses the worker; 0: never.
            env: more environment variables.
        """
        worker = self._start(
            "worker",
            *("--nthreads", "1", "--memory-limit", memory, "--host", "127.0.0.1"),
            *("--local-directory", str(self._folder)),
            *([] if nanny else ["--no-nanny"]),
            env={**self._env, **env},
        )
        self.workers.append(worker)
        return worker

    def refill(self, workers: int = 2) -> None:
        """Replaces workers that have ended."""
        self.workers = [each for each in self.workers if each.poll() is None]
        while len(self.workers) < workers:
            self.add()

    def _start(self, role: str, *words: str, env: Mapping[str, str] = {}) -> subprocess.Popen[Any]:
        with (self._folder / f"{role}-{len(self._processes)}.log").open("wb") as log:
            process = self._popen(
                [
                    *(sys.executable, "-m", "dask", role, "--scheduler-file", str(self._file)),
                    *("--no-dashboard", *self._tls, *words),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **env},
            )
        self._processes.append(process)
        return process

    def _address(self) -> str:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            with suppress(FileNotFoundError, ValueError):
                return str(json.loads(self._file.read_text())["address"])
            time.sleep(0.05)
        raise AssertionError(self.logs())

    def logs(self) -> str:
        """What all of them have written."""
        return "\n".join(each.read_text() for each in sorted(self._folder.glob("*.log")))

    def close(self) -> None:
        """Kills all of them."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
