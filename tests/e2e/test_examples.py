"""The examples in configs/ run unchanged against the emulators."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.seaweed import KEY, PRIVATE, SECRET, seaweed
from tests.usual import usual

from backhaul.testing.serve import emulator

CONFIGS = Path(__file__).parents[2] / "configs"


# All interactions are queued when the run starts; waiting for them is tested elsewhere.
EMULATED: dict[str, dict[str, Any]] = {
    "datasift-historics": {"step": None, "quiet_every": 0, "waiting": 0},
    "gnip-hpt": {},
    "http-index": {},
    "http-series": {"open_to_all": True},
    "massrelevance-meta": {},
    "s3-prefix": {},
    "stocktwits-backup": {},
}


@pytest.fixture
def served() -> Iterator[dict[str, Any]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(emulator(name, **scale)) for name, scale in EMULATED.items()
        }


@pytest.mark.parametrize(
    "example",
    usual(
        sorted(path.name for path in CONFIGS.glob("*.yaml")),
        "demo.yaml",
        "gharchive.yaml",
        "s3-flatfiles.yaml",
    ),
)
def test_an_example_runs_against_the_emulators(
    backhaul: Callable[..., Any],
    served: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    example: str,
) -> None:
    config = tmp_path / example
    config.write_text((CONFIGS / example).read_text())
    for name, value in environment(served).items():
        monkeypatch.setenv(name, value)
    with ExitStack() as stack:
        if example == "to-a-bucket.yaml":
            for name, value in bucket(stack, tmp_path / "store").items():
                monkeypatch.setenv(name, value)
        ended = backhaul("run", config, "--json")
    assert ended.code == 0, ended.err
    jobs = ended.json["jobs"]
    assert {job["state"] for job in jobs} == {"complete"}
    assert len(jobs) == len(yaml.safe_load((CONFIGS / example).read_text())["jobs"])


def bucket(stack: ExitStack, folder: Path) -> dict[str, str]:
    """The variables of the example that stores its files in a bucket, for a running store."""
    store = stack.enter_context(seaweed(folder))
    return {
        "ARCHIVE": f"s3://{PRIVATE}/gharchive",
        "STORE_URL": store.url,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }


def environment(served: dict[str, Any]) -> dict[str, str]:
    """The variables used by the examples, for the emulators."""
    gnip, stocktwits = served["gnip-hpt"], served["stocktwits-backup"]
    datasift, tweetriver = served["datasift-historics"], served["massrelevance-meta"]
    emulators = {
        f"BACKHAUL_EMULATOR_{name.upper().replace('-', '_')}": one.url
        for name, one in served.items()
    }
    return emulators | {
        "GNIP_URL": gnip.url,
        "GNIP_V1_URL": gnip.url,
        "GNIP_USERNAME": gnip.source()["username"],
        "GNIP_PASSWORD": gnip.source()["password"],
        "STOCKTWITS_URL": stocktwits.url,
        "STOCKTWITS_USERNAME": stocktwits.source()["username"],
        "STOCKTWITS_PASSWORD": stocktwits.source()["password"],
        "DATASIFT_URL": datasift.url,
        "DATASIFT_USERNAME": datasift.source()["username"],
        "DATASIFT_API_KEY": datasift.source()["api_key"],
        "DATASIFT_QUERY": datasift.jobs()["harbor-fog"]["id"],
        "TWEETRIVER_URL": tweetriver.url,
        "GHARCHIVE_URL": served["http-series"].url,
        "PAGEVIEWS_URL": f"{served['http-index'].url}/auto",
        "CONTACT": "ops@example.org",
        "BINANCE_URL": served["http-series"].url,
        "ROUTEVIEWS_URL": served["http-series"].url,
        "ROUTEVIEWS_PACE": "1000/s",
        "OPENALEX_URL": served["http-index"].url,
        "FLATFILES_URL": served["s3-prefix"].url,
        "FLATFILES_KEY": served["s3-prefix"].source()["access_key_id"],
        "FLATFILES_SECRET": served["s3-prefix"].source()["secret_access_key"],
        "BACKHAUL_WAIT": "1m",
    }
