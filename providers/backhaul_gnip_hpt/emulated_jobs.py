"""The emulator's jobs, at least one in each state, and their JSON with the API's oddities."""

from dataclasses import dataclass
from typing import Any, Literal

from backhaul_gnip_hpt.emulated_archive import Archive

_MESSAGES = {
    "opened": "Waiting on quote from Gnip.",
    "estimating": "Estimate is running.",
    "quoted": "Job quoted and awaiting customer acceptance.",
    "accepted": "Job accepted and ready to be queued.",
    "rejected": "Quote rejected by customer.",
    "running": "Job queued and being processed.",
    "completed": "Job run is over and awaits validation.",
    "delivered": "Job delivered and available for download.",
    "finished": "Job delivered and available for download.",
    "failed": "Job failed while running and is under investigation.",
}
_ACCEPTED = {"accepted", "running", "completed", "delivered", "finished", "failed"}
_NEXT = {"opened": "estimating", "estimating": "quoted", "accepted": "running"}
_STREAM_TYPE = {1: "track", 2: "track_v2"}
_PERCENT = {"estimating": 100, "quoted": 0, "running": 95, "completed": 100, "failed": 40}
_TOTALLED_SLOTS = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddities:
    """How responses differ from the documentation; by default, they do not.

    Attributes:
        numbers: ``plain``; ``text`` (``"6"``); ``null``; ``missing``.
        account_totals: the list of jobs has ``delivered``, the account's totals.
        early_spelling: ``url_list`` and so on, as in the first version.
        vendor_urls: ``jobURL`` and ``dataURL`` name the vendor's host with ``:443``, as behind a
            proxy; otherwise this server's.
        twice: number of links that are listed twice.
        miscount: number to add to ``urlCount``.
        csv_newline: line ending of results.csv.
        csv_last_newline: the last line has one, too.
        slot_totals: ``fileCount`` includes silent slots, so it exceeds the number of links.
    """

    numbers: Literal["plain", "text", "null", "missing"] = "plain"
    account_totals: bool = True
    early_spelling: bool = False
    vendor_urls: bool = False
    twice: int = 0
    miscount: int = 0
    csv_newline: str = "\n"
    csv_last_newline: bool = True
    slot_totals: bool = False

    def count(self, key: str, value: int | None) -> dict[str, Any]:
        """A numeric field in this oddity's form; omitted if there is no number."""
        if self.numbers == "missing" or value is None:
            return {}
        if self.numbers == "null":
            return {key: None}
        return {key: str(value) if self.numbers == "text" else value}


@dataclass(slots=True, kw_only=True)
class EmulatedJob:
    """A job of the emulator.

    Attributes:
        title: its title.
        status: the API's status before ``polls`` are used up.
        archive: its files.
        polls: number of status calls that still return ``running``; None: all.
        listed: whether links are listed once it is delivered; False: they have expired.
        expires: ``expiresAt`` of a delivered job.
        moves: each status call advances it by one state, until it waits for the customer.
    """

    title: str
    status: str
    archive: Archive
    polls: int | None = None
    listed: bool = True
    expires: str = ""
    moves: bool = False

    def poll(self) -> None:
        """Count a status call; the last of ``polls`` delivers the job."""
        if self.moves and self.status in _NEXT:
            self.status = _NEXT[self.status]
        elif self.status == "running" and self.polls is not None:
            self.polls -= 1
            if self.polls < 0:
                self.status = "delivered"

    @property
    def delivered(self) -> bool:
        """Whether it has results."""
        return self.status in {"delivered", "finished"}

    def decide(self, decision: str) -> bool:
        """Accept or reject the quote; False if that is not possible now."""
        if self.status != "quoted" or decision not in {"accept", "reject"}:
            return False
        self.status = f"{decision}ed"
        self.moves = True
        return True

    def summary(self, url: str, version: int, odd: Oddities) -> dict[str, Any]:
        """Its entry in the list of jobs, for this version of the API."""
        archive = self.archive
        percent = _PERCENT.get(self.status, 100 if self.delivered else None)
        return {
            "title": self.title,
            "uuid": archive.uuid,
            "jobURL": f"{url}.json",
            "status": self.status,
            "publisher": "twitter",
            "streamType": _STREAM_TYPE[version],
            "fromDate": f"{archive.start:%Y%m%d%H%M}",
            "toDate": f"{archive.end:%Y%m%d%H%M}",
            **odd.count("percentComplete", percent),
            "expiresAt": self.expires,
        }

    def document(self, account: str, url: str, version: int, odd: Oddities) -> dict[str, Any]:
        """The job object, for this version of the API."""
        summary = self.summary(url, version, odd)
        del summary["expiresAt"], summary["uuid"]
        document = summary | {
            "account": account,
            "format": "activity_streams",
            "requestedBy": "ops@example.org",
            "requestedAt": "2014-05-19T22:12:27Z",
            "statusMessage": _MESSAGES[self.status],
        }
        if self.status not in {"opened", "estimating"}:
            document["quote"] = {
                "estimatedActivityCount": 12000,
                "estimatedDurationHours": "1.0",
                "estimatedFileSizeMb": "5.0",
                "expiresAt": "2014-05-26T22:15:58Z",
            }
        if self.status in _ACCEPTED:
            document |= {"acceptedBy": "ops@example.org", "acceptedAt": "2014-05-19T22:18:45Z"}
        if self.delivered:
            document["results"] = {
                **odd.count("activityCount", self.archive.total_records),
                **odd.count(
                    "fileCount", self.archive.count if odd.slot_totals else self.archive.files
                ),
                "fileSizeMb": "5.07",
                "completedAt": "2014-05-19T22:30:13Z",
                "dataURL": f"{url}/results.json",
                "expiresAt": self.expires,
            }
        return document

    def results(self, links: list[str], suspect: str | None, odd: Oddities) -> dict[str, Any]:
        """results.json."""
        links = links + links[: odd.twice]
        size = self.archive.total_bytes if self.archive.count <= _TOTALLED_SLOTS else None
        document = {
            **odd.count("urlCount", len(links) + odd.miscount),
            "urlList": links,
            "expiresAt": self.expires,
            **odd.count("totalFileSizeBytes", size),
        }
        if suspect is not None:
            document["suspectMinutesUrl"] = suspect
        if odd.early_spelling:
            early = {"urlCount": "url_count", "urlList": "url_list"}
            early["totalFileSizeBytes"] = "total_file_size_bytes"
            return {early.get(key, key): value for key, value in document.items()}
        return document
