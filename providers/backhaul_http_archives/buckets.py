"""A bucket that is only read: its objects are listed and their links signed by obstore.

obstore is part of the extra ``stores``, so it is imported when a bucket is first used. Its own retries
handle transient errors; an interrupted listing continues after the last object.
"""

import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from backhaul import (
    AuthError,
    BackhaulError,
    ConfigError,
    Http,
    NotDataError,
    NotFoundError,
    ProviderError,
    Secret,
    ThrottledError,
    UnreachableError,
    aws_credentials,
    how_to_install,
)
from backhaul_http_archives.s3_options import S3Source

if TYPE_CHECKING:
    from obstore.store import S3Store

log = logging.getLogger(__name__)

LINKS_LAST: Final = timedelta(hours=12)
"""How long a signed link works."""

_ATTEMPTS: Final = 4
_PAGE: Final = 1000
_STATUS: Final = re.compile(r"status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>(\w{1,80})</Code>")
_METADATA: Final = "169.254.169.254"  # where obstore looks for credentials last
_NO_KEYS: Final = "Unable to locate credentials"  # of botocore
_ENVIRONMENT: Final = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
)  # fmt: skip
_NO_LIST: Final = re.compile(r"(?i)pars|deserializ|path")
_SERVER: Final = 500
_OTHER_REGION: Final = (ProviderError, ": if the bucket is in another region, write region:")
_KINDS: Final[Mapping[int, tuple[type[BackhaulError], str]]] = {
    301: _OTHER_REGION,
    400: _OTHER_REGION,
    401: (AuthError, ""),
    403: (AuthError, ": is the key right, and may it list the bucket?"),
    404: (NotFoundError, ": is there such a bucket?"),
    429: (ThrottledError, ""),
}


class Object(NamedTuple):
    """A listed object; ``etag`` is without quotes, '' if there is none."""

    key: str
    size: int
    etag: str


def objects(http: Http, source: S3Source, prefix: str) -> Iterator[Object]:
    """The objects whose keys begin with a prefix, in order; folder markers are left out.

    Raises:
        AuthError, NotFoundError, ThrottledError, UnreachableError, ProviderError: as with any API.
        ConfigError: obstore is not installed.
    """
    held: Object | None = None
    for found in _listed(http, source, prefix):
        if held is not None and not _is_folder(held, found.key):
            yield held
        held = found
    if held is not None and not _is_folder(held, ""):
        yield held


def link(source: S3Source, key: str) -> str:
    """The URL of an object: signed, or plain if the source is anonymous."""
    return _signed(source, key).partition("?")[0] if source.anonymous else _signed(source, key)


def _signed(source: S3Source, key: str) -> str:
    import obstore  # noqa: PLC0415 - an extra; `_store` has reported it if it is missing

    store = _store_of(source, sign=True)
    try:
        return obstore.sign(store, "GET", key, LINKS_LAST)
    except obstore.exceptions.BaseError as error:
        raise _error(error, f"{_where(source, key)}: signing a link") from None


def _listed(http: Http, source: S3Source, prefix: str) -> Iterator[Object]:
    """All objects below a prefix.

    obstore takes any XML, even a proxy's page, for the end of the listing. So the end is requested again, from
    the last object but one: a listing that has the last object, and none after it, ends there.
    """
    before: str | None = None
    last: str | None = None
    attempt = 0
    while True:
        known = last
        has_known = False
        try:
            for found in _from(http, source, prefix, before):
                if found.key == known:
                    has_known = True
                    continue
                before, last = last, found.key
                attempt = 0
                yield found
        except UnreachableError as error:
            attempt += 1
            if attempt == _ATTEMPTS:
                raise
            log.info("%s; asking again", error)
            http.sleep(2.0**attempt / 4)
            continue
        if last is None:
            _check_is_store(http, source, prefix)
            return
        if known is not None and not has_known:
            raise NotDataError(
                f"{_where(source, prefix)}: no longer has {known[:80]!r}: the listing changed while it was being read"
            )
        if last == known:
            return


def _from(http: Http, source: S3Source, prefix: str, offset: str | None) -> Iterator[Object]:
    """The objects below a prefix whose keys come after the offset."""
    store = _store_of(source, sign=not source.anonymous)
    import obstore  # noqa: PLC0415 - an extra

    pages = store.list(prefix.rstrip("/") or None, offset=offset, chunk_size=_PAGE)
    count = _PAGE
    try:
        while True:
            if count == _PAGE:  # otherwise the listing has ended, and there is nothing to request
                http.take_turn(source.base_url)
            page = next(pages, None)
            if page is None:
                return
            count = len(page)
            for each in page:
                yield Object(each["path"], each["size"], (each["e_tag"] or "").strip('"'))
    except obstore.exceptions.BaseError as error:
        raise _error(error, _where(source, prefix)) from None


def _check_is_store(http: Http, source: S3Source, prefix: str) -> None:
    """Raises NotDataError if an empty listing does not come from a store, which would send XML."""
    answer = http.get(link(source, f"{prefix}backhaul-was-here"), allow={403, 404})
    if answer.ok or b"<Code>" not in answer.content:
        raise NotDataError(
            f"{_where(source, prefix)}: has no objects, and does not respond like an S3 store"
        )


def _is_folder(found: Object, following: str) -> bool:
    """Whether an object is only a folder marker, as created by consoles: empty, with other objects below it."""
    if found.size:
        return False
    return following.startswith(f"{found.key}/") or "." not in found.key.rpartition("/")[2]


def _store_of(source: S3Source, *, sign: bool) -> "S3Store":
    keys = (source.access_key_id, source.secret_access_key)
    if source.anonymous and sign:
        keys = (Secret("none"), Secret("none"))  # only for the URL: the signature is cut off
    found = tuple(os.environ.get(name) for name in _ENVIRONMENT)
    return _store(_Access(source, keys if sign else None, found))


@dataclass(frozen=True, slots=True)
class _Access:
    """The parameters of a store, including the environment, which obstore reads.

    Attributes:
        source: the location of the bucket.
        keys: the source's keys; both None: the environment's; None: requests are not signed.
        environment: the values of _ENVIRONMENT.
    """

    source: S3Source = field(compare=False)
    keys: tuple[Secret | None, Secret | None] | None
    environment: tuple[str | None, ...]
    place: tuple[Any, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Take from the source, which is not hashable, what distinguishes stores."""
        it = self.source
        place = (it.bucket, it.base_url, it.home, it.requester_pays, it.contact, it.profile)
        object.__setattr__(self, "place", place)


@lru_cache(maxsize=64)
def _store(access: _Access) -> "S3Store":
    try:
        from obstore.store import S3Store  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigError(
            f"the provider s3-prefix needs obstore: {how_to_install('stores')}"
        ) from None
    source, keys = access.source, access.keys
    config: dict[str, Any] = {
        "endpoint": source.base_url,
        "aws_endpoint_url_s3": source.base_url,  # the environment's would take precedence
        "region": source.home,
        "virtual_hosted_style_request": False,
        "request_payer": source.requester_pays,
    }
    if keys is None:
        config["skip_signature"] = True
    elif keys[0] is not None and keys[1] is not None:
        key, secret = keys[0], keys[1]
        config["credential_provider"] = lambda: {  # the environment is ignored
            "access_key_id": key.reveal(),
            "secret_access_key": secret.reveal(),
            "token": None,
            "expires_at": None,
        }
    elif (found := aws_credentials(source.profile)) is not None:
        config["credential_provider"] = found
    return S3Store(
        source.bucket,
        client_options={
            "allow_http": source.base_url.startswith("http://"),
            "connect_timeout": "10s",
            "timeout": "60s",
            "user_agent": "backhaul" if source.contact is None else f"backhaul ({source.contact})",
        },
        retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=60)},
        **config,
    )


def _where(source: S3Source, key: str) -> str:
    return f"s3://{source.bucket}/{key[:200]} at {source.base_url}"


def _error(error: Exception, where: str) -> BackhaulError:
    """The exception for obstore's, whose text may contain a whole response."""
    text = str(error)
    if _METADATA in text or _NO_KEYS in text:
        return AuthError(
            f"{where}: no credentials; write access_key_id and secret_access_key, set"
            " AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, write the name of a profile, or"
            " anonymous: true for a public bucket"
        )
    answered = _STATUS.search(text)
    if answered is None:
        message = text.partition("\n")[0].rpartition(" - ")[2][:200]
        broken = NotDataError if _NO_LIST.search(message) else UnreachableError
        return broken(f"{where}: {message}")
    status = int(answered[1])
    code = f" ({found[1]})" if (found := _CODE.search(text)) else ""
    kind, hint = _KINDS.get(status, (UnreachableError if status >= _SERVER else ProviderError, ""))
    return kind(f"{where} returned {status}{code}{hint}")
