"""Synthetic archives for the emulator: deterministic, generated slot by slot on demand."""

import gzip
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from random import Random

from backhaul_gnip_hpt.links import SLOT

# One is Unicode's line separator, which does not end a line of JSON Lines.
_WORDS = [
    "fog",
    "harbour",
    "goal",
    "keeper",
    "rain",
    "corner",
    "whistle",
    "stadium",
    "crowd",
    "drum",
    "anthem",
    "penalty",
    "extra",
    "time",
    "kick-off",
    "Ω",
    "⚽",
    "São\u2028Paulo",
    "été",
    "straße",
    "referee",
    "bench",
    "header",
    "volley",
    "offside",
    "banner",
    "scarf",
]
_line = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, kw_only=True)
class Archive:
    """The files of one job.

    Attributes:
        seed: the same seed and uuid give the same bytes.
        uuid: the job's.
        start: the first slot's start.
        count: number of ten-minute slots.
        silent: fraction of slots without activity, 0 to 1.
        activities: mean number of activities in a slot that has any.
        text_bytes: length of the longer part of an activity's text.
        newline: line ending.
        blank_lines: a blank line follows each activity.
        footer_as_text: the footer's count is a string.
    """

    seed: int
    uuid: str
    start: datetime
    count: int
    silent: float = 0.1
    activities: int = 25
    text_bytes: int = 120
    newline: str = "\r\n"
    blank_lines: bool = True
    footer_as_text: bool = False

    @property
    def end(self) -> datetime:
        """The last slot's end."""
        return self.start + self.count * SLOT

    @property
    def folder(self) -> str:
        """``{from8}-{to8}_{uuid}``."""
        return f"{self.start:%Y%m%d}-{self.end:%Y%m%d}_{self.uuid}"

    @property
    def slots(self) -> Iterator[datetime]:
        """Starts of the slots that have a file."""
        marks = (self.start + index * SLOT for index in range(self.count))
        return (mark for mark in marks if self.records(mark))

    def records(self, slot: datetime) -> int:
        """Number of activities in a slot; 0: silent, without a file."""
        if not self.start <= slot < self.end:
            return 0
        return _records(self, slot)

    def text(self, slot: datetime) -> bytes:
        """The file's content: one activity per line, optional blank lines, and the footer."""
        dice = Random(f"{self.seed}/{self.uuid}/{slot:%Y%m%d%H%M}/text")  # noqa: S311 - made-up data
        number = self.records(slot)
        lines = [self._activity(slot, position, number, dice) for position in range(number)]
        count = str(number) if self.footer_as_text else number
        footer = {"message": "Replay Request Completed", "sent": "2014-05-19T22:30:13+00:00"}
        lines.append(_line({"info": {**footer, "activity_count": count}}))
        between = self.newline * (2 if self.blank_lines else 1)
        return (between.join(lines) + self.newline).encode()

    def body(self, slot: datetime) -> bytes:
        """The file as stored."""
        return _body(self, slot)

    @cached_property
    def files(self) -> int:
        """Number of files."""
        return sum(1 for _ in self.slots)

    @cached_property
    def total_records(self) -> int:
        """Activities in all files."""
        return sum(map(self.records, self.slots))

    @cached_property
    def total_bytes(self) -> int:
        """Stored bytes of all files; generates each of them once."""
        return sum(len(self.body(slot)) for slot in self.slots)

    def _activity(self, slot: datetime, position: int, number: int, dice: Random) -> str:
        moment = slot + timedelta(seconds=int(600 * position / number))
        ident = 460_000_000_000_000_000 + int(moment.timestamp()) * 1_000_000 + position
        user = f"user_{dice.getrandbits(32):08x}"
        words = " ".join(dice.choices(_WORDS, k=8))
        # Random words, so that it compresses no better than real text.
        babble = urlsafe_b64encode(dice.randbytes(self.text_bytes * 3 // 4)).decode()
        return _line(
            {
                "id": f"tag:search.twitter.com,2005:{ident}",
                "objectType": "activity",
                "verb": "share" if dice.random() < 0.2 else "post",  # noqa: PLR2004 - one in five
                "postedTime": f"{moment:%Y-%m-%dT%H:%M:%S}.000Z",
                "actor": {"objectType": "person", "preferredUsername": user},
                "body": f"{words} {babble}",
                "link": f"http://twitter.com/{user}/statuses/{ident}",
                "gnip": {"matching_rules": [{"value": "worldcup", "tag": None}]},
            }
        )


@lru_cache(maxsize=4096)  # every total needs it
def _records(archive: Archive, slot: datetime) -> int:
    dice = Random(f"{archive.seed}/{archive.uuid}/{slot:%Y%m%d%H%M}")  # noqa: S311 - made-up data
    if dice.random() < archive.silent:
        return 0
    return dice.randint((archive.activities + 1) // 2, max(1, archive.activities * 3 // 2))


@lru_cache(maxsize=256)  # for totals, after a fault, in the next run
def _body(archive: Archive, slot: datetime) -> bytes:
    return gzip.compress(archive.text(slot), 1, mtime=0)
