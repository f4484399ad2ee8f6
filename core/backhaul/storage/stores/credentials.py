"""AWS credentials as the AWS command line finds them: environment, profiles, SSO, roles.

obstore knows only the environment and the metadata services, so botocore finds them, for small and
large uploads alike.
"""

import logging
import os
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from backhaul.errors import ConfigError
from backhaul.extras import how_to_install
from backhaul.redact import register
from backhaul.storage.store_options import StoreOptions

if TYPE_CHECKING:
    from collections.abc import Callable

_PAIR: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
# When asked, botocore renews credentials that are about to expire.
_AGAIN: Final = timedelta(minutes=5)
_HOME: Final = "us-east-1"


def aws_credentials(profile: str | None) -> "Callable[[], Any] | None":
    """Returns a credential provider for obstore; None if the environment has credentials, which obstore reads itself.

    Args:
        profile: a section of ``~/.aws/config`` and ``~/.aws/credentials``; None: as set in the environment.

    Raises ConfigError if botocore is not installed, or has no such profile.
    """
    if profile is None and all(os.environ.get(name) for name in _PAIR):
        for name in (_PAIR[1], "AWS_SESSION_TOKEN"):
            if value := os.environ.get(name):
                register(value)
        return None

    botocore_session(profile)  # obstore would report an unknown profile in its own words

    def current() -> dict[str, Any]:
        found = botocore_session(profile).get_credentials()
        if found is None:
            from botocore.exceptions import NoCredentialsError  # noqa: PLC0415 - slow

            raise NoCredentialsError
        frozen = found.get_frozen_credentials()
        for value in (frozen.secret_key, frozen.token):
            if value:
                register(value)
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + _AGAIN if frozen.token else None,
        }

    return current


def aws_region(options: StoreOptions) -> str:
    """The bucket's region: as configured, from the environment, or from the profile."""
    named = options.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if named:
        return named
    if options.endpoint is not None and all(os.environ.get(name) for name in _PAIR):
        return _HOME  # other services accept any region, and no profile is used
    found: str | None = botocore_session(options.profile).get_config_variable("region")
    return found or _HOME


def botocore_session(profile: str | None) -> Any:
    """A session of botocore. Raises ConfigError if it is not installed, or has no such profile."""
    return _session(
        profile, tuple(sorted(each for each in os.environ.items() if "AWS_" in each[0]))
    )


@lru_cache(maxsize=8)
def _session(profile: str | None, _environment: tuple[tuple[str, str], ...]) -> Any:
    """Reads the environment once, and keeps the credentials, renewing them as needed."""
    try:
        import botocore.session  # noqa: PLC0415 - an extra, and slow
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - like the one above
    except ImportError:
        raise ConfigError(f"S3 needs botocore: {how_to_install('stores')}") from None
    logging.getLogger("botocore").setLevel(logging.WARNING)  # its details include signed headers
    session = botocore.session.Session(profile=profile)
    try:
        session.get_scoped_config()
    except BotoCoreError as error:
        raise ConfigError(f"{error}; profile must be a section of ~/.aws/config") from None
    return session
