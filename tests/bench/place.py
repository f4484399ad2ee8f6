"""Where a benchmark runs: scratch folders, the server, archives that are made once."""

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
    """Folders on tmpfs (or where the system keeps temporary files) and all that runs in them.

    Args:
        rounds: runs of each side.
        scale: share of the files that are used, to try things out; 1 for real numbers.
        most: at most so many files, to try things out.
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
        """Nginx on ``www``, started when first asked for."""
        return self._stack.enter_context(nginx.serve(self.www, self.home / "nginx"))

    @cached_property
    def disk(self) -> Path:
        """A folder on the repository's own disk, left out of version control."""
        (ROOT / "build").mkdir(exist_ok=True)
        return self._temporary(ROOT / "build")

    def scaled(self, count: int) -> int:
        """A number of files, or the share of it that is wanted."""
        wanted = max(2, round(count * self.scale))
        return wanted if self._most is None else min(wanted, self._most)

    def fresh(self, name: str, *, on: Path | None = None) -> Path:
        """An empty folder; what was in it before is gone."""
        folder = (on or self.home) / name
        # By a process of its own: a list of a million names would be memory of this one.
        subprocess.run(["rm", "-rf", folder], check=True)
        folder.mkdir()
        return folder

    def small(self, count: int) -> list[str]:
        """Files of 4 KB below ``/small``."""
        return archives.small(self.www / "small", count)

    @cached_property
    def one(self) -> Path:
        """The file that ``/many/`` gives under every name."""
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
        self, base_url: str, names: Sequence[str], *, parallel: int, then: bool = False
    ) -> Side:
        """``curl --parallel``; ``then``: and gzip -t of all that came."""
        dest = self.home / "theirs"
        listed = peers.curl_list(self.home / "curl.cfg", base_url=base_url, names=names, dest=dest)
        plain = peers.curl(listed, parallel=parallel, cert=self.server.cert)
        if not then:
            return self.other(lambda _: plain, len(names))
        quoted = " ".join(f"'{part}'" for part in plain)
        return self.other(
            lambda dest: ["sh", "-e", "-c", f"{quoted}; {peers.gzip_test(dest)}"], len(names)
        )

    def aria2(self, base_url: str, names: Sequence[str], *more: str) -> Side:
        """``aria2c -i``."""
        listed = peers.aria2_list(self.home / "aria2.txt", base_url=base_url, names=names)
        return self.other(
            lambda dest: peers.aria2(listed, *more, dest=dest, cert=self.server.cert), len(names)
        )
