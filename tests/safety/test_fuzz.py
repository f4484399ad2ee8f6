"""Arbitrary responses and files: a named problem, never a traceback."""

import gzip
import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from tests.json_lines import plainly
from tests.safety.command import run, write_config
from tests.safety.test_hostile import Hostile
from tests.usual import usual
from werkzeug import Request, Response

from backhaul import Http
from backhaul.config import load_text
from backhaul.errors import BackhaulError, ConfigError, FailureKind, PluginError
from backhaul.http.session import HttpLimits
from backhaul.plugins.discovery import Plugins
from backhaul.testing.emulator import Emulator
from backhaul.types import Content, Proof
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.contents import KINDS
from backhaul.verify.fault import VerifyFault
from backhaul.verify.verifier import Verifier, verify_small
from backhaul_datasift_historics.emulator import DatasiftHistoricsEmulator
from backhaul_gnip_hpt.emulator import GnipHptEmulator
from backhaul_massrelevance_meta.emulator import MassRelevanceMetaEmulator
from backhaul_stocktwits_backup.emulator import StocktwitsBackupEmulator

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
PLUGINS = Plugins()
SEEDS = st.integers(0, 2**48)
# A smaller seed is not a simpler case.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "urlList",
                    "urlCount",
                    "expiresAt",
                    "suspectMinutesUrl",
                    "status",
                    "totalFileSizeBytes",
                    "x",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
BODIES = (
    st.binary(max_size=300)
    | st.binary(max_size=200).map(gzip.compress)
    | st.tuples(
        st.binary(max_size=80).map(gzip.compress), st.integers(0, 60), st.binary(max_size=3)
    ).map(lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] :])
)


def body_is_judged(body: bytes, content: str) -> None:
    try:
        small: object = verify_small(body, content, limits=ContentLimits())
    except VerifyFault as fault:
        small = fault.kind
    verifier = Verifier(content, limits=ContentLimits())
    try:
        verifier.feed(body)
        large: object = verifier.finish()
    except VerifyFault as fault:
        large = fault.kind
    assert small == large


@given(BODIES, st.sampled_from(sorted(KINDS)))
@example(b"\x1f", "jsonl.gz")
@settings(max_examples=300, deadline=None)
def test_any_body_is_complete_or_has_a_failure_kind(body: bytes, content: str) -> None:
    body_is_judged(body, content)


@pytest.mark.slow
@pytest.mark.timeout(600)
@given(BODIES, st.sampled_from(sorted(KINDS)))
@settings(max_examples=30_000, deadline=None)
def test_any_of_many_bodies_is_complete_or_has_a_failure_kind(body: bytes, content: str) -> None:
    body_is_judged(body, content)


LINES = [
    b'{"id": 1, "text": "some words"}', b'{"a": {"b": [1, 2.5e3, null, {}]}}', '{"ü": "\u00e9 😀"}'.encode(),
    b'{"cut": "\\ud83d"}', b"[1, [2]]", b'{"n": -0.5, "t": true}\r', b"", b"17",
]  # fmt: skip


def mutated(chance: random.Random) -> bytes:
    """Damaged JSON Lines: zeros, a flipped byte, a splice, a cut."""
    text = bytearray(b"\n".join(chance.choice(LINES) for _ in range(chance.randint(1, 8))))
    text += chance.choice([b"\n", b"\n", b"\r\n", b""])
    for _ in range(chance.choice([0, 1, 1, 2, 3])):
        start, end = sorted(chance.randint(0, len(text)) for _ in range(2))
        match chance.randrange(5):
            case 0:
                text[start:start] = b"\0" * chance.randint(1, 9)
            case 1:
                text[start : start + 1] = chance.randbytes(1)
            case 2:
                del text[start:end]
            case 3:
                text[start:start] = text[:end]
            case 4:
                del text[end:]
    return bytes(text)


def records_are_judged(seed: int) -> None:
    chance = random.Random(seed)
    text = mutated(chance)
    wanted = plainly(text)
    content = chance.choice(["jsonl", "jsonl.gz"])
    data = gzip.compress(text) if content == "jsonl.gz" else text
    cut = chance.randint(0, len(data))
    verifier = Verifier(content, limits=ContentLimits())
    seen: Content | VerifyFault
    try:
        verifier.feed(data[:cut])
        verifier.feed(data[cut:])
        seen = verifier.finish()
    except VerifyFault as fault:
        seen = fault
    if isinstance(seen, Content):
        assert (seen.records, seen.last) == (wanted.count, wanted.last)
        assert (seen.bad_records, seen.first_bad) == (wanted.bad, wanted.first)
        assert bool(seen.proof & Proof.RECORDS) is (wanted.count > 0 and not wanted.bad)
        assert verify_small(data, content, limits=ContentLimits()) == seen
        return
    with pytest.raises(VerifyFault) as caught:
        verify_small(data, content, limits=ContentLimits())
    assert caught.value.kind is seen.kind
    assert wanted.bad
    if seen.kind is FailureKind.NOT_DATA:
        assert not wanted.nested or text.lstrip().startswith(b"<")
    else:
        assert seen.kind is FailureKind.TRUNCATED
        assert plainly(text.rsplit(b"\n", 1)[-1]).bad, "it is the last line that is cut"


@given(SEEDS)
@settings(max_examples=400, deadline=None, phases=PHASES)
def test_records_are_judged_as_json_judges_them(seed: int) -> None:
    records_are_judged(seed)


@pytest.mark.slow
@pytest.mark.timeout(600)
@given(SEEDS)
@settings(max_examples=100_000, deadline=None, phases=PHASES)
def test_many_records_are_judged_as_json_judges_them(seed: int) -> None:
    records_are_judged(seed)


def answer_is_judged(emulator: Hostile, document: object) -> None:
    emulator.results = json.dumps(document).encode()
    with TemporaryDirectory() as name:
        ran = run(write_config(Path(name), emulator, settings={"retries": 0}))
        # 9: it announces more than fits on the disk.
        assert ran.code in {0, 3, 5, 6, 7, 8, 9, 12}, ran.err
        assert "Traceback" not in ran.err
        assert "unexpected" not in ran.err


@pytest.mark.slow
@pytest.mark.timeout(900)
@given(JSON | st.fixed_dictionaries({"urlList": st.lists(JSON, max_size=3)}))
@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_json_as_a_list_of_links_is_accepted_or_a_named_problem(document: object) -> None:
    with Hostile(slots=2) as emulator:
        answer_is_judged(emulator, document)


# -- job specs --------------------------------------------------------------------------------------

SCRAPS = [
    "null", "~", "no", "yes", "-1", "1e999", ".nan", "0x1F", "0o17", "1_000", "9" * 40, "2016-13-45", "2016-12-01", "0000-00-00", "9999-12-31",
    "12:30:45", "9999-12-31T23:59:59+00:01", "1d", "-1d", "99999999999999d", "20M", "1e400M", "-5K", "[]", "{}", "[[", "}", "'", '"', "|", ">", "%", "@", "`",
    "&a", "*a", "*december", "&a [*a]", "<<: *december", "<<: 3", "<<: [*december, 3]", "!!python/object/apply:os.system [x]", "!!binary ===", "!!set {a, b}", "!!int x", "!x y",
    "!!timestamp x", "!!float x", "!!bool x", "? [a]", "? {a: b}", "---", "...", "${", "${}", "$", "$$", "${A:-${B}}", "${HOME:?}", "${x y}", "\0", "\ud800",
    "\ufeff", "\u2028", "\x85", "\t", "- ", ": ", "#", "a: b: c", "http://[", "http://a:99999", "http://u:p@h", "file:///", "../../x", "/", "CON", "x" * 300, "é" * 130,
    "job: *", "version: 2", "settings:", "sources: []", "jobs: 3", "id: 5", "title: [a]", "to: from", "every: 0s", "connections: 0", "formats: [json, json]",
]  # fmt: skip


def twisted_text(text: str, chance: random.Random) -> str:
    """A configuration with a few mistakes of any kind."""
    lines = text.split("\n")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(lines))
        line, scrap = lines[at], chance.choice(SCRAPS)
        column = chance.randint(0, len(line))
        match chance.randrange(8):
            case 0:
                lines[at] = f"{line.partition(':')[0]}: {scrap}"
            case 1:
                lines[at] = line[:column] + scrap + line[column:]
            case 2:
                lines[at] = line[:column] + line[column + chance.randint(1, 5) :]
            case 3:
                lines.insert(at, chance.choice(lines))
            case 4:
                other = chance.randrange(len(lines))
                lines[at], lines[other] = lines[other], line
            case 5:
                lines[at] = " " * chance.randint(0, 4) + line.lstrip(" ")
            case 6:
                lines[at] = f"{line[: len(line) - len(line.lstrip())]}{scrap}: {line.lstrip()}"
            case _:
                lines = [*lines[:at], *lines[at + chance.randint(1, 3) :]] or [scrap]
    return "\n".join(lines)


def spec_is_judged(seed: int) -> None:
    chance = random.Random(seed)
    text = twisted_text(chance.choice(CONFIGS).read_text(), chance)
    data = text.encode("utf-8", "surrogatepass")
    names = [
        "GNIP_USERNAME",
        "GNIP_PASSWORD",
        "DATASIFT_API_KEY",
        "STOCKTWITS_URL",
        "BACKHAUL_WAIT",
    ]
    env = {name: chance.choice([*SCRAPS, "", "x"]) for name in names}
    if chance.random() < 0.1:
        data = data[: chance.randrange(len(data) + 1)] + chance.randbytes(3)
    try:
        load_text(
            data,
            folder=CONFIGS[0].parent,
            providers=lambda name: PLUGINS.load(name).info,
            env=env,
            offline=chance.random() < 0.3,
        )
    except ConfigError as error:
        refused = error
    else:
        return
    assert refused.problems
    str(refused).encode()  # it can be printed


@given(SEEDS)
@settings(max_examples=300, deadline=None, phases=PHASES)
def test_any_job_spec_is_loaded_or_refused(seed: int) -> None:
    spec_is_judged(seed)


@pytest.mark.slow
@pytest.mark.timeout(600)
@given(SEEDS)
@settings(max_examples=10_000, deadline=None, phases=PHASES)
def test_any_of_many_job_specs_is_loaded_or_refused(seed: int) -> None:
    spec_is_judged(seed)


# -- answers of APIs --------------------------------------------------------------------------------

STATUSES = [200, 200, 201, 204, 206, 301, 302, 400, 401, 403, 404, 410, 416, 418, 429, 500, 503]
VALUES: list[Any] = [
    None, True, False, 0, -1, 5, 10**30, -(10**30), 1.5, 1e308, float("nan"), float("inf"), "", "x", "0", "-1", "9" * 400, "201201010000", "2012-13-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "20:00", "\0", "\ud800", "../../x", "/etc/passwd", "http://[", "http://127.0.0.1:1/x", "file:///x", "a" * 5000, "delivered",
    "running", "succeeded", "finished", "failed", "pull", "s3", [], {}, [None], [[]], [{}], [1, "x"], {"x": None}, {"id": 3}, {"status": {}}, [[[[[[]]]]]],
]  # fmt: skip


def twisted_value(value: Any, chance: random.Random) -> Any:
    """A JSON value with one place changed, removed or duplicated."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        return twisted_object(value, chance)
    if isinstance(value, list) and value and chance.random() < 0.8:
        return twisted_list(value, chance)
    if isinstance(value, str) and value and chance.random() < 0.4:
        at = chance.randrange(len(value))
        return value[:at] + chance.choice(["", "%", "\n", "é", "9", "?", "&"]) + value[at + 1 :]
    return chance.choice(VALUES)


def twisted_object(value: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    key = chance.choice(list(value))
    if chance.random() < 0.2:
        left = {name: each for name, each in value.items() if name != key}
        renamed = {str(chance.choice(VALUES))[:50]: value[key]} if chance.random() < 0.25 else {}
        return left | renamed
    return {**value, key: twisted_value(value[key], chance)}


def twisted_list(value: list[Any], chance: random.Random) -> list[Any]:
    at = chance.randrange(len(value))
    if chance.random() < 0.2:
        return [*value, *value[at:]] if chance.random() < 0.5 else value[:at]
    return [*value[:at], twisted_value(value[at], chance), *value[at + 1 :]]


def twisted_answer(answer: Response, chance: random.Random) -> Response:
    """An API response with another status, body or header."""
    body = answer.get_data()
    for _ in range(chance.randint(1, 3)):
        try:
            body = json.dumps(twisted_value(json.loads(body), chance)).encode()
        except ValueError:
            at = chance.randint(0, len(body))
            body = body[:at] + chance.randbytes(chance.randint(0, 3)) + body[at + 1 :]
    if chance.random() < 0.1:
        body = chance.choice(
            [b"", b"\xff\xfe", b"[" * 5000, b"<html>", body[: len(body) // 2], body * 2, b"null"]
        )
    answer.set_data(body)
    if chance.random() < 0.1:
        answer.status_code = chance.choice(STATUSES)
    for name in list(answer.headers.keys()):
        if name.startswith(("X-", "Location", "Content-Type")) and chance.random() < 0.15:
            value = str(chance.choice(VALUES)).encode("ascii", "ignore").decode()
            answer.headers[name] = "".join(char for char in value if char.isprintable())
    return answer


class Twisting:
    """Placed before an emulator class: occasionally changes its API's responses."""

    chance = random.Random(0)

    def api(self, request: Request) -> Response:
        answer: Response = super().api(request)  # type: ignore[misc]  # an emulator comes next
        return twisted_answer(answer, self.chance) if self.chance.random() < 0.6 else answer


class TwistedHpt(Twisting, GnipHptEmulator):
    pass


class TwistedDatasift(Twisting, DatasiftHistoricsEmulator):
    pass


class TwistedBackup(Twisting, StocktwitsBackupEmulator):
    pass


class TwistedMeta(Twisting, MassRelevanceMetaEmulator):
    pass


# Server-side nonsense that is still blamed on the plugin; none known.
BLAMED: tuple[str, ...] = ()
KEYS: dict[str, dict[str, Any]] = {
    "datasift-historics": {"pulls_per_second": 5000.0, "patience": "0s"},
}
SCALES: dict[type[Emulator], dict[str, Any]] = {
    TwistedHpt: {"slots": 3},
    TwistedDatasift: {"pulls_per_second": 10_000.0, "budget": 10**9},
    TwistedBackup: {},
    TwistedMeta: {},
}


@contextmanager
def twisted(kind: type[Emulator]) -> Iterator[Emulator]:
    emulator = kind(**SCALES[kind]).start()
    try:
        yield emulator
    finally:
        emulator.stop()  # requests that result from its own nonsense do not matter


def answers_are_judged(emulator: Emulator, seed: int) -> None:
    chance = emulator.chance = random.Random(seed)  # type: ignore[attr-defined]  # Twisting has it
    provider = PLUGINS.load(emulator.provider)
    job_keys = chance.choice(list(emulator.jobs().values()))
    if emulator.provider == "datasift-historics":
        job_keys = {**job_keys, "poll": "0.001s"}
    source_keys = {**emulator.source(), **KEYS.get(emulator.provider, {})}
    source = provider.info.source.model_validate(
        {name: value for name, value in source_keys.items() if name != "provider"}
    )
    job = provider.info.job.model_validate(job_keys)
    begun = time.monotonic()
    for hook in range(3):
        with Http(limits=HttpLimits(connect=5, read=5, total=10, patience=0, retries=0)) as http:
            try:
                if hook == 0:
                    list(islice(provider.list_jobs(http, source), 20))
                elif hook == 1:
                    provider.get_status(http, source, job)
                else:
                    for file in islice(provider.resolve_files(http, source, job), 3):
                        if provider.pulls:
                            list(islice(provider.pull_file(http, source, job, file, None), 8))
                        else:
                            provider.fetch_file(http, source, job, file)
            except PluginError as error:
                if not any(words in str(error) for words in BLAMED):
                    raise AssertionError(f"blamed on the plugin: {error}") from error
            except BackhaulError as error:
                str(error).encode()  # it can be printed
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize("kind", usual(list(SCALES), TwistedHpt))
def test_any_api_response_is_accepted_or_a_named_problem(kind: type[Emulator]) -> None:
    with twisted(kind) as emulator:

        @given(SEEDS)
        @settings(max_examples=50, deadline=None, phases=PHASES)
        def judged(seed: int) -> None:
            answers_are_judged(emulator, seed)

        judged()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", list(SCALES))
def test_any_of_many_api_responses_is_accepted_or_a_named_problem(kind: type[Emulator]) -> None:
    with twisted(kind) as emulator:

        @given(SEEDS)
        @settings(max_examples=3000, deadline=None, phases=PHASES)
        def judged(seed: int) -> None:
            answers_are_judged(emulator, seed)

        judged()
