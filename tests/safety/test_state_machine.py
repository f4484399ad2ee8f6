"""Any sequence of runs, interruptions, changes and damage: published files are as served."""

import gzip
import hashlib
import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.one_job import one_job
from tests.safety.command import published
from tests.shelf import Shelf

from backhaul import JobOptions, ProviderInfo, RemoteFile, SourceOptions, hookimpl
from backhaul.archive.verify import check_jobs
from backhaul.config import load_text
from backhaul.ledger.database import ledger_path
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import FileRow
from backhaul.plugins.discovery import Plugins
from backhaul.plugins.loading import build
from backhaul.run.driver import Driver
from backhaul.run.result import RunResult
from backhaul.types import SlotState

SMALL = ("plain.json.gz", "sized.json.gz", "summed.json.gz", "deep/er/plain.json.gz")
LARGE = "large.json.gz"
NAMES = (*SMALL, LARGE)
CONFIG = {
    "version": 1,
    "settings": {"dest": "archive"},
    "sources": {"source": {"provider": "versions"}},
    "jobs": {"job": {"source": "source"}},
}
names = st.sampled_from(NAMES)
# A machine has files and a server: shrinking a failure would take far too long.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
places = st.floats(0.0, 1.0, exclude_max=True)


class Versions:
    """A provider of files that change; it lists one file's size and another's checksum."""

    def __init__(self, shelf: Shelf, served: dict[str, list[bytes]], withheld: set[str]) -> None:
        self._shelf = shelf
        self._served = served
        self._withheld = withheld

    @hookimpl
    def provider(self) -> ProviderInfo:
        return ProviderInfo("Versions", SourceOptions, JobOptions)

    @hookimpl
    def resolve_files(self) -> Iterable[RemoteFile]:
        for name in NAMES:
            if name in self._withheld:
                continue
            data = self._served[name][-1]
            yield RemoteFile(
                name,
                self._shelf.storage.link(name),
                size=len(data) if name.startswith("sized") else None,
                checksum=f"md5:{hashlib.md5(data).hexdigest()}"
                if name.startswith("summed")
                else None,
            )


def archive(seed: int, size: int) -> bytes:
    """A gzip file of JSON Lines of about this size."""
    noise = random.Random(seed).randbytes(1 << 11).hex()
    lines = "".join(
        f'{{"n":{seed},"line":{number},"text":"{noise[number % 97 :]}"}}\n'
        for number in range(1 + size // 4096)
    )
    return gzip.compress(lines.encode(), compresslevel=0 if size > 1 << 16 else 6, mtime=0)


class LedgerAndPartials(RuleBasedStateMachine):
    """One archive, one provider; runs face whatever the other rules have left."""

    large = 600_000
    rate = 3_000_000

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp(prefix="backhaul-states-"))
        self.dest = self.folder / "archive"
        self.served: dict[str, list[bytes]] = {}
        self.harmed: dict[str, bytes | None] = {}  # damage that runs have not noticed yet
        self.shelf = Shelf().start()
        self.withheld: set[str] = set()  # present at the provider, but not listed
        versions = Versions(self.shelf, self.served, self.withheld)
        self.provider = build(versions, name="versions")
        self.versions = 0

    def teardown(self) -> None:
        try:
            if self.served:
                self.final_run_completes()
        finally:
            self.shelf.stop()
            shutil.rmtree(self.folder)

    # -- the provider ------------------------------------------------------------------------------

    @initialize()
    def first_versions(self) -> None:
        for name in NAMES:
            self.changes(name)

    @rule(name=names)
    def changes(self, name: str) -> None:
        self.versions += 1
        size = self.large if name == LARGE else 900 * self.versions
        data = archive(self.versions, size)
        self.served.setdefault(name, []).append(data)
        self.shelf.storage.put(name, data)

    @rule(name=names)
    def is_no_longer_listed(self, name: str) -> None:
        self.withheld.add(name)

    @rule(name=names)
    def is_listed_again(self, name: str) -> None:
        self.withheld.discard(name)

    # -- runs --------------------------------------------------------------------------------------

    def run(
        self, *, stop_at: int | None = None, refresh: bool = False
    ) -> tuple[RunResult, list[str]]:
        """A run; returns the paths that it requested."""

        def stop(driver: Driver) -> None:
            if stop_at is not None and driver.engine.counters.bytes >= stop_at:
                driver.interrupt()

        driver = one_job(
            self.provider,
            self.dest,
            on_tick=stop,
            durable=False,
            max_duration=timedelta(seconds=20),
            refresh=refresh,
            limit_rate=None if stop_at is None else self.rate,
        )
        self.shelf.requests.clear()
        result = driver.run()
        self.ledger_is_honest(whole=result.exit_code == 0)
        return result, [each.path for each in self.shelf.requests.at("storage")]

    @rule()
    def runs_whole(self) -> None:
        result, _ = self.run()
        kinds = {note.kind for job in result.jobs for note in job.failures}
        assert result.exit_code == (3 if kinds else 0), result
        assert kinds <= ({"not_found", "lost"} if self.withheld else set()), result
        assert self.ledger_says().keys() >= set(NAMES) - self.withheld
        again, asked = self.run()
        assert asked == []
        assert {note.kind for job in again.jobs for note in job.failures} == kinds - {"not_found"}

    @rule()
    def is_refreshed(self) -> None:
        received = self.received()
        result, asked = self.run(refresh=True)
        assert result.exit_code in {0, 3}, result
        assert len(asked) >= len(NAMES) - len(self.withheld | received)
        for name in set(NAMES) - self.withheld - self.harmed.keys():
            assert self.here(name) == self.served[name][-1]

    @rule(share=places)
    def runs_interrupted(self, share: float) -> None:
        result, _ = self.run(stop_at=int(share * self.large))
        assert result.exit_code in ({0, 3, 130} if self.withheld else {0, 130}), result

    @rule()
    def is_read_again(self) -> None:
        known = self.ledger_says().keys()
        harmed = {name for name, data in self.harmed.items() if self.here(name) == data}
        assert {problem.file for problem in self.problems()} >= harmed & known
        assert not harmed & self.ledger_says().keys()

    def problems(self) -> list[Any]:
        """The findings of ``backhaul verify``."""
        config = load_text(
            json.dumps(CONFIG), folder=self.folder, providers=lambda _: self.provider.info
        )
        return [problem for job in check_jobs([config], Plugins()) for problem in job.problems]

    # -- what happens to the disk ------------------------------------------------------------------

    @property
    def job(self) -> Path:
        return self.dest / "job"

    def received(self) -> set[str]:
        """The files of which an interrupted run has received every byte."""
        whole = {name: len(versions[-1]) for name, versions in self.served.items()}
        parts = {name: self.job / f"{name}.part" for name in NAMES}
        return {
            name
            for name, part in parts.items()
            if part.exists() and part.stat().st_size == whole[name]
        }

    def here(self, name: str) -> bytes | None:
        path = self.job / name
        return path.read_bytes() if path.exists() else None

    def write(self, name: str, data: bytes) -> None:
        path = self.job / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    @rule(name=names)
    def is_deleted(self, name: str) -> None:
        (self.job / name).unlink(missing_ok=True)
        self.harmed[name] = None

    @rule(name=names, place=places)
    def is_cut(self, name: str, place: float) -> None:
        self.damage(name, lambda data: data[: int(place * len(data))])

    @rule(name=names)
    def grows(self, name: str) -> None:
        self.damage(name, lambda data: data + b"more")

    @rule(name=names, place=places)
    def rots(self, name: str, place: float) -> None:
        def flip(data: bytes) -> bytes:
            at = 10 + int(place * (len(data) - 10))  # gzip's header has no checksum
            return data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]

        self.damage(name, flip)

    def damage(self, name: str, harm: Callable[[bytes], bytes]) -> None:
        data = self.here(name)
        if data in self.served[name] and data is not None:
            self.harmed[name] = harmed = harm(data)
            self.write(name, harmed)

    @rule(
        name=names,
        old=st.booleans(),
        place=places,
        noise=st.booleans(),
        sidecar=st.sampled_from(["none", "right", "spans", "old", "cut", "nonsense", "as it is"]),
    )
    def a_part_is_left(
        self, name: str, place: float, sidecar: str, *, old: bool, noise: bool
    ) -> None:
        """Of this version, the first one, or noise; bound to this version, another or none."""
        versions = self.served[name]
        data = versions[0] if old else versions[-1]
        size = int(place * len(data))
        part = random.Random(size).randbytes(size) if noise else data[:size]
        self.write(f"{name}.part", part)
        words = self.sidecar(name, size, sidecar)
        if words is not None:
            self.write(f"{name}.part.json", words)
        elif sidecar == "none":
            (self.job / f"{name}.part.json").unlink(missing_ok=True)

    def sidecar(self, name: str, size: int, how: str) -> bytes | None:
        now = self.served[name][0 if how == "old" else -1]
        bound = {
            "etag": f'"{hashlib.md5(now).hexdigest()}"',
            "modified": None,
            "length": len(now),
            "done": [[0, min(size, len(now))]] if how == "spans" and size else None,
        }
        text = json.dumps(bound).encode()
        found = {"cut": text[: len(text) // 2], "nonsense": b'{"etag": 5, "done": [[3]]}'}
        return None if how in {"none", "as it is"} else found.get(how, text)

    @precondition(lambda self: ledger_path(self.dest / ".backhaul").exists())
    @rule(count=st.integers(1, len(NAMES)), lost=st.booleans())
    def the_ledger_loses_its_last_changes(self, count: int, *, lost: bool) -> None:
        last = "id IN (SELECT id FROM files ORDER BY id DESC LIMIT ?)"
        forget = f"DELETE FROM files WHERE {last}"
        undo = f"UPDATE files SET state = 'pending', size = NULL, sha256 = NULL WHERE {last}"
        with closing(sqlite3.connect(ledger_path(self.dest / ".backhaul"))) as ledger, ledger:
            ledger.execute(forget if lost else undo, (count,))

    @rule()
    def the_ledger_is_gone(self) -> None:
        shutil.rmtree(self.dest / ".backhaul", ignore_errors=True)

    # -- what always holds -------------------------------------------------------------------------

    def ledger_says(self) -> dict[str, FileRow]:
        """The rows that the ledger calls verified, by name."""
        if not ledger_path(self.dest / ".backhaul").exists():
            return {}
        with closing(Ledger(self.dest / ".backhaul", readonly=True)) as ledger:
            job = ledger.jobs.get("job")
            rows = [] if job is None else list(ledger.inventory.files(job.id))
        return {row.name: row for row in rows if row.state is SlotState.VERIFIED}

    def ledger_is_honest(self, *, whole: bool) -> None:
        """Ignores what a run cannot know: damage of the same size, and other damage if it was cut short."""
        for name, row in self.ledger_says().items():
            data = self.here(name)
            if name in self.harmed and data == self.harmed[name]:
                assert not whole or (data is not None and len(data) == row.size), name
                continue
            assert data is not None, name
            assert (len(data), hashlib.sha256(data).hexdigest()) == (row.size, row.sha256), name

    @invariant()
    def final_names_hold_what_was_served(self) -> None:
        for found in published(self.dest):
            name = found.removeprefix("job/")
            data = self.here(name)
            if data != self.harmed.get(name):
                assert data in self.served[name], name
                self.harmed.pop(name, None)

    def final_run_completes(self) -> None:
        """Two runs, with all bytes checked in between: then everything is present, and the next is idle."""
        self.withheld.clear()
        before = {name: self.here(name) for name in NAMES}
        assert self.run()[0].exit_code == 0
        self.is_read_again()
        assert self.run()[0].exit_code == 0
        for name in NAMES:
            data = self.here(name)
            listed = name.startswith(("summed", "sized"))
            kept = before[name] in self.served[name] and not listed
            assert data == self.served[name][-1] or (kept and data == before[name]), name
        result, asked = self.run()
        assert (result.exit_code, asked) == (0, [])
        assert self.ledger_says().keys() == set(NAMES)
        assert self.problems() == []


class WithPieces(LedgerAndPartials):
    """With an additional file that is fetched in segments."""

    large = 18_000_000
    rate = 60_000_000


def test_any_order_of_runs_changes_and_damage_ends_with_what_was_served() -> None:
    run_state_machine_as_test(
        LedgerAndPartials,
        settings=settings(
            max_examples=10,
            stateful_step_count=10,
            deadline=None,
            phases=PHASES,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("machine", "examples"), [(LedgerAndPartials, 60), (WithPieces, 15)])
def test_many_orders_of_runs_changes_and_damage(
    machine: type[LedgerAndPartials], examples: int
) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            phases=PHASES,
            suppress_health_check=list(HealthCheck),
        ),
    )
