"""Creates many small objects efficiently.

Files that cannot simply be created, because an object exists or the store fails, are left to ``publish``.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from backhaul.storage.stored import Stored
from backhaul.storage.stores.bucket import Bucket
from backhaul.storage.stores.failures import Meaning, judge
from backhaul.storage.stores.publishing import Content

SMALL: Final = 512 << 10  # bytes
_TOGETHER: Final = 16  # files that one thread sends, one after the other


class NewObject(NamedTuple):
    """A small file whose key is unused according to the listing.

    Attributes:
        name: the file's.
        key: the object's.
        content: the file.
    """

    name: str
    key: str
    content: Content


async def create(bucket: Bucket, files: Iterable[NewObject]) -> Mapping[str, Stored]:
    """Creates objects, with a single attempt each; returns those that were created, by file name."""
    work = _Work(bucket)
    some = list(files)
    slices = [some[at : at + _TOGETHER] for at in range(0, len(some), _TOGETHER)]
    try:
        await asyncio.gather(*(work.send(each) for each in slices))
    finally:
        work.over = True
    return dict(work.created)


class _Work:
    """The creation of some objects.

    Attributes:
        created: by file name.
        over: whether threads should send no more files.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self.created: dict[str, Stored] = {}
        self.over = False

    async def send(self, files: Sequence[NewObject]) -> None:
        """Sends files one after the other."""
        sizes = [each.content.size for each in files]
        calls = self._bucket.calls
        if not await calls.once(lambda: self._send(files), size=max(sizes), sends=sum(sizes)):
            self.over = True

    def _send(self, files: Sequence[NewObject]) -> list[float]:
        took = []
        for each in files:
            if self.over:
                break
            began = time.monotonic()
            try:
                self.created[each.name] = self._put(each)
            except Exception as error:  # noqa: BLE001 - ``publish`` gets the same error, and handles it
                if judge(error).meaning is not Meaning.TAKEN:
                    self.over = True
            else:
                took.append(time.monotonic() - began)
        return took

    def _put(self, each: NewObject) -> Stored:
        import obstore  # noqa: PLC0415 - an extra

        key, content = each.key, each.content
        attributes: Any = content.metadata()
        found = obstore.put(
            self._bucket.store,
            key,
            content.read(key),
            attributes=attributes,
            mode="create",
            use_multipart=False,
        )
        return Stored(each.name, content.size, found["e_tag"], content.sha256)
