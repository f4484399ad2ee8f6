"""What goes to workers and comes back is the same at the other side."""

import pickle
from dataclasses import replace
from datetime import UTC, datetime

from backhaul import Content, Proof, RemoteFile, Request
from backhaul.errors import FailureKind
from backhaul.transfer.executor import WorkUnit
from backhaul.transfer.outcome import Done, Failed, Retrying, Stale, Unchanged, Withdrawn
from backhaul.transfer.processes.packing import pack, unpack
from backhaul.transfer.processes.plain import plain_unit, unit_of
from backhaul.transfer.unit import Failure, Transfer

TRANSFER = Transfer(
    "0:job",
    RemoteFile(
        "a/b.json.gz",
        "http://127.0.0.1/b?sig=1",
        start=datetime(2015, 1, 1, tzinfo=UTC),
        size=12,
        checksum="md5:" + "0" * 32,
        meta={"page": [1, 2]},
        aliases=("old",),
        footer_lines=1,
    ),
    Request("http://127.0.0.1/b?sig=1", headers={"X-Key": "value"}, missing=(404, 410)),
    priority=3,
    listing_round=2,
    good_until=1e9,
    validator='"etag"',
)


def test_a_unit_survives_packing() -> None:
    plain = TRANSFER.request
    other = TRANSFER._replace(file=RemoteFile("c"), request=replace(plain, ranges=False))
    unit = WorkUnit("0:job", (TRANSFER, other), frozenset({"c"}))
    assert unit_of(pickle.loads(pickle.dumps(plain_unit(unit)))) == unit


def test_outcomes_survive_packing_except_for_what_only_a_check_needs() -> None:
    content = Content(
        size=3, sha256="a" * 64, records=2, last=b"{}", document=b"[]", proof=Proof.CONTAINER
    )
    failure = Failure(kind=FailureKind.THROTTLED, message="HTTP 429", retry_after=2.0)
    outcomes = [
        Done(TRANSFER, content, '"etag"', 5, True, ("a remark",)),
        Failed(TRANSFER, failure),
        Retrying(TRANSFER, failure, 0.5),
        Stale(TRANSFER, failure, 7),
        Unchanged(TRANSFER),
        Withdrawn("0:job", frozenset({"d"}), frozenset({"d"}), given_back=True),
    ]
    sent = pickle.loads(pickle.dumps(pack(outcomes)))
    found = unpack(
        sent, lambda job, name: TRANSFER if (job, name) == ("0:job", "a/b.json.gz") else None
    )
    first = outcomes[0]
    assert isinstance(first, Done)
    assert found == [
        first._replace(content=replace(content, last=b"", document=None)),
        *outcomes[1:],
    ]
    assert unpack(sent, lambda *_: None) == outcomes[-1:]
