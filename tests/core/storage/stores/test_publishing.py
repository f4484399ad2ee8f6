"""Which file may get which key: created, adopted, replaced conditionally, or refused."""

import gzip
import hashlib
import io
import os
from pathlib import Path

import pytest
from tests.core.storage.stores.remote import location, remote
from tests.faulty_proxy import Asked, Fault, faulty_proxy
from tests.seaweed import PRIVATE, Store
from tests.usual import usual

from backhaul.errors import FailureKind
from backhaul.oserrors import StoreError
from backhaul.storage.destination import Destination, Staged
from backhaul.storage.folder import JobFolder
from backhaul.storage.object_store import ObjectStore
from backhaul.storage.sizes import Sizes

LARGE = os.urandom(1 << 20) * 21 + b"the end"  # 21 MB: at least three requests
OTHER = LARGE[:-1] + b"!"


def test_stores_and_folders_are_destinations() -> None:
    """For type checkers and readers."""
    store: type[Destination] = ObjectStore
    folder: type[Destination] = JobFolder
    assert store is not folder


@pytest.mark.parametrize(
    "data", usual([b"", b"small", LARGE], b"", b"small"), ids=["empty", "small", "large"]
)
def test_a_verified_file_becomes_an_object_with_its_digest(
    weed: Store, tmp_path: Path, data: bytes
) -> None:
    with remote(location(weed.url, tmp_path)) as far:
        staged = far.stage("2014/01/a b+%é.gz", data)._replace(records=7, proof="length+container")

        assert far.store.publish([staged]) == []

        assert far.read(staged.name) == data
        found = far.store.stat(staged.name)
        assert found is not None
        assert found.sha256 == hashlib.sha256(data).hexdigest()
        assert (found.size, found.records, found.proof) == (len(data), 7, "length+container")
        assert far.store.etag(staged.name) == found.etag is not None
        assert far.store.size(staged.name) == len(data)
        assert far.parts.part_length(staged.name) is None, "the part was dropped"
        assert far.store.holds(staged.name, found.sha256)
        assert not far.store.holds(staged.name, "0" * 64)
    with remote(far.dest) as again:
        assert list(again.store.listing()) == [staged.name]
        assert again.store.size(staged.name) == len(data)
        assert not again.store.was_empty


@pytest.mark.parametrize("data", usual([b"small", LARGE], b"small"), ids=["small", "large"])
def test_an_object_with_the_same_digest_is_adopted_without_a_put(
    weed: Store, tmp_path: Path, data: bytes
) -> None:
    with faulty_proxy(weed.url) as proxy, remote(location(proxy.url, tmp_path)) as far:
        far.put("a.gz", data)
        sent = proxy.count("PUT")
        far.put("a.gz", data)
        with remote(far.dest) as again:
            again.put("a.gz", data)
        assert proxy.count("PUT") == sent


@pytest.mark.parametrize("data", usual([b"other", OTHER], b"other"), ids=["small", "large"])
@pytest.mark.parametrize("listed", [True, False])
def test_an_object_unknown_to_the_ledger_is_kept(
    weed: Store, tmp_path: Path, data: bytes, *, listed: bool
) -> None:
    with remote(location(weed.url, tmp_path)) as far:
        if not listed:
            assert far.store.was_empty
        weed.put(PRIVATE, f"{far.dest.prefix}/job/a.gz", b"somebody's")

        ((name, error),) = far.store.publish([far.stage("a.gz", data), far.stage("b.gz", b"b")])[:1]

        assert (name, far.read("a.gz"), far.read("b.gz")) == ("a.gz", b"somebody's", b"b")
        assert isinstance(error, StoreError)
        assert error.kind is FailureKind.STORE
        assert error.strerror is not None
        assert f"{far.store.url}/a.gz has other content (10 bytes)" in error.strerror
        assert "is not in this archive's ledger; it is kept" in error.strerror
        assert far.parts.part_length("a.gz") is None


@pytest.mark.parametrize("data", usual([b"new", OTHER], b"new"), ids=["small", "large"])
def test_a_known_version_is_replaced_on_condition_of_the_etag_that_was_seen(
    weed: Store, tmp_path: Path, data: bytes
) -> None:
    with remote(location(weed.url, tmp_path)) as far:
        far.put("a.gz", b"old")
        far.put("a.gz", data, known=True)
        assert far.read("a.gz") == data

        weed.put(PRIVATE, f"{far.dest.prefix}/job/a.gz", b"somebody's")
        ((_, error),) = far.store.publish([far.stage("a.gz", b"newest", known=True)])
        assert far.read("a.gz") == b"somebody's"
        assert "was changed by another program; it is kept" in str(error)


def test_a_known_object_that_is_gone_is_created(weed: Store, tmp_path: Path) -> None:
    with remote(location(weed.url, tmp_path)) as far:
        far.put("a.gz", b"old")
        far.bucket.calls.run(far.bucket.delete(f"{far.dest.prefix}/job/a.gz"))
        far.put("a.gz", b"new", known=True)
        assert far.read("a.gz") == b"new"


def test_without_overwrite_a_taken_name_raises_and_the_part_stays(
    weed: Store, tmp_path: Path
) -> None:
    with remote(location(weed.url, tmp_path)) as far:
        far.put("q/0001.gz", b"first")
        staged = far.stage("q/0001.gz", b"second", known=True)
        with pytest.raises(FileExistsError):
            far.store.publish([staged], overwrite=False)
        assert far.read("q/0001.gz") == b"first"
        assert far.parts.part_length("q/0001.gz") == len(b"second")


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
def test_a_part_that_changed_after_it_was_verified_is_not_stored(
    weed: Store, tmp_path: Path, data: bytes
) -> None:
    with remote(location(weed.url, tmp_path)) as far:
        staged = far.stage("a.gz", data)
        far.parts.drop_part("a.gz")
        far.on_disk("a.gz", data[:-1] + b"?")
        ((_, error),) = far.store.publish([staged])
        assert "changed after it was verified" in str(error)
        assert far.store.stat("a.gz") is None


def test_names_that_no_key_can_have_are_refused_alone(weed: Store, tmp_path: Path) -> None:
    long = "/".join(["x" * 200] * 6)
    with remote(location(weed.url, tmp_path)) as far:
        bad = [far.stage(name, b"x") for name in ("a\x7fb", long)]
        refused = far.store.publish([*bad, far.stage("good", b"good")])
        assert far.read("good") == b"good"
        assert [name for name, _ in refused] in ([], ["a\x7fb"], [long], ["a\x7fb", long])
        for name in {"a\x7fb", long} - {name for name, _ in refused}:
            assert far.read(name) == b"x"


def test_a_lost_response_is_not_a_conflict(weed: Store, tmp_path: Path) -> None:
    lost: list[str] = []

    def lose(asked: Asked) -> Fault | None:
        """Breaks the first response to each request that changes an object."""
        step = f"{asked.method} {asked.path} {asked.headers.get('if-match')}"
        if asked.method not in {"PUT", "POST"} or step in lost or "uploads" in asked.path:
            return None
        lost.append(step)
        return Fault(lost=True)

    with faulty_proxy(weed.url, lose) as proxy, remote(location(proxy.url, tmp_path)) as far:
        far.put("small.gz", b"small")
        far.put("small.gz", b"small too", known=True)
        far.put("large.gz", LARGE)
        with far.store.document("MANIFEST.jsonl") as document:
            document.write(b"{}\n")
            document.commit()
        assert far.read("small.gz") == b"small too"
        assert far.read("large.gz") == LARGE
        assert far.read("MANIFEST.jsonl") == b"{}\n"
    assert len(lost) == 2 + 3 + 1 + 1, "small files, parts, completion, document"


def test_an_interrupted_upload_leaves_nothing_visible_and_clean_removes_the_rest(
    weed: Store, tmp_path: Path
) -> None:
    def fail(asked: Asked) -> Fault | None:
        whole = "partNumber=2" in asked.path or asked.method == "DELETE"
        return Fault(status=403, code="AccessDenied") if whole else None

    with faulty_proxy(weed.url, fail) as proxy, remote(location(proxy.url, tmp_path)) as far:
        with pytest.raises(StoreError, match="AccessDenied") as caught:
            far.put("a.gz", LARGE)
        assert caught.value.kind is FailureKind.DENIED
        assert far.store.stat("a.gz") is None
        assert far.parts.part_length("a.gz") == len(LARGE), "the next run sends it"
        proxy.rule = lambda _: None
        far.store.clean()
        assert proxy.count("DELETE", "uploadId=") >= 1
        before = proxy.count("DELETE")
        far.store.clean()
        assert proxy.count("DELETE") == before, "nothing is left"
        far.put("a.gz", LARGE)
        assert far.read("a.gz") == LARGE


def test_documents_are_uploaded_only_when_they_change(weed: Store, tmp_path: Path) -> None:
    with faulty_proxy(weed.url) as proxy, remote(location(proxy.url, tmp_path)) as far:

        def write(data: bytes) -> object:
            with far.store.document("SHA256SUMS") as document:
                document.write(data[:5])
                document.write(data[5:])
                document.commit()
            return far.store.stamp("SHA256SUMS")

        assert far.store.stamp("SHA256SUMS") is None
        first = write(b"one two three")
        assert write(b"one two three") == first
        assert proxy.count("PUT") == 1
        assert write(b"something else") != first
        assert write(LARGE) != first
        assert far.read("SHA256SUMS") == LARGE
        with far.store.document("SHA256SUMS") as document:
            document.withdraw()
        assert far.store.stamp("SHA256SUMS") is None
        assert far.store.stat("SHA256SUMS") is None


def test_reading_seeks_in_ranges_and_continues_a_broken_stream(weed: Store, tmp_path: Path) -> None:
    def cut(asked: Asked) -> Fault | None:
        big = asked.method == "GET" and asked.path.endswith("/a.gz")
        return Fault(cut=(3 << 20) + 5) if big and asked.number % 2 == 0 else None

    with faulty_proxy(weed.url) as proxy, remote(location(proxy.url, tmp_path)) as far:
        far.put("a.gz", LARGE)
        far.put("b.gz", gzip.compress(b"one\ntwo\n"))
        proxy.rule = cut
        assert far.read("a.gz") == LARGE
        with far.store.open("a.gz") as file:
            file.seek(-7, io.SEEK_END)
            assert file.read() == b"the end"
            file.seek(1 << 20)
            assert file.read(10) == LARGE[1 << 20 : (1 << 20) + 10]
            assert file.tell() == (1 << 20) + 10
        with far.store.open("b.gz") as file, gzip.open(file) as lines:
            assert lines.read() == b"one\ntwo\n"
        with pytest.raises(FileNotFoundError):
            far.store.open("missing")


def test_an_object_that_is_replaced_while_it_is_read_is_not_spliced(
    weed: Store, tmp_path: Path
) -> None:
    with remote(location(weed.url, tmp_path)) as far:
        far.put("a.gz", LARGE)
        with far.store.open("a.gz") as file:
            file.read(10)
            far.put("a.gz", OTHER, known=True)
            with pytest.raises(StoreError, match="was replaced while it was being read"):
                file.seek(15 << 20) and file.read(10)


def test_objects_are_listed_by_folder_moved_and_removed(weed: Store, tmp_path: Path) -> None:
    with remote(location(weed.url, tmp_path)) as far, remote(far.dest, job="job2") as beside:
        beside.put("z", b"z")
        assert far.store.was_empty
        for name in ("2014/a.gz", "2014/b/c.gz", "top.gz"):
            far.put(name, b"data")
        assert far.store.was_empty, "when it was listed"
        assert list(far.store.listing()) == ["2014/a.gz", "2014/b/c.gz", "top.gz"]
        assert list(far.store.listing("2014/")) == ["2014/a.gz", "2014/b/c.gz"]
        assert list(far.store.beside("2014/x")) == ["2014/a.gz"]
        assert list(far.store.beside("x")) == ["top.gz"]
        far.store.adopt("top.gz", "2014/top.gz")
        assert far.store.size("top.gz") is None
        assert far.read("2014/top.gz") == b"data"
        far.store.remove("2014/top.gz")
        far.store.remove("2014/top.gz")
        assert far.store.stat("2014/top.gz") is None


def test_a_part_without_a_digest_is_measured(weed: Store, tmp_path: Path) -> None:
    with remote(location(weed.url, tmp_path)) as far:
        far.stage("a.gz", b"data")
        assert far.store.publish([Staged("a.gz")]) == []
        found = far.store.stat("a.gz")
        assert found is not None
        assert found.sha256 == hashlib.sha256(b"data").hexdigest()
        far.stage("a.gz", b"data")
        far.store.finish("a.gz")
        assert far.parts.part_length("a.gz") is None


def test_a_part_in_the_workspace_shows_that_a_file_is_partly_there(
    weed: Store, tmp_path: Path
) -> None:
    with remote(location(weed.url, tmp_path)) as far:
        far.put("2014/a.gz", b"whole")
        assert Sizes(far.store)("2014/b.gz.part.json") is None
        far.parts.write_sidecar("2014/b.gz", b"{}")
        assert sorted(far.store.beside("2014/b.gz")) == ["2014/a.gz", "2014/b.gz.part.json"]
        assert Sizes(far.store)("2014/b.gz.part.json") == 2
        assert list(far.store.listing()) == ["2014/a.gz"]


def test_without_a_large_part_there_is_nothing_to_clean(weed: Store, tmp_path: Path) -> None:
    with faulty_proxy(weed.url) as proxy, remote(location(proxy.url, tmp_path)) as far:
        far.stage("a.gz", b"small")
        far.store.clean()
        assert proxy.requests == []
