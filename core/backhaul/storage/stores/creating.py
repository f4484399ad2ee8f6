"""Creates many small objects efficiently.

Files that cannot simply be created, because an object exists or the store fails, are left to ``publish``.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from backhaul.storage.stored import Stored
from backhaul.storage.stores.bucket import Bucket
from backhaul.storage.stores.failures import Meaning, judge
from backhaul.storage.stores.gate import MOST
from backhaul.storage.stores.publishing import Content

SMALL: Final = 512 << 10  # bytes
_TOGETHER: Final = 16  # files that one thread sends, one after the other
_TURN: Final = (
    0.1  # seconds after which it lets others have a turn: a distant store needs many at once
)


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
    work = _Work(bucket, files)
    try:
        await asyncio.gather(*(work.send() for _ in range(min(MOST, len(work.left)))))
    finally:
        work.over = True
    return dict(work.created)


class _Work:
    """The creation of some objects.

    Attributes:
        left: files that no thread sends yet.
        created: by file name.
        over: whether threads should send no more files.
    """

    def __init__(self, bucket: Bucket, files: Iterable[NewObject]) -> None:
        self._bucket = bucket
        self.left = deque(files)
        self.created: dict[str, Stored] = {}
        self.over = False
        self._largest = max((each.content.size for each in self.left), default=0)

    async def send(self) -> None:
        """Sends files, a few at a time, until none is left."""
        calls, size = self._bucket.calls, self._largest
        while self.left and not self.over:
            if not await calls.once(self._send, size=size, sends=_TOGETHER * size):
                self.over = True

    def _send(self) -> list[float]:
        """Sends a few files, one after the other; returns how long each took."""
        took: list[float] = []
        while not self.over and len(took) < _TOGETHER and sum(took) < _TURN:
            try:
                each = self.left.popleft()
            except IndexError:
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
