"""A transfer that pauses continues where it was, however often."""

import gzip
import random
from pathlib import Path

import pytest
from tests.core.transfer.collecting import fetch
from tests.core.transfer.scripted import reply, scripted

from backhaul.errors import FailureKind
from backhaul.transfer import backlog
from backhaul.transfer.backlog import Backlog
from backhaul.transfer.body import IN_MEMORY
from backhaul.types import Proof

CHANCE = random.Random(5)


@pytest.mark.parametrize("size", [IN_MEMORY // 2, IN_MEMORY + (IN_MEMORY // 2)])
def test_the_rate_pauses_a_transfer_in_the_middle_of_what_libcurl_has_read(
    size: int, tmp_path: Path
) -> None:
    data = CHANCE.randbytes(size)

    with scripted(lambda _: reply(data)) as server:
        urls = {name: f"{server.url}/{name}" for name in ("a", "b", "c")}
        found = fetch(tmp_path, urls, limit_rate=2 * size)

    assert found.failures == {}
    assert {
        name: (tmp_path / f"{name}.part").read_bytes() == data for name in urls
    } == dict.fromkeys(urls, True)
    assert all(proof & Proof.LENGTH for proof in found.proofs.values())
    assert len(server.asked) == len(urls)


def test_a_broken_file_does_not_end_paused_transfers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(backlog, "_FULL", 2)  # everything pauses while data is being written
    data = CHANCE.randbytes(4 * IN_MEMORY)
    good = gzip.compress(data, compresslevel=0)
    names = ["good", *(f"broken{number}" for number in range(6)), "too"]

    with scripted(lambda asked: reply(good if "broken" not in asked.path else data)) as server:
        urls = {name: f"{server.url}/{name}" for name in names}
        found = fetch(tmp_path, urls, content="gz", connections=8, connections_per_host=8)

    assert {name: failure.kind for name, failure in found.failures.items()} == dict.fromkeys(
        names[1:-1], FailureKind.NOT_DATA
    )
    assert found.proofs.keys() == {"good", "too"}


def test_transfers_resume_as_far_as_there_is_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "_FULL", 100)
    waiting = Backlog()
    resumed: list[str] = []
    waiting.add(150)
    assert waiting.full
    for name in "abc":
        waiting.pause(lambda name=name: (resumed.append(name), waiting.add(60))[0], name)

    waiting.done(80)
    assert resumed == [], "there is some room, but it is not worth it yet"
    waiting.done(40)
    assert resumed == ["a", "b"]
    waiting.done(140)
    assert resumed == ["a", "b", "c"]


def test_only_the_transfer_of_a_broken_file_is_resumed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backlog, "_FULL", 100)
    waiting = Backlog()
    resumed: list[str] = []
    waiting.add(200)
    for name in ("good", "broken"):
        waiting.pause(lambda name=name: resumed.append(name), name)

    waiting.done(10, broken="broken")

    assert resumed == ["broken"]
