"""Faults that an emulator injects on request, reproducibly for a seed."""

import hashlib
import re
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import translate
from typing import Self

KINDS = {
    "429": "429 Too Many Requests; value: Retry-After in seconds",
    "500": "500 with a short text",
    "502": "502 with a short text",
    "503": "503 SlowDown; value: Retry-After in seconds",
    "504": "504 with a short text",
    "402": "402 Payment Required",
    "409": "409 Conflict",
    "421": "421 Misdirected Request",
    "423": "423 Locked",
    "425": "425 Too Early",
    "451": "451 Unavailable For Legal Reasons",
    "501": "501 Not Implemented",
    "507": "507 Insufficient Storage",
    "511": "511 Network Authentication Required",
    "drop": "closes the connection during the body; value: body bytes sent before",
    "reset": "resets the connection during the body; value: body bytes sent before",
    "truncated": "sends half of the body with a matching Content-Length",
    "corrupt": "flips some bytes in the middle",
    "bad_footer": "valid gzip, but the last line's count is wrong or the last line is missing",
    "zeros": "a block of NUL bytes inside a record of an otherwise complete file",
    "glued": "half a record with the next record after it on the same line",
    "cut_record": "a complete file that ends inside a record",
    "page_inside": "a login page, compressed like the file",
    "xml_200": "a storage error as XML, with status 200",
    "html_200": "a login page, with status 200",
    "not_found": "404 NoSuchKey",
    "denied": "403 AccessDenied",
    "expired": "403 AccessDenied, Request has expired",
    "token_expired": "400 ExpiredToken, like S3",
    "gcs_expired": "400 ExpiredToken, like Google Cloud Storage",
    "r2_expired": "403 ExpiredRequest, like R2",
    "azure_expired": "403 AuthenticationFailed, Signature not valid in the specified time frame",
    "b2_expired": "401 expired_auth_token, like B2",
    "b2_bad_token": "401 bad_auth_token, like B2",
    "gone": "410 with a page, like nginx's secure_link",
    "page_403": "403 with a page, like a CDN",
    "skewed": "403 RequestTimeTooSkewed",
    "unauthorized": "401",
    "slow": "sends slowly; value: bytes per second",
    "stall": "sends half of the body, then nothing; value: seconds",
    "changed": "drops the connection during the body; from then on, another object with another ETag",
    "no_length": "no Content-Length: the body ends with the connection",
    "weak": "drops the connection during the body, without a strong validator for a resume",
    "bare_206": "drops the connection during the body; the rest comes without the validator",
    "one_byte": "drops the connection during the body; the rest comes one byte at a time",
    "half_206": "206 with half of the file, which was not requested",
    "coded": "compresses the response: Content-Encoding: gzip",
    "brotli": "the same bytes, labelled Content-Encoding: br",
    "gzip_encoding": "the same bytes, labelled Content-Encoding: gzip",
    "redirect_loop": "302 to itself",
    "clock": "a wrong Date header; value: offset in seconds, may be negative",
}
_API_KINDS = {"unauthorized"}
_TEXT = re.compile(
    r"(?:(?P<where>api|storage)/)?(?P<kind>[a-z0-9_]+)(?:=(?P<value>-?\d+(?:\.\d+)?))?"
    r"(?::(?P<rate>\d+(?:\.\d+)?)%)?(?::(?:(?P<times>\d+)|(?P<total>\d+)x|(?P<all>all)))?"
    r"(?:@(?P<match>.+))?"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault to inject.

    Attributes:
        kind: one of ``KINDS``.
        match: glob for the object's key (also with ``_`` instead of ``/``), or for the API's path, alone
            or with ``?query``.
        times: number of requests affected per key; None for all.
        rate: fraction of keys affected, 0 to 1, chosen by a hash of seed and key; None for all.
        retry_after: seconds, for 429 and 503.
        seconds: duration of a stall or slow body; offset of the clock.
        where: ``storage`` or ``api``. An emulator without a storage injects storage faults as well.
        total: total number of requests affected; None for no limit.
        size: body bytes sent before a drop or reset; bytes per second of a slow body.
    """

    kind: str
    match: str = "*"
    times: int | None = 1
    rate: float | None = None
    retry_after: float | None = None
    seconds: float | None = None
    where: str = "storage"
    total: int | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault: {self.kind}; choose from {', '.join(KINDS)}")
        if self.where not in {"api", "storage"}:
            raise ValueError(f"a fault applies to api or storage, not to {self.where}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """``[api/]KIND[=VALUE][:RATE%][:TIMES|:TOTALx|:all][@MATCH]``. Raises ValueError."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError(
                f"invalid fault: {text!r}; use for example 503:2, 429:5% or drop@*_00_10_*"
            )
        kind = found["kind"]
        fault = cls(
            kind,
            match=found["match"] or "*",
            rate=float(found["rate"]) / 100 if found["rate"] else None,
            where=found["where"] or ("api" if kind in _API_KINDS else "storage"),
        )
        if found["times"]:
            fault = replace(fault, times=int(found["times"]))
        if found["all"] or found["total"] or kind == "clock":
            fault = replace(fault, times=None)
        if found["total"]:
            fault = replace(fault, total=int(found["total"]))
        return fault if found["value"] is None else fault.with_value(float(found["value"]))

    def with_value(self, value: float) -> Self:
        """The same fault with the value that its kind takes."""
        if self.kind in {"429", "503"}:
            return replace(self, retry_after=value)
        if self.kind in {"stall", "clock"}:
            return replace(self, seconds=value)
        if self.kind in {"drop", "reset", "slow"}:
            return replace(self, size=int(value))
        raise ValueError(f"the fault {self.kind} does not take a value")


class Faults:
    """A list of faults with hit counts; thread-safe."""

    def __init__(self, faults: Iterable[Fault] = (), *, seed: int = 1) -> None:
        self._lock = threading.Lock()
        self._seed = seed
        self._set(faults)

    @classmethod
    def parse(cls, text: str | Iterable[str], *, seed: int = 1) -> "Faults":
        """Parses faults separated by spaces or commas. Raises ValueError."""
        text = text if isinstance(text, str) else " ".join(text)
        return cls([Fault.parse(word) for word in re.split(r"[\s,]+", text) if word], seed=seed)

    def replace(self, faults: "Iterable[Fault] | Faults | str") -> None:
        """Replaces the faults and resets the counts; text is parsed."""
        if isinstance(faults, str):
            faults = Faults.parse(faults)
        self._set(faults.all if isinstance(faults, Faults) else faults)

    @property
    def all(self) -> tuple[Fault, ...]:
        """The faults."""
        return self._faults

    def hits(self, kind: str | None = None) -> int:
        """How often faults of this kind, or any, were injected."""
        with self._lock:
            return sum(
                count
                for (index, _), count in self._by_key.items()
                if kind is None or self._faults[index].kind == kind
            )

    def clock(self, where: str) -> float:
        """Seconds by which the port's Date header is wrong."""
        return sum(
            fault.seconds or 0.0
            for fault in self._faults
            if fault.kind == "clock" and fault.where == where
        )

    def pick(self, where: str | Iterable[str], *names: str) -> Fault | None:
        """The fault for this request, if any; counts it as injected.

        Args:
            where: the port of the request; several if one serves as both.
            names: the key for counting, and other names that a match may refer to.
        """
        if not self._faults:
            return None
        places = {where} if isinstance(where, str) else set(where)
        with self._lock:
            for index, fault in enumerate(self._faults):
                if fault.kind == "clock" or fault.where not in places:
                    continue
                if self._shows(index, fault, names):
                    self._by_key[index, names[0]] += 1
                    self._in_all[index] += 1
                    return fault
        return None

    def _set(self, faults: Iterable[Fault]) -> None:
        with self._lock:
            self._faults = tuple(faults)
            self._patterns = tuple(re.compile(translate(fault.match)) for fault in self._faults)
            self._by_key: Counter[tuple[int, str]] = Counter()
            self._in_all: Counter[int] = Counter()

    def _shows(self, index: int, fault: Fault, names: tuple[str, ...]) -> bool:
        if fault.match != "*" and not any(self._patterns[index].match(name) for name in names):
            return False
        if fault.times is not None and self._by_key[index, names[0]] >= fault.times:
            return False
        if fault.total is not None and self._in_all[index] >= fault.total:
            return False
        return fault.rate is None or self._share(index, names[0]) < fault.rate

    def _share(self, index: int, key: str) -> float:
        digest = hashlib.blake2b(f"{self._seed}/{index}/{key}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64
