"""The contract: checks that every provider must pass, run against its own emulator.

A provider's tests need no more than::

    from backhaul.testing import ProviderContract

    class TestContract(ProviderContract):
        emulator = MyEmulator

Each fault found in one provider becomes a check here, for all.
"""

# ruff: noqa: S101 - a contract is made of assertions

import gzip
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import pytest

from backhaul import Http, NotFoundError, RemoteFile, Secret
from backhaul.config import JobSpec, load_text
from backhaul.http.session import HttpLimits
from backhaul.names import key, unsafe
from backhaul.plugins.discovery import Plugins
from backhaul.plugins.facade import Provider
from backhaul.plugins.secrets import option_values
from backhaul.plugins.wire import from_json, to_json
from backhaul.testing.emulator import Emulator
from backhaul.transfer.unit import origin
from backhaul.types import JobState, RemoteJob
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.sums import find_checksum
from backhaul.verify.verifier import verify_small

# Transient faults, two requests each: the run must still complete with all files.
STORAGE_FAULTS = (
    "503=0:2x", "429=0:2x", "drop:2x", "truncated:2x", "corrupt:2x", "html_200:2x", "xml_200:2x",
    "expired:2x", "changed:2x",
)  # fmt: skip
# What all other tests rest on, in this order: quick, without a run, and no fault is shown.
BASICS = (
    "test_the_plugin_is_installed_and_whole",
    "test_an_example_job_is_ready",
    "test_listed_jobs_are_jobs",
    "test_names_are_unique_and_stay_inside",
    "test_resolving_twice_agrees",
    "test_every_file_can_be_fetched_and_is_what_it_says",
    "test_secrets_are_never_printed",
)
API_FAULTS = ("api/503=0:2x", "api/429=0:2x", "drop:2x")
_CREDENTIAL = re.compile(r"password|passwd|secret|token|api_?key", re.IGNORECASE)

_CALM: dict[type, dict[str, bytes]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A provider with its running emulator.

    Attributes:
        emulator: the running emulator.
        provider: the installed provider.
        http: a session for the hooks.
        specs: the emulator's example jobs, validated like YAML.
    """

    emulator: Emulator
    provider: Provider
    http: Http
    specs: Mapping[str, JobSpec]

    def ready(self) -> Iterator[JobSpec]:
        """The example jobs that are ready and do not change."""
        for spec in self.specs.values():
            status = self.provider.get_status(self.http, spec.source.options, spec.options)
            if status.state is JobState.READY:
                yield spec

    def files(self, spec: JobSpec) -> list[RemoteFile]:
        """The job's files."""
        return list(self.provider.resolve_files(self.http, spec.source.options, spec.options))

    def fetch(self, spec: JobSpec, file: RemoteFile, *, chunks: int = 20) -> bytes | None:
        """The file's bytes, or a chunked file's first chunks; None if an optional file is missing."""
        asked = (self.http, spec.source.options, spec.options, file)
        if self.provider.pulls:
            found = self.provider.pull_file(*asked, cursor=None)
            return b"".join(chunk.data for chunk in islice(found, chunks))
        request = self.provider.fetch_file(*asked)
        try:
            answer = self.http.get(request.url, headers=request.headers, auth=request.auth)
        except NotFoundError:
            if file.optional:
                return None
            raise
        return answer.content

    def checksum(self, spec: JobSpec, file: RemoteFile) -> str | None:
        """The file's checksum, listed or from its checksum file."""
        if file.checksum is not None or file.checksum_url is None or self.provider.pulls:
            return file.checksum
        request = self.provider.fetch_file(self.http, spec.source.options, spec.options, file)
        url = file.checksum_url
        if origin(request.url) == origin(url):
            answer = self.http.get(url, headers=request.headers, auth=request.auth)
        else:
            answer = self.http.get(url)
        return find_checksum(answer.content, {file.name.rpartition("/")[2]})

    def secrets(self) -> list[str]:
        """Secrets that must not be printed."""
        found: set[str] = set()
        for spec in self.specs.values():
            values = option_values(spec.source.options)
            found.update(value.reveal() for value in values if isinstance(value, Secret))
        return sorted(found)


class ProviderContract:
    """Subclass it as ``TestContract`` and set `emulator`.

    Attributes:
        emulator: the provider's emulator.
        scale: arguments for it; small archives make tests fast.
        keys: keys to change in the example jobs, by job.
        faults: faults to survive, in the syntax of `Faults`; None for those of its kind of storage.
        most_files: how many files of a job are fetched individually.
        start: runs a command as ``subprocess.run`` does.
    """

    emulator: ClassVar[type[Emulator] | Callable[..., Emulator]]
    scale: ClassVar[dict[str, Any]] = {}
    keys: ClassVar[dict[str, Any]] = {}
    faults: ClassVar[Sequence[str] | None] = None
    most_files: ClassVar[int] = 30
    start: ClassVar[Callable[..., Any]] = staticmethod(subprocess.run)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Parametrizes tests by fault."""
        if "fault" in metafunc.fixturenames:
            metafunc.parametrize("fault", self._faults())

    def test_the_plugin_is_installed_and_whole(self) -> None:
        """Hooks, their arguments (without defaults) and ProviderInfo are valid."""
        name = self._made().provider
        records = [record for record in Plugins().installed() if record.name == name]
        assert records, f"no plugin {name!r} is installed"
        assert records[0].error is None, records[0].error

    def test_listed_jobs_are_jobs(self) -> None:
        """list_jobs returns jobs with unique ids."""
        with self.bench() as bench:
            source = next(iter(bench.specs.values())).source.options
            jobs: list[RemoteJob] = list(bench.provider.list_jobs(bench.http, source))
            identifiers = [job.id for job in jobs]
            assert len(set(identifiers)) == len(identifiers), "list_jobs repeats an id"

    def test_an_example_job_is_ready(self) -> None:
        """The emulator has a job for the other tests."""
        with self.bench() as bench:
            assert list(bench.ready()), "none of the emulator's jobs is ready"

    def test_names_are_unique_and_stay_inside(self) -> None:
        """Names stay inside the job's folder and are unique, also if case is ignored."""
        with self.bench() as bench:
            for spec in bench.ready():
                names = [file.name for file in bench.files(spec)]
                assert names, f"{spec.name}: no files"
                wrong = {name: why for name in names if (why := unsafe(name))}
                listed = "; ".join(f"{name!r} {why}" for name, why in wrong.items())
                assert not wrong, f"{spec.name}: unsafe names: {listed}"
                times = Counter(map(key, names))
                repeated = [name for name in names if times[key(name)] > 1]
                assert not repeated, f"{spec.name}: not unique: {', '.join(repeated[:3])}"

    def test_resolving_twice_agrees(self) -> None:
        """Names, slots and sizes are stable; links may differ."""
        with self.bench() as bench:
            for spec in bench.ready():
                first, second = bench.files(spec), bench.files(spec)
                assert len(first) == len(second), (
                    f"{spec.name}: {len(first)} files, then {len(second)}"
                )
                for one, other in zip(map(_lasting, first), map(_lasting, second), strict=True):
                    changed = [name for name, value in one.items() if value != other[name]]
                    assert not changed, (
                        f"{one['name']}: {', '.join(changed)} differ when resolved again"
                    )

    def test_a_file_survives_json_and_a_new_process(self) -> None:
        """Another process, given the file as JSON, fetches the same bytes."""
        with self.bench() as bench:
            spec = next(bench.ready())
            file = bench.files(spec)[0]
            assert from_json(to_json(file)) == file
            here = bench.fetch(spec, file, chunks=1)
            program = (
                f"from backhaul.testing.contract import fetch_elsewhere as f; f({spec.name!r})"
            )
            done = self.start(
                [sys.executable, "-c", program],
                input=f"{self._yaml(bench.emulator)}\n{to_json(file)}".encode(),
                capture_output=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr.decode()
            assert done.stdout == here, f"{file.name}: different bytes in another process"

    def test_every_file_can_be_fetched_and_is_what_it_says(self) -> None:
        """Each file can be fetched and verified, and check_file accepts it."""
        with self.bench() as bench:
            for spec in bench.ready():
                for file in bench.files(spec)[: self.most_files]:
                    body = bench.fetch(spec, file)
                    if body is None or file.split is not None:
                        continue
                    content = verify_small(
                        body,
                        self._content(bench, file),
                        footer_lines=file.footer_lines,
                        checksum=bench.checksum(spec, file),
                        limits=ContentLimits(),
                    )
                    assert file.size in {None, content.size}, (
                        f"{file.name}: listed as {file.size} bytes, and has {content.size}"
                    )
                    found = bench.provider.check_file(
                        spec.source.options, spec.options, file, content
                    )
                    wrong = [each.message for each in found if each.fatal]
                    assert not wrong, f"check_file of {file.name}: {'; '.join(wrong)}"

    def test_secrets_are_never_printed(self) -> None:
        """Neither in options nor in JSON nor in what hooks return."""
        with self.bench() as bench:
            for spec in bench.ready():
                source = spec.source.options
                plain = [
                    name
                    for name, value in source
                    if _CREDENTIAL.search(name) and type(value) is str
                ]
                assert not plain, f"{', '.join(plain)}: use Secret for credentials"
                shown = [repr(source), str(source), f"{source}", source.model_dump_json()]
                shown += [str(source.model_dump(mode="json")), repr(spec)]
                shown += [
                    repr(bench.provider.get_status(bench.http, source, spec.options)),
                    *(to_json(file) + repr(file) for file in bench.files(spec)[: self.most_files]),
                ]
                for secret in bench.secrets():
                    assert not [text for text in shown if secret in text], "a secret was printed"

    def test_a_run_fetches_everything_once(self, tmp_path: Path) -> None:
        """The command exits 0, and fetches nothing the second time."""
        with self.bench() as bench:
            first = self._run(bench, tmp_path)
            assert first["exit_code"] == 0, first
            assert all(job["files"]["verified"] for job in first["jobs"]), first
            second = self._run(bench, tmp_path)
            assert second["exit_code"] == 0, second
            assert [job["files"]["fetched"] for job in second["jobs"]] == [0] * len(first["jobs"])

    def test_a_fault_is_survived(self, fault: str, tmp_path: Path) -> None:
        """With the fault, the run exits 0 with the same contents as without."""
        with self.bench() as bench:
            chosen = [spec.name for spec in bench.ready()]
            bench.emulator.faults.replace(fault)
            done = self._run(bench, tmp_path / "stormy", chosen)
            assert bench.emulator.faults.hits(), f"the fault {fault} never occurred"
            assert done["exit_code"] == 0, done
        assert _contents(tmp_path / "stormy") == self._contents_without_faults(tmp_path / "calm")

    def _contents_without_faults(self, folder: Path) -> dict[str, bytes]:
        """The contents after a run without faults; computed once per class."""
        kind = type(self)
        if kind not in _CALM:
            with self.bench() as bench:
                assert self._run(bench, folder)["exit_code"] == 0
            _CALM[kind] = _contents(folder)
        return _CALM[kind]

    def test_refused_credentials_end_with_4(self, tmp_path: Path) -> None:
        """And with a message, not a traceback."""
        with self.bench() as bench:
            if not bench.secrets():
                pytest.skip("the provider has no credentials")
            jobs = [spec.name for spec in bench.ready()]
            bench.emulator.faults.replace("api/unauthorized:all")
            assert self._run(bench, tmp_path, jobs)["exit_code"] == 4  # noqa: PLR2004 - ExitCode.AUTH

    def _content(self, bench: Bench, file: RemoteFile) -> str:
        """What `Bench.fetch` returns for a file: the engine compresses pulled data, the hook does not."""
        return file.content.removesuffix(".gz") if bench.provider.pulls else file.content

    @contextmanager
    def bench(self) -> Iterator[Bench]:
        """The running emulator and what is needed to query its provider."""
        plugins = Plugins()
        limits = HttpLimits(retries=2, total=30, patience=30)
        with self._made() as emulator, Http(limits=limits) as http:
            provider = plugins.load(emulator.provider)
            config = load_text(self._yaml(emulator), providers=lambda name: plugins.load(name).info)
            assert config.jobs, "the emulator's jobs() is empty"
            yield Bench(emulator=emulator, provider=provider, http=http, specs=config.jobs)

    def _made(self) -> Emulator:
        made: Emulator = type(self).emulator(**self.scale)
        return made

    def _yaml(self, emulator: Emulator, dest: Path | None = None) -> str:
        # JSON is valid YAML.
        jobs = {
            name: {"source": "emulated", **keys, **self.keys.get(name, {})}
            for name, keys in emulator.jobs().items()
        }
        config = {"version": 1, "sources": {"emulated": emulator.source()}, "jobs": jobs}
        if dest is not None:
            config["settings"] = {"dest": str(dest), "retries": 4, "connections": 4}
        return json.dumps(config)

    def _faults(self) -> Sequence[str]:
        if self.faults is not None:
            return self.faults
        return STORAGE_FAULTS if self._made().files_at == "storage" else API_FAULTS

    def _run(self, bench: Bench, folder: Path, jobs: Sequence[str] | None = None) -> dict[str, Any]:
        """Runs ``backhaul run --json`` for the ready jobs in a subprocess."""
        folder.mkdir(exist_ok=True)
        path = folder / "contract.yaml"
        path.write_text(self._yaml(bench.emulator, folder / "archive"), encoding="utf-8")
        chosen = [spec.name for spec in bench.ready()] if jobs is None else jobs
        command = [sys.executable, "-m", "backhaul", "run", str(path), "--json"]
        for job in chosen:
            command += ["--job", job]
        done = self.start(command, capture_output=True, text=True, check=False, timeout=120)
        for secret in bench.secrets():
            assert secret not in done.stdout + done.stderr, "a secret was printed"
        assert "Traceback" not in done.stderr, done.stderr
        try:
            report: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            raise AssertionError(f"exit {done.returncode}: {done.stdout}{done.stderr}") from None
        assert done.returncode == report["exit_code"], done.stderr
        return report


def fetch_elsewhere(job: str) -> None:
    """Runs in a subprocess: YAML and a file's JSON on stdin, its first bytes to stdout."""
    text, _, line = sys.stdin.read().rstrip("\n").rpartition("\n")
    plugins = Plugins()
    spec = load_text(text, providers=lambda name: plugins.load(name).info).jobs[job]
    with Http() as http:
        provider = plugins.load(spec.source.provider)
        asked = (http, spec.source.options, spec.options, from_json(line))
        if provider.pulls:
            body = b"".join(chunk.data for chunk in islice(provider.pull_file(*asked, None), 1))
        else:
            request = provider.fetch_file(*asked)
            body = http.get(request.url, headers=request.headers, auth=request.auth).content
    sys.stdout.buffer.write(body)


def _lasting(file: RemoteFile) -> dict[str, Any]:
    return {
        field.name: getattr(file, field.name)
        for field in fields(file)
        if field.name not in {"url", "checksum_url", "meta"}
    }


def _contents(folder: Path) -> dict[str, bytes]:
    """The archive's contents, decompressed: gzip members of a chunked file may differ."""
    archive = folder / "archive"
    found: dict[str, bytes] = {}
    for path in sorted(archive.glob("*/**/*")):
        name = path.relative_to(archive).as_posix()
        kept = path.is_file() and not name.startswith(".backhaul") and _is_data(path)
        if kept:
            body = path.read_bytes()
            found[name] = gzip.decompress(body) if path.suffix == ".gz" else body
    assert found, "the archive is empty"
    return found


def _is_data(path: Path) -> bool:
    return path.name.lower() not in {"manifest.jsonl", "sha256sums", "datapackage.json"}
