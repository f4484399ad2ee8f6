"""The location of an archive: a local folder, or a prefix in an object store."""

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Self
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from backhaul.storage.store_options import StoreOptions

SCHEMES: Final = ("s3", "gs", "az")
_STARTS: Final = tuple(f"{scheme}://" for scheme in SCHEMES)
STATE: Final = ".backhaul"  # the folder of the ledger, leases and parts
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_LONG = 150  # characters of a workspace's name
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_EXAMPLE = "should be a folder, or a URL such as s3://bucket/prefix"


class Location(NamedTuple):
    """An archive's location. Hashable and picklable; ``str`` gives the URL, for messages.

    Attributes:
        url: a folder's path, or ``s3://bucket/prefix`` (``gs://``, ``az://``) without a slash at the
            end.
        workspace: a local folder for what is not in the archive itself: ledger, lock files, rejected
            bodies, and the parts of a store's files.
        store: the store's options in addition to its URL; None for a folder.
    """

    url: str
    workspace: Path
    store: "StoreOptions | None" = None

    def __str__(self) -> str:
        return self.url

    @classmethod
    def of_folder(cls, path: Path) -> Self:
        """A folder on this machine."""
        return cls(str(path), path / STATE)

    @property
    def is_remote(self) -> bool:
        """Whether it is an object store: each call is a round trip, and other machines may write to it."""
        return is_store(self.url)

    @property
    def folder(self) -> Path | None:
        """The folder; None for a store."""
        return None if is_store(self.url) else Path(self.url)

    def parts(self, job: str) -> Path:
        """The local folder of a job's parts; it may not exist yet."""
        return (self.folder or self.workspace / "parts") / job

    @property
    def disk(self) -> Path:
        """A folder on the disk that the parts of files are on."""
        return self.folder or self.workspace

    @property
    def scheme(self) -> str:
        """``s3``, ``gs`` or ``az``; empty for a folder."""
        return urlsplit(self.url).scheme if is_store(self.url) else ""

    @property
    def bucket(self) -> str:
        """The bucket, or container; empty for a folder."""
        return urlsplit(self.url).netloc if is_store(self.url) else ""

    @property
    def prefix(self) -> str:
        """The keys' prefix, without slashes at its ends; empty for a whole bucket or a folder."""
        return urlsplit(self.url).path.strip("/") if is_store(self.url) else ""


def is_store(url: str) -> bool:
    """Whether a destination is an object store."""
    return url.startswith(_STARTS)


def parse(text: str) -> str:
    """A destination as written in YAML: a path, or a store's URL in its canonical spelling.

    Raises ValueError.
    """
    if not text.strip():
        raise ValueError(_EXAMPLE)
    scheme, separator, rest = text.strip().partition("://")
    scheme = scheme.lower()
    if not separator:
        return text
    if scheme == "file":
        return _path_of(rest)
    if scheme not in SCHEMES:
        raise ValueError(f"{_EXAMPLE} (s3, gs, az or file)")
    bucket, _, prefix = rest.partition("/")
    if "@" in bucket or "?" in rest or "#" in rest:
        raise ValueError(
            "must not contain credentials, ? or #: credentials come from the environment, other"
            " options from settings.store"
        )
    if not _BUCKET.fullmatch(bucket):
        raise ValueError(f"has an invalid bucket name; {_EXAMPLE}")
    prefix = prefix.strip("/")
    if prefix and any(part in {"", ".", ".."} for part in prefix.split("/")):
        raise ValueError("must not contain //, /./ or /../")
    return f"{scheme}://{bucket}/{prefix}".rstrip("/")


def workspace_name(url: str) -> str:
    """The name of a store's workspace next to the YAML file, below ``.backhaul``; no two URLs share one."""
    plain = url.replace("://", "/")
    name = _UNSAFE.sub("-", plain)
    if len(name) <= _LONG and "-" not in plain and name == plain.replace("/", "-").lower():
        return name
    return f"{name[:_LONG]}-{hashlib.sha256(url.encode()).hexdigest()[:12]}"


def _path_of(rest: str) -> str:
    host, slash, path = rest.partition("/")
    if host not in {"", "localhost"} or not slash:
        raise ValueError("should be file:///path/to/a/folder")
    return "/" + unquote(path)
