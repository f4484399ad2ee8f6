"""The recipe for containers: linted, and the containers' commands are run here, with the same store."""

import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from obstore.exceptions import BaseError
from obstore.store import S3Store
from tests import seaweed
from tests.docs.blocks import ROOT, Block
from tests.docs.reader import Reader

FOLDER = ROOT / "docs/recipes/docker"
DOCKERFILE = (FOLDER / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
KEYS = {"AWS_ACCESS_KEY_ID": "archive", "AWS_SECRET_ACCESS_KEY": "made-up-secret"}


def tool(name: str) -> str:
    """The path of an installed program; skips the test if it is not installed."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name}")
    return found


def test_the_dockerfile_is_linted(tmp_path: Path) -> None:
    hadolint = tool("hadolint")
    bad = tmp_path / "Dockerfile"
    bad.write_text(DOCKERFILE.replace("--no-cache-dir ", ""))

    done = [
        subprocess.run([hadolint, path], capture_output=True, text=True, check=False)
        for path in (FOLDER / "Dockerfile", bad)
    ]

    assert (done[0].returncode, done[0].stdout) == (0, "")
    assert "DL3042" in done[1].stdout


def test_the_image_is_slim_without_root_and_has_its_volume() -> None:
    assert (
        re.findall("^FROM (.*?)(?: AS build)?$", DOCKERFILE, re.MULTILINE)
        == ["python:3.13-slim"] * 2
    )
    assert re.findall("^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001"]
    assert re.findall("^VOLUME (.*)$", DOCKERFILE, re.MULTILINE) == ["/archive"]


def test_the_build_context_has_everything_that_the_wheel_needs() -> None:
    lines = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    kept = tuple(line.removeprefix("!") for line in lines if line.startswith("!"))
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = settings["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel.get("shared-data", {}), settings["project"]["readme"]}
    needed |= {*wheel.get("force-include", {}), *settings["project"]["license-files"]}

    assert lines[0] == "*"
    assert [each for each in needed if not each.startswith(kept)] == []
    assert [each for each in kept if not (ROOT / each).exists()] == []


def test_the_health_check_is_quiet_and_succeeds(tmp_path: Path) -> None:
    (check,) = re.findall(r"^HEALTHCHECK[^[]*(\[.*\])$", DOCKERFILE, re.MULTILINE | re.DOTALL)[:1]
    words = yaml.safe_load(check.splitlines()[0])

    with Reader(tmp_path) as reader:
        (tmp_path / "hpt.yaml").rename(tmp_path / "backhaul.yaml")
        for command in (" ".join(words), "backhaul run", " ".join(words)):
            reader.try_(Block(FOLDER / "Dockerfile", 0, "console", command, ""))
        (tmp_path / "backhaul.yaml").write_text("no: configuration")
        reader.try_(Block(FOLDER / "Dockerfile", 0, "console", " ".join(words), "exit 2"))


def test_compose_names_existing_files() -> None:
    archive = COMPOSE["services"]["archive"]
    config = (FOLDER / "backhaul.yaml").read_text()
    context = (FOLDER / archive["build"]["context"]).resolve()

    assert context == ROOT
    assert (context / archive["build"]["dockerfile"]).samefile(FOLDER / "Dockerfile")
    assert set(re.findall(r"\$\{(\w+)", config)) <= set(archive["environment"])
    for one in COMPOSE["services"].values():
        for volume in one["volumes"]:
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (FOLDER / source).exists()
        assert set(one.get("depends_on", ())) <= set(COMPOSE["services"])
        assert set(one.get("secrets", ())) <= set(COMPOSE["secrets"])


@pytest.mark.timeout(180)  # seconds, also on a busy machine
def test_the_archive_arrives_in_the_store(tmp_path: Path) -> None:
    document = yaml.safe_load((FOLDER / "backhaul.yaml").read_text())
    with store(tmp_path / "objects") as url, Reader(tmp_path) as reader:
        emulated = yaml.safe_load((tmp_path / "hpt.yaml").read_text())
        document["settings"]["workspace"] = str(tmp_path / "workspace")
        document |= {"sources": emulated["sources"], "jobs": emulated["jobs"]}
        (tmp_path / "backhaul.yaml").write_text(yaml.safe_dump(document))
        reader.env |= KEYS | {"STORE_URL": url}

        for command in ("backhaul run", "backhaul status --offline --quiet", "backhaul verify"):
            reader.try_(Block(FOLDER / "compose.yaml", 0, "console", command, ""))

    assert not (tmp_path / "archive").exists()


@contextmanager
def store(folder: Path) -> Iterator[str]:
    """The store as Compose would start it, except for the ports and the folder."""
    names = ("master", "volume", "filer", "s3")
    ports = dict(
        zip([f"{n}.port{e}" for n in names for e in ("", ".grpc")], seaweed._free(8), strict=True)
    )
    own = [each for each in COMPOSE["services"]["store"]["command"] if "port" not in each]
    own[own.index("-dir=/data")] = f"-dir={folder}"
    own += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    own += [f"-{name}={number}" for name, number in ports.items()]
    own.append(f"-admin.port={seaweed._free(1)[0]}")
    folder.mkdir()
    running = subprocess.Popen(
        [tool("weed"), *own],
        env=KEYS | {"HOME": str(folder)},
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"http://127.0.0.1:{ports['master.port']}", ports["s3.port"])
        yield f"http://127.0.0.1:{ports['s3.port']}"
    finally:
        running.terminate()
        running.wait(30)


def _wait_for(master: str, port: int) -> None:
    """Waits like the health check of Compose, then until the bucket exists."""
    test = COMPOSE["services"]["store"]["healthcheck"]["test"]
    path = str(test[-1]).removeprefix("http://127.0.0.1:9333")
    asked = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*", master + path]
    bucket = S3Store(
        "archive",
        endpoint=f"http://127.0.0.1:{port}",
        access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    until = time.monotonic() + 60
    while subprocess.run(asked, capture_output=True, text=True, check=False).stdout != "200":
        assert time.monotonic() < until, asked
        time.sleep(0.2)
    while True:
        try:
            bucket.list_with_delimiter()
        except (BaseError, OSError):
            assert time.monotonic() < until, "no bucket"
            time.sleep(0.2)
        else:
            return
