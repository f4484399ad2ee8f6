"""Every request to a store with every fault, through the real command; docs/failures.md shows the rows."""

import gzip
import hashlib
import random
import secrets
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from time import monotonic

import obstore
from obstore.store import S3Store
from tests.days import config, served
from tests.faulty_proxy import Asked, Fault, FaultyProxy
from tests.safety.command import Ran, run
from tests.seaweed import KEY, PRIVATE, SECRET

PATIENCE = 1.5  # seconds that the command tries, instead of 60
LARGE = "5.json.gz"


@dataclass(frozen=True, slots=True)
class Request:
    """A request of a run.

    Attributes:
        words: for the page.
        method, part: which it is: its method, and a part of its path and query.
        optional: the run ends well without it.
    """

    words: str
    method: str
    part: str
    optional: bool = False


REQUESTS: Mapping[str, Request] = {
    "lock": Request("locking the job", "PUT", "/leases/"),
    "snapshot": Request("looking for a copy of the ledger", "HEAD", "/ledgers/"),
    "left": Request("listing unfinished uploads", "GET", "uploads"),
    "list": Request("listing the objects", "GET", "list-type"),
    "small": Request("storing a small file", "PUT", "/days/3.json.gz"),
    "begin": Request("beginning a large file", "POST", f"/days/{LARGE}?uploads"),
    "part": Request("storing a part of a large file", "PUT", "partNumber="),
    "complete": Request("completing a large file", "POST", "uploadId="),
    "manifest": Request("storing the manifest", "PUT", "/days/MANIFEST"),
    "save": Request("storing a copy of the ledger", "PUT", "/ledgers/", optional=True),
    "unlock": Request("unlocking the job", "DELETE", "/leases/", optional=True),
}
FAULTS: Mapping[str, tuple[str, Fault, str]] = {
    "no bucket": ("the bucket does not exist", Fault(status=404, code="NoSuchBucket"), "store"),
    "401": ("401 without credentials", Fault(status=401), "denied"),
    "403": ("403 AccessDenied", Fault(status=403, code="AccessDenied"), "denied"),
    "full": ("507, the store is full", Fault(status=507), "store"),
    "throttled": ("503 SlowDown, lasting", Fault(status=503, code="SlowDown"), "store"),
    "500": ("500 InternalError, lasting", Fault(status=500, code="InternalError"), "store"),
    "hangs": ("never answers", Fault(wait=60), "store"),
    "reset": ("resets each connection", Fault(reset_after=1), "store"),
}
QUICK = {
    ("lock", "500"), ("snapshot", "403"), ("left", "500"), ("list", "hangs"), ("small", "full"),
    ("small", "401"), ("part", "reset"), ("complete", "throttled"), ("manifest", "500"), ("save", "hangs"),
    ("unlock", "hangs"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A fault of each request of a kind, and what it leads to.

    Attributes:
        request, fault: keys of REQUESTS and FAULTS.
    """

    request: str
    fault: str

    @property
    def kind(self) -> str | None:
        """The kind of the failure; None if the run ends well."""
        return None if REQUESTS[self.request].optional else FAULTS[self.fault][2]

    @property
    def code(self) -> int:
        """The exit code."""
        return {None: 0, "denied": 4, "store": 9}[self.kind]

    @property
    def slow(self) -> bool:
        """Whether it is a row of the long mode."""
        return (self.request, self.fault) not in QUICK


def rows() -> list[Row]:
    """All rows. A HEAD has no body that could say that the bucket is missing."""
    return [
        Row(request, fault)
        for request, fault in product(REQUESTS, FAULTS)
        if (REQUESTS[request].method, fault) != ("HEAD", "no bucket")
    ]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a fault led to.

    Attributes:
        first, second: the runs with the fault, and without it.
        seconds: of the first.
        asked: how often the request was made in the first.
        wrong: objects with wrong content, after either.
        missing: files that are not in the store in the end.
        written: everything that was written to the disk or said, at -vv.
    """

    first: Ran
    second: Ran
    seconds: float
    asked: int
    wrong: list[str]
    missing: set[str]
    written: bytes


@cache
def bodies() -> Mapping[str, bytes]:
    """A file for each day; one is sent in several requests."""
    chance = random.Random(7)
    noise = b"".join(b'"%s"\n' % chance.randbytes(5000).hex().encode() for _ in range(1800))
    found = {f"{day}.json.gz": gzip.compress(b'{"day": %d}\n' % day) for day in range(1, 8)}
    return {**found, LARGE: gzip.compress(noise, compresslevel=0)}


def play(row: Row, proxy: FaultyProxy, url: str, gone: Callable[[], None]) -> Seen:
    """Runs the command with the fault, and again without; keys are in the environment.

    Args:
        row: the fault.
        proxy: in front of the store.
        url: the store's.
        gone: called when the fault is gone.
    """
    request, (_, fault, _) = REQUESTS[row.request], FAULTS[row.fault]

    def rule(asked: Asked) -> Fault | None:
        return fault if asked.method == request.method and request.part in asked.path else None

    files = bodies()
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
        web = held.enter_context(served(folder / "www", files))
        path = folder / "home/days.yaml"
        path.parent.mkdir()
        prefix = secrets.token_hex(6)
        path.write_text(config(web, proxy.url, prefix=prefix, days=7))
        if row.request == "left":
            _leave_a_part(path.parent / f".backhaul/s3-{PRIVATE}-{prefix}/parts/days")
        proxy.rule = rule
        before = len(proxy.requests)
        since = monotonic()
        first = run(path, "-vv", "--events", str(path.parent / "events.jsonl"))
        seconds = monotonic() - since
        asked = sum(rule(each) is not None for each in proxy.requests[before:])
        wrong = _wrong(url, prefix, files)[0]
        proxy.rule = lambda _: None
        gone()
        second = run(path)
        more, missing = _wrong(url, prefix, files)
        written = b"".join(each.read_bytes() for each in path.parent.rglob("*") if each.is_file())
        output = (first.out + first.err + second.out + second.err).encode()
        return Seen(first, second, seconds, asked, wrong + more, missing, written + output)


def _leave_a_part(folder: Path) -> None:
    """As a run that was killed leaves it."""
    folder.mkdir(parents=True)
    with (folder / f"{LARGE}.part").open("wb") as part:
        part.truncate(17 << 20)


def _wrong(url: str, prefix: str, files: Mapping[str, bytes]) -> tuple[list[str], set[str]]:
    store = S3Store(
        PRIVATE,
        endpoint=url,
        access_key_id=KEY,
        secret_access_key=SECRET,
        client_options={"allow_http": True},
    )
    left, wrong = set(files), []
    for each in obstore.list(store, f"{prefix}/days").collect():
        name = each["path"].removeprefix(f"{prefix}/days/")
        if name not in files:
            continue
        left.discard(name)
        found = obstore.get(store, each["path"])
        data = bytes(found.bytes())
        digest = hashlib.sha256(data).hexdigest()
        if data != files[name] or found.attributes.get("sha256") != digest:
            wrong.append(name)
    return wrong, left


def page() -> str:
    """The rows as a table."""
    rows = [
        "## A store as the destination\n\nEach row is a test: a run through a proxy in front of a real store."
        " Whatever fails, the store holds only whole files, and the next run completes the archive. An error"
        " that may pass is retried for a minute.\n\n| fault | " + " | ".join(_heads()) + " |\n",
        "|---|" + "---|" * 2 + "\n",
    ]
    for words, _, kind in FAULTS.values():
        code = {"denied": 4, "store": 9}[kind]
        rows.append(f"| {words} | {code} (`{kind}`) | 0, with a warning |\n")
    return "".join(rows) + "\n"


def _heads() -> tuple[str, str]:
    needed = ", ".join(each.words for each in REQUESTS.values() if not each.optional)
    spare = ", ".join(each.words for each in REQUESTS.values() if each.optional)
    return f"exit code, when {needed}", f"exit code, when {spare}"
