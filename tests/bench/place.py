"""Where a benchmark runs: scratch folders, the server, and archives that are created once."""

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from tests.bench import archives, nginx, ours, peers
from tests.bench.measure import Measured, run
from tests.bench.nginx import Nginx
from tests.bench.versus import Side

ROOT = Path(__file__).parents[2]
_SHM = Path("/dev/shm")


class Place:
    """Folders on tmpfs (or in the system's temporary folder), and everything that runs in them.

    Args:
        rounds: runs of each side.
        scale: fraction of the files to use, for a trial; 1 for real measurements.
        most: maximum number of files, for a trial.
    """

    def __init__(self, *, rounds: int = 5, scale: float = 1.0, most: int | None = None) -> None:
        self.rounds = rounds
        self._most = most
        self.scale = scale
        self._stack = ExitStack()
        parent = _SHM if _SHM.is_dir() else None
        self.home = self._temporary(parent)
        self.www = self.home / "www"
        self.www.mkdir()
        self.env = ours.install(self.home / "site")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _temporary(self, parent: Path | None) -> Path:
        made = tempfile.TemporaryDirectory(prefix="backhaul-bench-", dir=parent)
        return Path(self._stack.enter_context(made))

    @cached_property
    def server(self) -> Nginx:
        """Nginx serving ``www``, started on first use."""
        return self._stack.enter_context(nginx.serve(self.www, self.home / "nginx"))

    @cached_property
    def disk(self) -> Path:
        """A folder on the repository's own disk, ignored by version control."""
        (ROOT / "build").mkdir(exist_ok=True)
        return self._temporary(ROOT / "build")

    def scaled(self, count: int) -> int:
        """The number of files to use out of this many."""
        wanted = max(2, round(count * self.scale))
        return wanted if self._most is None else min(wanted, self._most)

    def fresh(self, name: str, *, on: Path | None = None) -> Path:
        """An empty folder; previous contents are deleted."""
        folder = (on or self.home) / name
        # In a separate process: a list of a million names would add to the memory of this one.
        subprocess.run(["rm", "-rf", folder], check=True)
        folder.mkdir()
        return folder

    def small(self, count: int) -> list[str]:
        """Files of 4 KB below ``/small``."""
        return archives.small(self.www / "small", count)

    @cached_property
    def one(self) -> Path:
        """The file that ``/many/`` serves under every name."""
        path = self.www / "one.jsonl.gz"
        path.write_bytes(archives.body(1, 3900))
        return path

    # -- the sides ------------------------------------------------------------------------------

    def backhaul(
        self,
        base_url: str,
        count: int,
        *,
        names: Sequence[str] | None = None,
        on: Path | None = None,
        **settings: Any,
    ) -> Side:
        """``backhaul run`` into an empty folder; the environment trusts the server's certificate."""
        listing = None
        if names is not None:
            listing = self.home / "listing.txt"
            listing.write_text("".join(f"{name}\n" for name in names))
        env = {**self.env, "SSL_CERT_FILE": str(self.server.cert)}

        def side() -> Measured:
            dest = self.fresh("ours", on=on)
            configured = ours.config(
                self.home / "bench.yaml",
                base_url=base_url,
                dest=dest,
                count=count,
                listing=listing,
                **settings,
            )
            measured = ours.fetch(configured, env)
            ours.check(dest, count)
            return measured

        return side

    def other(self, command: Callable[[Path], Sequence[str | Path]], count: int) -> Side:
        """Another program into an empty folder; ``command`` gets the folder."""

        def side() -> Measured:
            dest = self.fresh("theirs")
            measured = run(command(dest), cwd=self.home)
            peers.check(dest, count)
            return measured

        return side

    def curl(
        self,
        base_url: str,
        names: Sequence[str],
        *,
        parallel: int,
        then: Callable[[Path], str] | None = None,
    ) -> Side:
        """``curl --parallel``; ``then``: followed by a shell command for the folder."""
        dest = self.home / "theirs"
        listed = peers.curl_list(self.home / "curl.cfg", base_url=base_url, names=names, dest=dest)
        plain = peers.curl(listed, parallel=parallel, cert=self.server.cert)
        return self.other(lambda dest: _followed(plain, dest, then), len(names))

    def aria2(
        self,
        base_url: str,
        names: Sequence[str],
        *more: str,
        then: Callable[[Path], str] | None = None,
    ) -> Side:
        """``aria2c -i``; ``then``: as for curl."""
        listed = peers.aria2_list(self.home / "aria2.txt", base_url=base_url, names=names)
        return self.other(
            lambda dest: _followed(
                peers.aria2(listed, *more, dest=dest, cert=self.server.cert), dest, then
            ),
            len(names),
        )


def _followed(
    words: Sequence[str], dest: Path, then: Callable[[Path], str] | None
) -> Sequence[str]:
    """A command, followed by a shell command for the folder."""
    if then is None:
        return words
    quoted = " ".join(f"'{word}'" for word in words)
    return ["sh", "-e", "-c", f"{quoted}; {then(dest)}"]
