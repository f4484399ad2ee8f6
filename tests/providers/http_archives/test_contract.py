"""The contract for these providers."""

from backhaul.testing import ProviderContract
from backhaul_http_archives.emulated_index import HttpIndexEmulator
from backhaul_http_archives.emulated_s3 import S3PrefixEmulator
from backhaul_http_archives.emulated_series import HttpSeriesEmulator


class TestSeries(ProviderContract):
    emulator = HttpSeriesEmulator


class TestIndex(ProviderContract):
    emulator = HttpIndexEmulator


class TestBucket(ProviderContract):
    emulator = S3PrefixEmulator
