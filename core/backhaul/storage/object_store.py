"""An object store as a destination; needs the extra ``stores``."""

import asyncio
import errno
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, cast

from backhaul.oserrors import StoreError
from backhaul.storage.destination import F, Refused, Staged
from backhaul.storage.location import Location
from backhaul.storage.opening import regular
from backhaul.storage.stored import CONTENT, FOOTER, PROOF, RECORDS, Stored
from backhaul.storage.stores import bucket as buckets
from backhaul.storage.stores.bucket import Bucket
from backhaul.storage.stores.copies import Copies
from backhaul.storage.stores.copying import Copied
from backhaul.storage.stores.creating import SMALL, NewObject, create
from backhaul.storage.stores.documents import StoreDocument
from backhaul.storage.stores.failures import RefusedError
from backhaul.storage.stores.index import Index
from backhaul.storage.stores.leases import StoreLease, workspace_id
from backhaul.storage.stores.multipart import Multipart
from backhaul.storage.stores.publishing import LARGE, Content, LargeUpload, measured, publish
from backhaul.storage.stores.read_ahead import ReadAhead
from backhaul.storage.stores.reading import ObjectReader
from backhaul.storage.workspace import SIDECAR, Workspace

_BLOCK: Final = 1 << 20


def open_store(dest: Location, job: str, workspace: Workspace | None) -> "ObjectStore":
    """Opens a job's prefix of an object store; contacts no server yet.

    Args:
        dest: the archive.
        job: the job's name.
        workspace: contains the parts to publish; None for read-only access.

    Raises:
        ConfigError: obstore or botocore is not installed, or an option is invalid.
    """
    bucket = buckets.acquire(dest)
    return ObjectStore(bucket, job, workspace)


class ObjectStore:
    """The published files of one job in an object store; see Destination.

    Existing objects are listed once, on first use.
    """

    def __init__(self, bucket: Bucket, job: str, workspace: Workspace | None) -> None:
        self._bucket = bucket
        self._job = job
        self._prefix = bucket.key(job)
        self._partial = bucket.dest.parts(job)
        self._workspace = workspace
        self._ahead = ReadAhead(bucket, self._prefix)
        self._found: Index | None = None
        self._copies: Copies | None = None
        self._was_empty = self._closed = False
        self._large: LargeUpload = (
            Multipart(bucket, self._prefix) if bucket.dest.scheme == "s3" else Copied(bucket, job)
        )

    @property
    def url(self) -> str:
        return self._bucket.where(self._prefix)

    @property
    def is_remote(self) -> bool:
        """True: publishing takes long."""
        return True

    @property
    def was_empty(self) -> bool:
        """Whether there were no objects when they were listed."""
        _ = self._index  # lists them
        return self._was_empty

    @property
    def _index(self) -> Index:
        if self._found is None:
            with ExitStack() as opened:
                found = Index()
                opened.callback(found.close)
                self._bucket.calls.run(self._list(found))
                self._was_empty = found.empty
                self._found = found
                opened.pop_all()
        return self._found

    async def _list(self, index: Index) -> None:
        skipped = len(self._prefix) + 1
        async for page in self._bucket.pages(self._prefix):
            index.add(each._replace(name=each.name[skipped:]) for each in page)

    @property
    def _parts(self) -> Workspace:
        if self._workspace is None:
            raise StoreError(f"{self.url} was opened read-only")
        return self._workspace

    def check(self) -> None:
        """Raises LockedError if another workspace has taken over the job."""
        lease = self._bucket.leases.get(self._job)
        if lease is not None:
            lease.check()

    def free(self) -> None:
        """None: a store does not say."""

    def size(self, name: str) -> int | None:
        """Size of an object, or of the sidecar of a part; None if it does not exist."""
        if name.endswith(SIDECAR):
            local = regular(self._partial / name)
            return None if local is None else local.st_size
        found = self._index.get(name)
        return None if found is None else found.size

    def etag(self, name: str) -> str | None:
        """An object's ETag, as listed or as published since."""
        found = self._index.get(name)
        return None if found is None else found.etag

    def stat(self, name: str) -> Stored | None:
        """The store's current metadata of an object, with its sha256; None if it does not exist."""
        found = self._bucket.calls.run(self._bucket.stat(self._key(name)))
        return None if found is None else found._replace(name=name)

    def kept(self, names: Sequence[str]) -> Sequence[Stored | None]:
        """The store's current metadata of some objects."""

        async def stat_all() -> list[Stored | None]:
            keys = map(self._key, names)
            return await asyncio.gather(*(self._bucket.stat(key) for key in keys))

        found = self._bucket.calls.run(stat_all())
        return [
            None if each is None else each._replace(name=name)
            for name, each in zip(names, found, strict=True)
        ]

    def digest(self, name: str) -> str | None:
        """The sha256 that an object was published with, else its ETag; None if it does not exist."""
        found = self.stat(name)
        return None if found is None else found.sha256 or found.etag or ""

    def holds(self, name: str, sha256: str | None) -> bool:
        """Whether an object has this content: by the digest it was published with, else by reading."""
        found = self.stat(name)
        if found is not None and found.sha256 is not None:
            return found.sha256 == sha256
        digest = hashlib.sha256()
        with self.open(name) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest() == sha256

    def ahead(self, files: Iterable[F]) -> Iterator[F]:
        return self._ahead.over(files)

    def open(self, name: str) -> BinaryIO:
        fetched = self._ahead.opened(name)
        if fetched is not None:
            return fetched
        return cast("BinaryIO", ObjectReader(self._bucket, self._key(name)))

    def listing(self, prefix: str = "") -> Iterator[str]:
        """Names of all objects with a prefix, sorted."""
        return self._index.names(prefix)

    def beside(self, name: str) -> Iterator[str]:
        """Names of all objects, and sidecars of parts, in the folder that a file of that name belongs in."""
        folder = name.rpartition("/")[0]
        start = f"{folder}/" if folder else ""
        yield from (each for each in self._index.names(start) if "/" not in each[len(start) :])
        with suppress(FileNotFoundError, NotADirectoryError):
            found = [each.name for each in (self._partial / folder).iterdir()]
            yield from (start + each for each in found if each.endswith(SIDECAR))

    def refuse_others(self, name: str) -> None:
        """Nothing to do: a key can only belong to an object."""

    def settle(self, name: str) -> None:
        """Nothing to do: objects are durable."""

    def adopt(self, alias: str, name: str) -> None:
        self.check()
        if self._index.get(name) is not None:
            raise StoreError(f"{self._bucket.where(self._key(name))} exists and is kept")
        self._bucket.calls.run(self._moved(alias, name))
        found = self.stat(name)
        if found is not None:
            self._index.add([found])
        self._index.drop(alias)

    async def _moved(self, alias: str, name: str) -> None:
        await self._bucket.copy(self._key(alias), self._key(name), overwrite=True)
        await self._bucket.delete(self._key(alias))

    def publish(self, staged: Sequence[Staged], *, overwrite: bool = True) -> list[Refused]:
        """Uploads verified parts, several at once, and drops them; see Destination.

        Raises:
            LockedError: see ``check``; nothing was stored.
            StoreError: the store cannot be used; parts that were not stored are kept.
            FileExistsError: without ``overwrite``, a name has other content.
        """
        self.check()
        index = self._index
        results = self._bucket.calls.run(self._publish(index, staged, overwrite=overwrite))
        done: list[Stored] = []
        refused: list[Refused] = []
        fatal: BaseException | None = None
        for each in staged:
            result = results[each.name]
            if isinstance(result, Stored):
                done.append(result._replace(name=each.name))
                self._parts.drop_part(each.name)
            elif isinstance(result, RefusedError) and overwrite:
                refused.append((each.name, result))
                self._parts.drop_part(each.name)
            elif isinstance(result, RefusedError):
                fatal = FileExistsError(errno.EEXIST, result.strerror)
            elif isinstance(result, FileNotFoundError):
                refused.append((each.name, result))
            else:
                fatal = result
        index.add(done)
        if fatal is not None:
            raise fatal
        return refused

    def create(self, staged: Sequence[Staged]) -> list[Stored | OSError]:
        """Uploads verified parts under new names, without listing existing objects, and drops them.

        For a process that does not hold the job's lease. Returns, for each part, the object, or why it
        was not stored: there may be an object with other content.
        """
        index = self._found = self._found or Index()
        results = self._bucket.calls.run(self._publish(index, staged, overwrite=False))
        found: list[Stored | OSError] = []
        for each in staged:
            result = results[each.name]
            if not isinstance(result, Stored | OSError):
                raise result
            self._parts.drop_part(each.name)
            found.append(result._replace(name=each.name) if isinstance(result, Stored) else result)
        return found

    def created(self, found: Sequence[Stored]) -> None:
        """Notes objects that another process has stored."""
        self._index.add(found)

    async def _publish(
        self, index: Index, staged: Sequence[Staged], *, overwrite: bool
    ) -> Mapping[str, Stored | BaseException]:
        created = await create(self._bucket, self._new(index, staged))
        rest = [each for each in staged if each.name not in created]
        results = await asyncio.gather(
            *(self._publish_one(index, each, overwrite=overwrite) for each in rest),
            return_exceptions=True,
        )
        return {**created, **{each.name: found for each, found in zip(rest, results, strict=True)}}

    def _new(self, index: Index, staged: Sequence[Staged]) -> Iterator[NewObject]:
        """The small files that do not exist yet."""
        for each in staged:
            if (
                each.size is not None
                and each.size <= SMALL
                and each.sha256 is not None
                and index.get(each.name) is None
            ):
                content = self._content(each, each.size, each.sha256)
                yield NewObject(each.name, self._key(each.name), content)

    def _content(self, each: Staged, size: int, sha256: str) -> Content:
        parts, name = self._parts, each.name
        read = partial(parts.read_part, name)
        return Content(read, size, sha256, self._attributes(each), parts.held(name))

    async def _publish_one(self, index: Index, each: Staged, *, overwrite: bool) -> Stored:
        parts, name = self._parts, each.name
        size, sha256 = each.size, each.sha256
        if size is None or sha256 is None:
            with parts.read_part(name) as file:
                size, sha256 = measured(file)
        return await publish(
            self._bucket,
            self._large,
            self._key(name),
            self._content(each, size, sha256),
            seen=index.get(name),
            known=each.known and overwrite,
        )

    def _attributes(self, each: Staged) -> Mapping[str, str]:
        found = {}
        if each.records is not None:
            found[RECORDS] = str(each.records)
        if each.proof:
            found[PROOF] = each.proof
        if each.content:
            found[CONTENT] = each.content
        if each.footer_lines:
            found[FOOTER] = str(each.footer_lines)
        options = self._bucket.dest.store
        if options is not None and options.storage_class is not None:
            found["Storage-Class"] = options.storage_class
        return found

    def finish(self, name: str) -> None:
        """Removes the part of a file whose publication was interrupted after it was stored."""
        size = self.size(name)
        if size is not None and self._parts.part_length(name) == size:
            self._parts.drop_part(name)

    def document(self, name: str) -> StoreDocument:
        return StoreDocument(
            lambda content: self._put_document(name, content), lambda: self.remove(name)
        )

    def _put_document(self, name: str, content: Content) -> None:
        self.check()
        index = self._index
        found = self._bucket.calls.run(
            publish(
                self._bucket,
                self._large,
                self._key(name),
                content,
                seen=index.get(name),
                known=True,
            )
        )
        index.add([found._replace(name=name)])

    def stamp(self, name: str) -> object:
        """Size and ETag of a document; None if it does not exist."""
        found = self._index.get(name)
        return None if found is None else [found.size, found.etag]

    def sync(self) -> None:
        """Nothing to do: objects are durable."""

    def remove(self, name: str) -> None:
        """Removes an object, if it exists."""
        self.check()
        if self._index.get(name) is not None:
            self._bucket.calls.run(self._bucket.delete(self._key(name)))
            self._index.drop(name)

    def remove_empty(self) -> None:
        """Nothing to do: a prefix without objects does not exist."""

    def clean(self) -> None:
        """Removes what interrupted uploads of this job left behind. Only while the job is locked.

        Only large files are uploaded in several steps, and their parts are kept until the upload is
        complete: if there are no parts, there is nothing to ask the store for.
        """
        if any((self._parts.part_length(name) or 0) > LARGE for name, _ in self._parts.parts()):
            self._bucket.calls.run(self._large.clean())

    def lease(self) -> StoreLease:
        """Locks the job for the workspace; the caller holds its local lock. Raises LockedError."""
        return StoreLease(self._bucket, self._job, workspace_id(self._bucket.dest.workspace))

    def local_path(self, name: str) -> Path:
        """A copy of an object in the workspace; removed by ``close``, or once there are 1 GiB of newer ones."""
        if self._copies is None:
            self._copies = Copies(self._bucket.dest.workspace)
        with self.open(name) as file:
            return self._copies.copy(name, file)

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}"

    def close(self) -> None:
        """Closes the destination; the last one of an archive ends its connections."""
        if self._copies is not None:
            self._copies.close()
            self._copies = None
        if self._found is not None:
            self._found.close()
            self._found = None
        if not self._closed:
            self._closed = True
            buckets.release(self._bucket)
