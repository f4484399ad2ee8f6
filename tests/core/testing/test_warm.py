"""Processes of the tests are as if Python had just started them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests import warm

IMPORTED = "import sys; print(sum(name.startswith('backhaul') for name in sys.modules))"


def test_modules_that_a_sitecustomize_may_change_are_not_imported_yet(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.changed = True")
    words = [sys.executable, "-c", f"{IMPORTED}; print(sys.changed)"]

    done = warm.run(
        words, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )

    assert (done.stdout, done.stderr) == ("0\nTrue\n", "")


def test_streams_folder_arguments_and_code_are_those_of_the_process(tmp_path: Path) -> None:
    program = (
        "import os, sys; print(sys.argv[1:], os.getcwd(), os.environ['WORD'], sys.stdin.read());"
        "sys.stderr.write('told'); sys.exit(7)"
    )

    done = warm.run(
        [sys.executable, "-c", program, "a", 3],
        input="read",
        cwd=tmp_path,
        env={**os.environ, "WORD": "set"},
        capture_output=True,
        text=True,
    )

    assert done.stdout == f"['a', '3'] {tmp_path} set read\n"
    assert (done.stderr, done.returncode) == ("told", 7)
    with pytest.raises(subprocess.CalledProcessError):
        done.check_returncode()


def test_a_signal_or_a_timeout_ends_it() -> None:
    program = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(50)"]
    with warm.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert (process.stdout.readline(), process.poll()) == ("up\n", None)
        process.terminate()
        assert process.wait(20) == -signal.SIGTERM
    with pytest.raises(subprocess.TimeoutExpired):
        warm.run(program, stdout=subprocess.DEVNULL, timeout=0.1)


def test_a_shell_runs_the_warm_command_like_the_real_one(tmp_path: Path) -> None:
    path = f"{warm.commands()}{os.pathsep}{os.environ['PATH']}"
    (tmp_path / "bad.yaml").write_text("version: 1\njobs: {a: {source: none}}\n")

    def shell(line: str) -> "subprocess.CompletedProcess[str]":
        env = {**os.environ, "PATH": path}
        return subprocess.run(
            ["bash", "-c", line], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )

    done = shell("backhaul --version | cat; backhaul run bad.yaml >&2; echo $?")

    assert done.stdout.startswith("backhaul ")
    assert done.stdout.endswith("\n2\n")
    assert "bad.yaml:2" in done.stderr
    ended = shell(
        "backhaul emulate gnip-hpt -o made.yaml & "
        "until [ -e made.yaml ]; do sleep 0.05; done; kill $!; wait $!; echo $?"
    )
    assert ended.stdout.split()[-1] == "0", ended


def test_the_first_test_leaves_the_others_an_environment_of_no_test(tmp_path: Path) -> None:
    broken = tmp_path / "broken-1.dist-info"
    broken.mkdir()
    (broken / "entry_points.txt").write_text("[backhaul.providers]\nx = [\n")
    (broken / "METADATA").write_bytes(b"\xff")
    first = (
        "import os, sys; from tests import warm; "
        f"os.environ['PYTHONPATH'] = {str(tmp_path)!r}; "
        "sys.exit(warm.run([sys.executable, '-c', 'raise SystemExit(7)']).returncode)"
    )

    done = subprocess.run(
        [sys.executable, "-c", first], cwd=Path(warm.__file__).parents[1], check=False
    )

    assert done.returncode == 7
