"""Opens a bucket with obstore: endpoint, region, credentials, and timeouts."""

from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from backhaul.errors import ConfigError
from backhaul.extras import how_to_install
from backhaul.storage.location import Location
from backhaul.storage.store_options import StoreOptions
from backhaul.storage.stores.credentials import aws_credentials, aws_region

if TYPE_CHECKING:
    from obstore.store import AzureStore, GCSStore, S3Store

    ObjectStore = AzureStore | GCSStore | S3Store

CONNECT: Final = 10  # seconds to connect
LONGEST: Final = 900  # seconds for a request; Calls stops those that stall
# Calls does the retries: obstore's take three minutes and cannot be interrupted.
_ONCE: Final[Any] = {"max_retries": 0, "retry_timeout": timedelta(seconds=1)}


def open_bucket(dest: Location) -> "ObjectStore":
    """Opens the bucket of a location; contacts no server.

    Raises:
        ConfigError: obstore or, for S3, botocore is not installed, or an option is invalid.
    """
    for package in ("obstore", "botocore") if dest.scheme == "s3" else ("obstore",):
        if find_spec(package) is None:
            raise ConfigError(f"{dest} needs {package}: {how_to_install('stores')}")
    from obstore.store import AzureStore, GCSStore, S3Store  # noqa: PLC0415 - an extra

    options = dest.store or StoreOptions()
    common: dict[str, Any] = {
        "client_options": {
            "allow_http": options.endpoint is not None and options.endpoint.startswith("http://"),
            "connect_timeout": f"{CONNECT}s",
            "timeout": f"{LONGEST}s",
            "user_agent": "backhaul",
        },
        "retry_config": _ONCE,
    }
    try:
        if dest.scheme == "s3":
            return S3Store(dest.bucket, **common, **_s3(options))
        if dest.scheme == "gs":
            base: dict[str, Any] = (
                {} if options.endpoint is None else {"base_url": options.endpoint}
            )
            return GCSStore(dest.bucket, **common, **base)
        return AzureStore(dest.bucket, **common, **_azure(options))
    except Exception as error:  # noqa: BLE001 - obstore's own errors have no base class in common with ValueError
        raise ConfigError(f"{dest}: {str(error).partition(chr(10))[0][:200]}") from None


def _s3(options: StoreOptions) -> dict[str, Any]:
    found: dict[str, Any] = {
        "region": aws_region(options),
        "virtual_hosted_style_request": is_virtual(options),
        "request_payer": options.request_payer,
        "checksum_algorithm": "sha256",
        "conditional_put": "etag",
        "disable_bulk_delete": True,  # some services have no regions
        "credential_provider": aws_credentials(options.profile),
    }
    if options.endpoint is not None:
        # The second takes precedence over the environment's AWS_ENDPOINT_URL_S3.
        found |= {"endpoint": options.endpoint, "aws_endpoint_url_s3": options.endpoint}
    return {key: value for key, value in found.items() if value is not None}


def is_virtual(options: StoreOptions) -> bool:
    """Whether the bucket is part of the host name."""
    if options.addressing == "auto":
        return options.endpoint is None
    return options.addressing == "virtual"


def _azure(options: StoreOptions) -> dict[str, Any]:
    found = {"account_name": options.account, "endpoint": options.endpoint}
    return {key: value for key, value in found.items() if value is not None}
