"""Each provider's archive identity, and what may change without becoming another archive."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.one_job import job_spec

from backhaul import SourceOptions
from backhaul.archive.fingerprint import Fingerprint
from backhaul.config import JobSpec
from backhaul.http.unused import UnusedHttp
from backhaul.plugins.discovery import Plugins
from backhaul.run.identity import fingerprint_of

Keys = dict[str, Any]

GNIP: tuple[str, Keys, Keys] = (
    "gnip-hpt",
    {"account": "acme", "username": "ops@example.org", "password": "one"},
    {"id": "kj4r26m0qx"},
)
DATASIFT: tuple[str, Keys, Keys] = (
    "datasift-historics",
    {"username": "harbor", "api_key": "one"},
    {"id": "0a1b2c"},
)
STOCKTWITS: tuple[str, Keys, Keys] = (
    "stocktwits-backup",
    {"username": "desk@example.org", "password": "one"},
    {"from": "2016-12-01", "to": "2017-01-01"},
)
MASSRELEVANCE: tuple[str, Keys, Keys] = (
    "massrelevance-meta",
    {"account": "acme"},
    {"stream": "kindle", "from": "2012-09-26", "to": "2012-10-01", "every": "1d"},
)


SERIES: tuple[str, Keys, Keys] = (
    "http-series",
    {"url": "https://data.example.org/a/{start:%Y-%m-%d}.gz", "every": "1d"},
    {"from": "2026-01-01", "to": "2026-02-01"},
)
INDEX: tuple[str, Keys, Keys] = ("http-index", {"url": "https://data.example.org/list/"}, {})
BUCKET: tuple[str, Keys, Keys] = (
    "s3-prefix",
    {"bucket": "flatfiles", "prefix": "days/", "access_key_id": "k", "secret_access_key": "one"},
    {},
)
MOVED = "https://mirror.example.net:8443"


def fingerprint(one: tuple[str, Keys, Keys], source: Keys, job: Keys) -> Fingerprint:
    provider, source_keys, job_keys = one
    info = Plugins().load(provider).info
    spec = job_spec(
        Path("nowhere"),
        provider=provider,
        source_options=info.source.model_validate(source_keys | source),
        options=info.job.model_validate(
            {key: value for key, value in (job_keys | job).items() if value is not None}
        ),
    )
    return fingerprint_of(spec, _identity(provider, spec))


def _identity(provider: str, spec: JobSpec) -> Mapping[str, str]:
    """The identity reported by the provider, if it needs no request for it."""
    if provider not in {"http-series", "http-index", "s3-prefix"}:
        return {}
    loaded = Plugins().load(provider)
    return loaded.get_status(UnusedHttp(), spec.source.options, spec.options).identity


@pytest.mark.parametrize(
    ("one", "source", "job"),
    [
        (GNIP, {"account": "other"}, {}),
        (GNIP, {}, {"id": "another"}),
        (DATASIFT, {"username": "other"}, {}),
        (DATASIFT, {}, {"id": "ffff"}),
        (STOCKTWITS, {"username": "other@example.org"}, {}),
        (MASSRELEVANCE, {"account": "other"}, {}),
        (MASSRELEVANCE, {}, {"stream": "other"}),
        (SERIES, {"url": "https://data.example.org/b/{start:%Y-%m-%d}.gz"}, {}),
        (INDEX, {"url": "https://data.example.org/other/"}, {}),
        (BUCKET, {"bucket": "others"}, {}),
        (BUCKET, {"prefix": "hours/"}, {}),
    ],
)
def test_another_account_or_job_is_another_archive(
    one: tuple[str, Keys, Keys], source: Keys, job: Keys
) -> None:
    assert fingerprint(one, source, job).differs(fingerprint(one, {}, {}))


HERE = {"base_url": "http://127.0.0.1:8080/proxy"}


@pytest.mark.parametrize(
    ("one", "source", "job"),
    [
        (GNIP, {"username": "new@example.org", "password": "two"}, {}),
        (GNIP, {"api_version": 1, **HERE}, {"links": "csv"}),
        (GNIP, {}, {"id": None, "title": "WorldCup"}),
        (DATASIFT, {"api_key": "two", "api_version": "v1.3", **HERE}, {}),
        (DATASIFT, {"patience": "1m", "pulls_per_second": 1.0}, {"split": "1M", "poll": "1s"}),
        (DATASIFT, {}, {"id": None, "name": "fog", "subscription": "ffee"}),
        (STOCKTWITS, {"password": "two", **HERE}, {}),
        (STOCKTWITS, {}, {"from": "2010-01-01", "to": "2011-01-01", "file_types": ["message"]}),
        (MASSRELEVANCE, HERE, {"from": "2012-01-01", "every": "1h"}),
        (MASSRELEVANCE, {}, {"params": {"num_days": 7}, "formats": ["xml"]}),
        (SERIES, {"url": MOVED + "/a/{start:%Y-%m-%d}.gz", "pace": "1/s", "lag": "1h"}, {}),
        (SERIES, {"contact": "ops@example.org", "missing": [403]}, {"from": "-7d", "to": "now"}),
        (INDEX, {"url": f"{MOVED}/list/", "include": ["*.gz"], "name": "{path}"}, {}),
        (BUCKET, {"endpoint": MOVED, "region": "eu-west-1"}, {}),
        (BUCKET, {"access_key_id": "other", "secret_access_key": "two", "etag": "md5"}, {}),
    ],
)
def test_other_credentials_periods_filters_and_locations_are_the_same_archive(
    one: tuple[str, Keys, Keys], source: Keys, job: Keys
) -> None:
    assert not fingerprint(one, source, job).differs(fingerprint(one, {}, {}))


@pytest.mark.parametrize(
    "one", [GNIP, DATASIFT, STOCKTWITS, MASSRELEVANCE, BUCKET], ids=lambda one: one[0]
)
def test_no_secret_is_stored(one: tuple[str, Keys, Keys]) -> None:
    provider, source, _ = one
    model: type[SourceOptions] = Plugins().load(provider).info.source
    secrets = [name for name, value in model.model_fields.items() if "Secret" in str(value)]
    changed = dict.fromkeys(secrets, "hunter2hunter2")

    assert "hunter2" not in fingerprint(one, source | changed, {}).text()
