"""Follows a page like a reader: in an empty folder, with accounts at emulated providers."""

import json
import os
import re
import subprocess
import sys
import time
import tomllib
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import yaml
from tests import warm
from tests.docs.blocks import Block

from backhaul.config import Config, load_text
from backhaul.plugins.discovery import Plugins
from backhaul.testing.serve import emulator

SCALE: dict[str, dict[str, Any]] = {
    "gnip-hpt": {"slots": 6},
    "http-series": {"open_to_all": True},
    "datasift-historics": {"step": None, "quiet_every": 0, "waiting": 0},
}
PLUGINS = Plugins()
_READY = 30.0  # seconds, enough on a busy machine


class Reader:
    """Runs the blocks of one page in order.

    The folder starts with ``hpt.yaml`` and its job ``worldcup``. A block of YAML whose first line names a file is
    written there, with the accounts and jobs replaced by those of the emulators.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open = ExitStack()
        self._emulated: dict[str, Any] = {}
        self._names: dict[str, object] = {"__name__": "page"}
        self.env = os.environ | {
            "PATH": os.pathsep.join(
                [str(warm.commands()), str(Path(sys.executable).parent), os.environ["PATH"]]
            ),
            "NO_COLOR": "1",
        }

    def __enter__(self) -> Self:
        shown = {
            "version": 1,
            "sources": {"gnip": {"provider": "gnip-hpt"}},
            "jobs": {"worldcup": {"source": "gnip"}},
        }
        self._write("hpt.yaml", shown)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def try_(self, block: Block) -> None:
        """Run or load a block; raises AssertionError if it does not work."""
        match block.kind:
            case "console":
                self._console(block)
            case "yaml":
                self._yaml(block)
            case "python":
                code = compile("\n" * block.line + block.text, str(block.page), "exec")
                if block.argument("not run") is None:
                    exec(code, self._names)
            case "sql" if block.argument("not run") is None:
                self._sql(block)
            case "toml":
                tomllib.loads(block.text)
            case "json":
                json.loads(block.text)
            case "text" | "sql":
                pass
            case other:
                raise AssertionError(f"{block}: how is a block of {other!r} tried?")

    def _console(self, block: Block) -> None:
        if block.argument("not run") is not None:
            checked(block, self.env)
        elif (ready := block.argument("background")) is not None:
            self._background(block, self.folder / ready)
        else:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", installs_left_out(block.text)],
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=50,
                check=False,
            )
            wanted = int(block.argument("exit") or 0)
            assert done.returncode == wanted, (
                f"{block}: {done.returncode}\n{done.stdout}{done.stderr}"
            )

    def _background(self, block: Block, ready: Path) -> None:
        ready.unlink(missing_ok=True)
        running = subprocess.Popen(
            ["bash", "-c", f"exec {block.text.strip()}"],
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.DEVNULL,
        )
        self._open.callback(running.wait, 20)
        self._open.callback(running.terminate)
        until = time.monotonic() + _READY
        while not ready.exists():
            assert running.poll() is None, f"{block} ended: {running.returncode}"
            assert time.monotonic() < until, f"{block}: no {ready.name}"
            time.sleep(0.05)

    def _yaml(self, block: Block) -> None:
        shown = yaml.safe_load(block.text)
        if not set(shown) <= {"version", "settings", "sources", "jobs"}:
            return  # for another program, so only the syntax is checked
        document = {"version": 1, "sources": _ACCOUNT, "jobs": {}} | shown
        load(block.text if "jobs" in shown else yaml.safe_dump(document))
        named = re.match(r"# (\S+\.yaml)\n", block.text)
        if named and "jobs" in shown:
            self._write(named[1], document)

    def _write(self, name: str, document: dict[str, Any]) -> None:
        """Writes the configuration shown, with accounts at the emulators."""
        sources, jobs = {}, {}
        for source, keys in document["sources"].items():
            sources[source] = self._emulator(keys["provider"]).source()
        for job, keys in document["jobs"].items():
            there = self._emulator(document["sources"][keys["source"]]["provider"]).jobs()
            jobs[job] = {"source": keys["source"], **next(iter(there.values()))}
        made = document | {"sources": sources, "jobs": jobs}
        (self.folder / name).write_text(yaml.safe_dump(made, sort_keys=False))

    def _emulator(self, provider: str) -> Any:
        if provider not in self._emulated:
            one = emulator(provider, **SCALE.get(provider, {}))
            self._emulated[provider] = self._open.enter_context(one)
        return self._emulated[provider]

    def _sql(self, block: Block) -> None:
        import duckdb  # noqa: PLC0415 - only where a page has SQL

        for statement in filter(str.strip, block.text.split(";")):
            duckdb.sql(statement).fetchall()


_ACCOUNT = {"gnip": {"provider": "gnip-hpt", "account": "a", "username": "u", "password": "p"}}


def load(text: str) -> Config:
    """Validates a configuration, with dummy values in the environment."""
    names = re.findall(r"\$\{(\w+)", text)
    env = {name: "http://made-up.example" if "URL" in name else "made-up" for name in names}
    return load_text(text, providers=lambda name: PLUGINS.load(name).info, env=env)


def installs_left_out(text: str) -> str:
    """Commands except those that install something, which ``.ci/run`` covers."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("pip install"))


def checked(block: Block, env: dict[str, str]) -> None:
    """Checks the syntax of a block that is not run, and the options of ``backhaul``."""
    subprocess.run(["bash", "-n", "-c", block.text], check=True)
    for command in re.findall(r"\bbackhaul ([a-z]+)([^\n|;&]*)", block.text):
        shown = subprocess.run(
            ["backhaul", command[0], "--help"],
            env=env,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for option in re.findall(r"(?<!\S)--?[a-z][\w-]*", command[1]):
            assert re.search(rf"{option}\b", shown), f"{block}: backhaul {command[0]}: no {option}"
